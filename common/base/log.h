// The process's own log (not the logs of tasks): one line an event to stderr.
// Threads: any. Source: spdlog; UX.md section 7.
#pragma once

#include <spdlog/spdlog.h>

#include <string_view>

namespace headrace {

// level: trace, debug, info, warn, error, off. format: text or json.
void InitLog(std::string_view level, std::string_view format = "text");

}  // namespace headrace
