// News as lines, one a change and one a log line: for what is no terminal, and above the tree of one.
// Threads: pure.
#pragma once

#include <optional>
#include <string>

#include "cli/watch/model.h"
#include "cli/watch/render.h"

namespace headrace::cli {

// "12:00:01 ✔ oss › start_release SUCCESS 3.2s"; nothing for changes nobody waits for.
std::optional<std::string> ChangeLine(const WatchModel& model, const WatchChange& change, const RenderStyle& style);
// "12:00:01 INFO  oss › start_release | message"; one line a line of the message.
std::string LogLineText(const WatchModel& model, const std::string& execution, const v1::LogEntry& entry,
                        const RenderStyle& style);

}  // namespace headrace::cli
