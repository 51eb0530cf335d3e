// Log lines of one execution packed for Redis: a chunk of lines, and the tally that stands before them.
// Shapes: a chunk begins with the offset of its first line, which stays when lines are taken out of it.
// Errors: a chunk that does not pass its checksum is DATA_LOSS. Threads: pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/store/log_cap.h"

namespace headrace::store {

struct LogLine {
  std::uint64_t offset = 0;
  LogRow row;
};

std::string LogKey(const std::string& execution);

// REQUIRES: at least one line, offsets rising from `first` on.
std::string PackLogChunk(std::uint64_t first, const std::vector<LogLine>& lines);
struct LogChunk {
  std::uint64_t first = 0;
  std::vector<LogLine> lines{};
};
Result<LogChunk> UnpackLogChunk(const ExecutionId& execution, std::string_view packed);

// "rows:bytes:capped:writer"; `writer` tells whose write it was.
std::string PackTally(const LogTally& tally, std::string_view writer);
LogTally UnpackTally(std::string_view text);

}  // namespace headrace::store
