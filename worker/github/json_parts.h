// Pieces of GitHub's answers and of what tasks tell: texts, lists of them, instants.
// Errors: none; what is absent or of another type is empty. Threads: pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/base/clock.h"
#include "common/model/value.h"

namespace headrace::worker::github {

// "2026-11-23T11:20:13Z"; the epoch when it is none.
Timestamp InstantAt(const Value& from, std::string_view key);
std::vector<std::string> TextsOf(const Value& from, std::string_view key);
Array TextList(const std::vector<std::string>& texts);
Value TextOrNull(const std::string& text);
// "a, b and 3 more".
std::string Listed(const std::vector<std::string>& names);

}  // namespace headrace::worker::github
