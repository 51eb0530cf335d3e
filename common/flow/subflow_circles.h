// Flows that start one another in a circle: legal, as a condition may end it, and mostly a mistake.
// Shapes: only names that are written out, or `{{ flow.namespace }}` and `{{ flow.id }}`, are known before a run.
// Cost: what the flow reaches, a thousand flows at most; circles longer than that are not found.
// Threads: pure but for `find`. Source: FAILURES row 56.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "common/base/error.h"
#include "common/model/flow.h"

namespace headrace::flow {

struct SubflowCall {
  std::string ns;
  std::string flow_id;
  model::TaskIndex task = 0;
};
std::vector<SubflowCall> SubflowCalls(const model::Flow& flow);

// The latest flow of a name; nullptr when there is none.
using FindFlow = std::function<model::FlowPtr(const std::string& ns, const std::string& flow_id)>;
// A warning at the task by which the shortest circle leaves this flow, if there is one.
std::optional<Violation> FindCircle(const model::Flow& flow, const FindFlow& find, const std::string& file);

}  // namespace headrace::flow
