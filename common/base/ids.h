// Ids as distinct types with a printable, sortable form.
// Shapes: an execution id is 22 letters and digits, the first 8 of them its time of birth, so ids sort by age;
//   a task-run id is derived from its execution and place, so an executor without randomness can make it.
// Threads: values. Source: REST.md (ids of at least 20 alphanumerics).
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "common/base/random.h"
#include "common/base/time.h"

namespace headrace {

template <typename Tag>
class StrongId {
 public:
  StrongId() = default;
  explicit StrongId(std::string text) : text_(std::move(text)) {}
  const std::string& str() const { return text_; }
  bool empty() const { return text_.empty(); }
  auto operator<=>(const StrongId&) const = default;

 private:
  std::string text_;
};

using ExecutionId = StrongId<struct ExecutionIdTag>;
using TaskRunId = StrongId<struct TaskRunIdTag>;
using WorkerId = StrongId<struct WorkerIdTag>;

// A new id from the time and randomness.
ExecutionId NewExecutionId(Timestamp now, Random& random);
// An id that always comes out the same for the same parent and salt (child executions, replays).
ExecutionId DeriveExecutionId(Timestamp now, std::string_view parent, std::string_view salt);
// An id that always comes out the same for the same execution and place.
TaskRunId DeriveTaskRunId(const ExecutionId& execution, std::uint64_t place);

}  // namespace headrace

template <typename Tag>
struct std::hash<headrace::StrongId<Tag>> {
  std::size_t operator()(const headrace::StrongId<Tag>& id) const noexcept {
    return std::hash<std::string>()(id.str());
  }
};
