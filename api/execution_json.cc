#include "api/execution_json.h"

#include "api/translate.h"
#include "common/model/for_each_item.h"
#include "common/model/state.h"

namespace headrace::api {
namespace {

constexpr char kTenant[] = "main";

std::string StateText(v1::State state) {
  const int index = static_cast<int>(state) - 1;
  if (index < 0 || index >= static_cast<int>(model::kStateCount)) return "UNKNOWN";
  return std::string(model::StateName(static_cast<model::State>(index)));
}

bool Ended(v1::State state) { return state > 0 && model::IsTerminal(static_cast<model::State>(state - 1)); }

std::string DateText(const google::protobuf::Timestamp& at) { return FormatInstant(FromProto(at)); }

Object StateObject(const v1::StateHistory& history) {
  Object out;
  out["current"] = StateText(history.current());
  Array& list = out["histories"].emplace_array();
  for (const v1::StateChange& change : history.changes()) {
    list.push_back(Object{{"state", StateText(change.state())}, {"date", DateText(change.at())}});
  }
  if (history.changes_size() == 0) return out;
  const auto& first = history.changes(0).at();
  const auto& last = history.changes(history.changes_size() - 1).at();
  const bool ended = Ended(history.current());
  if (ended) out["duration"] = FormatDuration(FromProto(last) - FromProto(first));
  out["startDate"] = DateText(first);
  if (ended) out["endDate"] = DateText(last);
  return out;
}

// An empty text is an empty object; one that does not parse is shown as it is.
Value FromText(const std::string& text) {
  if (text.empty()) return Object();
  Result<Value> value = ParseJson(text);
  return value ? std::move(*value) : Value(text);
}

void PutText(Object& out, std::string_view key, const std::string& text) {
  if (!text.empty()) out[key] = text;
}

Object TaskRunObject(const v1::Execution& execution, const v1::TaskRun& run) {
  Object out{{"tenantId", kTenant}, {"id", run.id()}, {"executionId", execution.id()},
             {"namespace", execution.namespace_()}, {"flowId", execution.flow_id()}, {"taskId", run.task_id()}};
  PutText(out, "parentTaskRunId", run.parent_task_run_id());
  if (run.has_value()) out["value"] = run.value();
  Array& attempts = out["attempts"].emplace_array();
  for (const v1::Attempt& attempt : run.attempts()) {
    Object to{{"state", StateObject(attempt.state())}};
    PutText(to, "workerId", attempt.worker_id());
    attempts.push_back(std::move(to));
  }
  out["outputs"] = FromText(run.outputs_json());
  out["state"] = StateObject(run.state());
  if (run.has_iteration()) out["iteration"] = run.iteration();
  if (run.has_due()) out["due"] = DateText(run.due());
  if (run.has_deadline()) out["deadline"] = DateText(run.deadline());
  PutText(out, "message", run.message());
  return out;
}

void AddTaskRuns(const v1::Execution& execution, Object& out) {
  Array list;
  Array history;
  for (const v1::TaskRun& run : execution.task_runs()) {
    if (run.id().empty() || model::IsInnerTask(run.task_id())) continue;
    (run.superseded() ? history : list).push_back(TaskRunObject(execution, run));
  }
  out["taskRunList"] = std::move(list);
  if (!history.empty()) out["taskRunHistory"] = std::move(history);
}

}  // namespace

Object ExecutionObject(const v1::Execution& execution) {
  Object out{{"tenantId", kTenant}, {"id", execution.id()}, {"namespace", execution.namespace_()},
             {"flowId", execution.flow_id()}, {"flowRevision", execution.flow_revision()}};
  AddTaskRuns(execution, out);
  out["inputs"] = FromText(execution.inputs_json());
  out["outputs"] = FromText(execution.outputs_json());
  Array& labels = out["labels"].emplace_array();
  for (const v1::Label& label : execution.labels()) {
    labels.push_back(Object{{"key", label.key()}, {"value", label.value()}});
  }
  if (!execution.variables_json().empty()) out["variables"] = FromText(execution.variables_json());
  out["state"] = StateObject(execution.state());
  PutText(out, "parentId", execution.parent_id());
  out["originalId"] = execution.original_id().empty() ? execution.id() : execution.original_id();
  if (!execution.trigger_json().empty()) out["trigger"] = FromText(execution.trigger_json());
  out["deleted"] = false;
  Object& metadata = out["metadata"].emplace_object();
  metadata["attemptNumber"] = execution.attempt_number();
  if (execution.state().changes_size() > 0) {
    metadata["originalCreatedDate"] = DateText(execution.state().changes(0).at());
  }
  PutText(out, "message", execution.message());
  out["cursor"] = execution.cursor();
  return out;
}

std::string ExecutionJson(const v1::Execution& execution) { return json::serialize(ExecutionObject(execution)); }

}  // namespace headrace::api
