#include "worker/http/http_trigger.h"

#include "common/base/text.h"
#include "common/model/polling.h"
#include "worker/function_runner.h"
#include "worker/http/http_tasks.h"
#include "worker/look_outcome.h"

namespace headrace::worker {
namespace {

constexpr std::string_view kCondition = "{{ response.statusCode < 400 }}";

// An answer that says so itself is worth a word to whoever wonders why nothing starts; unless the flow's author asks about it.
std::string Trouble(std::int64_t code, bool asked_for) {
  if (code < 400 || (asked_for && code < 500)) return {};
  return "the answer's status is " + std::to_string(code);
}

Result<TaskOutcome> LookHttp(TaskContext& context) {
  // Whatever the status is: the condition decides.
  ASSIGN_OR_RETURN(Object outputs, CallAsTask(context, true));
  const Value* written = context.properties().if_contains("responseCondition");
  const bool asked_for = written != nullptr && !written->is_null();
  const Object response{{"statusCode", outputs.at("code")}, {"body", outputs.at("body")}, {"headers", outputs.at("headers")}};
  const std::int64_t code = outputs.at("code").to_number<std::int64_t>();
  auto holds = context.RenderOver(asked_for ? ToText(*written) : std::string(kCondition), {{"response", response}});
  if (!holds) return Fail(std::move(holds.error()).Wrap("responseCondition"));
  if (!IsTruthy(*holds)) return LookOutcome({.problem = Trouble(code, asked_for)});
  return LookOutcome({.fires = true, .variables = std::move(outputs)});
}

}  // namespace

TaskType HttpTrigger() {
  model::TaskTypeSpec spec{.type = std::string(model::kHttpTrigger), .aliases = {std::string(model::kHttpTriggerOld)},
                           .doc = "Sends a request every interval; starts an execution when the condition about its answer holds.",
                           .properties = HttpProperties(), .outputs = HttpOutputs()};
  spec.properties.push_back({.name = "responseCondition", .doc = "About response.statusCode, response.body and response.headers."});
  TaskType type = MakeType(std::move(spec), LookHttp);
  type.of_trigger = true;
  return type;
}

}  // namespace headrace::worker
