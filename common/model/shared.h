// What tasks of different executions share: small records with versions, kept by the scheduler, and news of their changes.
// Place: a budget, a snapshot of something remote, who has claimed what; read and written by tasks through
//   worker/engine_door.h, kept by scheduler/shared_book.h.
// Shapes: keys are paths of the kind of thing ("gh/…"); values are opaque bytes.
// Threads: values. Source: GITHUB section 5; docs/adr/0009-shared-records.md.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/base/time.h"

namespace headrace::model {

struct SharedRecord {
  std::string key;
  std::uint64_t version = 0;  // rises with every change; 0: there is none
  std::string value{};
  bool operator==(const SharedRecord&) const = default;
};

struct SharedPut {
  std::string key;
  std::optional<std::uint64_t> if_version{};  // only if this is its version; 0: only if there is none
  std::string value{};
  Duration keep{};                            // then it is forgotten; zero forgets it now
};

// Runs that wait (wire::LookLater) for one of these keys of the topic are looked at now; no keys: all that wait for it.
struct SharedNews {
  std::string topic;
  std::vector<std::string> keys{};
};

struct ShareRequest {
  std::vector<std::string> read{};
  std::vector<SharedPut> put{};    // all of them, or none when a version differs
  std::vector<SharedNews> news{};  // told if the puts are made
};

struct ShareReply {
  bool applied = true;                  // false: a version differed, nothing was changed or told
  std::vector<SharedRecord> records{};  // those read, then those put, as they are now
  bool operator==(const ShareReply&) const = default;
};

// Of one request.
inline constexpr std::size_t kSharedKeysMax = 1000;
// Of one record, and of all together.
inline constexpr std::size_t kSharedValueBytesMax = 256 * 1024;
inline constexpr std::size_t kSharedBytesMax = 256 * 1024 * 1024;
inline constexpr Duration kSharedKeepMax = std::chrono::hours(24 * 400);

}  // namespace headrace::model
