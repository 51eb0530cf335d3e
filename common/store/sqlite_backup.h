// A consistent copy of the embedded store's file while a scheduler writes to it, and what such a copy needs before it is used.
// Errors: no store NOT_FOUND; another program's or a newer version's FAILED_PRECONDITION; a damaged one DATA_LOSS; each with a
//   remedy. Threads: the caller's. Source: sqlite.org/backup.html.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "common/base/error.h"

namespace headrace::store {

// So much of a file, from its front, tells whose it is.
inline constexpr std::size_t kSqliteHeadBytes = 100;

using CopyTold = std::function<void(std::uint64_t bytes_done, std::uint64_t bytes_all)>;

// Copies one state of `from` into the new file `to` and checks it. The scheduler is not held up; its write-ahead log grows meanwhile.
Status CopySqlite(const std::string& from, const std::string& to, const CopyTold& told);
// Whether a file that begins so is a store that this headrace can open; `place` names it.
Status CheckSqliteHead(std::string_view head, const std::string& place);
// Checks every page, and lets the next owner's epochs begin beyond all that were given after the copy was made: workers that
// still run would refuse smaller ones. REQUIRES: nobody else has the file.
Status PrepareRestored(const std::string& path);

}  // namespace headrace::store
