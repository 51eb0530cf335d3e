// Ids as distinct types with a printable, sortable form.
// Shapes: an execution id is 22 letters and digits, the first 8 of them its time of birth, so ids sort by age, the last two
//   its place;
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

// Where a flow and all its executions are kept: a store with several partitions puts those of one place into one. Every
// execution's id ends with its place, so whoever has the id knows where to ask.
using Place = std::uint32_t;
inline constexpr Place kPlaces = 256;
Place PlaceOfFlow(std::string_view ns, std::string_view flow_id);
Place PlaceOf(const ExecutionId& id);

// A new id from the time and randomness.
ExecutionId NewExecutionId(Timestamp now, Random& random, Place place);
// An id that always comes out the same for the same parent and salt (child executions, replays).
ExecutionId DeriveExecutionId(Timestamp now, std::string_view parent, std::string_view salt, Place place);
// An id that always comes out the same for the same execution and place.
TaskRunId DeriveTaskRunId(const ExecutionId& execution, std::uint64_t place);

}  // namespace headrace

template <typename Tag>
struct std::hash<headrace::StrongId<Tag>> {
  std::size_t operator()(const headrace::StrongId<Tag>& id) const noexcept {
    return std::hash<std::string>()(id.str());
  }
};
