// The order of task keys: by execution, task run, attempt and delivery, so that all deliveries of one task run stand together.
// Threads: pure. Sorted containers keep the session the same run after run.
#pragma once

#include <tuple>

#include "common/wire/messages.h"

namespace headrace::worker {

struct TaskKeyLess {
  bool operator()(const wire::TaskKey& a, const wire::TaskKey& b) const {
    const auto fence = [](const wire::TaskKey& k) {
      return std::tuple(k.fence.task_run, k.fence.attempt, k.fence.delivery);
    };
    if (const auto order = a.execution <=> b.execution; order != 0) return order < 0;
    return fence(a) < fence(b);
  }
};

// Whether both name the same task run, whatever the attempt and the delivery.
inline bool SameTaskRun(const wire::TaskKey& a, const wire::TaskKey& b) {
  return a.execution == b.execution && a.fence.task_run == b.fence.task_run;
}

}  // namespace headrace::worker
