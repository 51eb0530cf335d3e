// What a worker is about, for whoever looks at it: health, metrics.
// Threads: the loop and its tasks write, any may read. `task_ended` is called on the loop's thread, which must not wait.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>

#include "common/base/time.h"
#include "common/base/work_watch.h"
#include "common/model/state.h"

namespace headrace::worker {

struct Vitals {
  std::atomic<std::uint32_t> slots_busy{0};
  std::atomic<std::uint32_t> slots_free{0};
  std::atomic<bool> welcomed{false};  // a scheduler has, and is heard
  std::atomic<bool> draining{false};
  WorkWatch work;                    // of the loop
  std::atomic<std::int64_t> heard{0};  // when a scheduler answered last, UTC microseconds; 0: never
  std::atomic<std::uint64_t> log_lines{0};
  std::atomic<std::uint64_t> log_bytes{0};
  std::atomic<std::uint64_t> logs_dropped{0};  // lines
  std::function<void(const std::string& type, model::State state)> task_ended{};  // set before the worker runs; may be empty
};

}  // namespace headrace::worker
