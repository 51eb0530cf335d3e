// http.SseRequest: reads a stream of server-sent events to its end. Threads: pure. Source: FLOWS 1.9; the WHATWG's rules.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "worker/registry.h"

namespace headrace::worker {

struct SseEvent {
  std::string id{};
  std::string name{};
  std::string comment{};
  std::string data{};
};

// Cuts a stream that comes in pieces into events.
class SseReader {
 public:
  static constexpr std::size_t kEventBytesMax = 8U * 1024 * 1024;
  explicit SseReader(std::function<Status(SseEvent)> on_event) : on_event_(std::move(on_event)) {}
  // Error: that of the callback; RESOURCE_EXHAUSTED for an event that is too large.
  Status Push(std::string_view bytes);

 private:
  Status OnLine(std::string_view line);
  std::function<Status(SseEvent)> on_event_;
  std::string line_{};
  bool after_return_ = false;
  SseEvent event_{};
  bool has_data_ = false;
  std::string last_id_{};
};

TaskType SseTask(std::vector<model::PropertySpec> properties);

}  // namespace headrace::worker
