#include "api/translate.h"

#include "common/base/text.h"

namespace headrace::api {
namespace {

constexpr std::int64_t kMicrosPerSecond = 1'000'000;

std::string JsonOrEmpty(const Object& object) {
  return object.empty() ? std::string() : MendUtf8(json::serialize(object));
}

}  // namespace

v1::State ToProto(model::State state) { return static_cast<v1::State>(static_cast<int>(state) + 1); }

// The two enumerations stand in the same order; these fail to compile when one is changed alone.
static_assert(static_cast<int>(model::State::kCreated) + 1 == v1::STATE_CREATED);
static_assert(static_cast<int>(model::State::kPaused) + 1 == v1::STATE_PAUSED);
static_assert(static_cast<int>(model::State::kKilling) + 1 == v1::STATE_KILLING);
static_assert(static_cast<int>(model::State::kFailed) + 1 == v1::STATE_FAILED);
static_assert(static_cast<int>(model::State::kResubmitted) + 1 == v1::STATE_RESUBMITTED);
static_assert(model::kStateCount + 1 == v1::State_ARRAYSIZE);

void ToProto(Timestamp at, google::protobuf::Timestamp* out) {
  const std::int64_t micros = ToMicros(at);
  std::int64_t seconds = micros / kMicrosPerSecond;
  if (micros % kMicrosPerSecond < 0) --seconds;
  out->set_seconds(seconds);
  out->set_nanos(static_cast<std::int32_t>((micros - seconds * kMicrosPerSecond) * 1000));
}

void ToProto(const model::StateHistory& history, v1::StateHistory* out) {
  out->set_current(ToProto(history.current()));
  for (const model::StateChange& change : history.changes) {
    v1::StateChange* to = out->add_changes();
    to->set_state(ToProto(change.state));
    ToProto(change.at, to->mutable_at());
  }
}

void ToProto(const model::TaskRun& run, const model::Flow* flow, v1::TaskRun* out) {
  out->set_index(run.index);
  out->set_id(run.id.str());
  if (flow != nullptr && run.task < flow->arena.size()) {
    out->set_task_id(flow->arena[run.task].id);
    out->set_task_type(flow->arena[run.task].type);
  }
  if (run.parent) out->set_parent_index(*run.parent);
  if (run.value) out->set_value(MendUtf8(*run.value));
  if (run.iteration) out->set_iteration(*run.iteration);
  ToProto(run.state, out->mutable_state());
  for (const model::Attempt& attempt : run.attempts) {
    v1::Attempt* to = out->add_attempts();
    ToProto(attempt.state, to->mutable_state());
    to->set_worker_id(attempt.worker.str());
  }
  out->set_outputs_json(JsonOrEmpty(run.outputs));
  out->set_attempt(run.attempt);
  out->set_delivery(run.delivery);
  if (run.due) ToProto(*run.due, out->mutable_due());
  if (run.deadline) ToProto(*run.deadline, out->mutable_deadline());
  out->set_message(MendUtf8(run.message));
  out->set_superseded(run.superseded);
}

void HeaderToProto(const model::Execution& execution, v1::Execution* out) {
  out->set_id(execution.id.str());
  out->set_namespace_(execution.ns);
  out->set_flow_id(execution.flow_id);
  out->set_flow_revision(execution.flow_revision);
  ToProto(execution.state, out->mutable_state());
  out->set_inputs_json(JsonOrEmpty(execution.inputs));
  out->set_outputs_json(JsonOrEmpty(execution.outputs));
  out->set_variables_json(JsonOrEmpty(execution.variables));
  for (const auto& [key, value] : execution.labels) {
    v1::Label* label = out->add_labels();
    label->set_key(MendUtf8(key));
    label->set_value(MendUtf8(value));
  }
  if (!execution.trigger.is_null()) out->set_trigger_json(MendUtf8(ToJson(execution.trigger)));
  if (execution.parent) out->set_parent_id(execution.parent->execution.str());
  else if (execution.replay_of) out->set_parent_id(execution.replay_of->str());
  if (execution.original_id) out->set_original_id(execution.original_id->str());
  out->set_attempt_number(execution.attempt_number);
  out->set_cursor(execution.version);
  out->set_kill_requested(execution.kill_requested);
  out->set_closed(execution.closed);
  out->set_message(MendUtf8(execution.message));
}

void ToProto(const model::Execution& execution, const model::Flow* flow, v1::Execution* out) {
  HeaderToProto(execution, out);
  for (const model::TaskRun& run : execution.task_runs) {
    v1::TaskRun* to = out->add_task_runs();
    ToProto(run, flow, to);
    if (run.parent && *run.parent < execution.task_runs.size()) {
      to->set_parent_task_run_id(execution.task_runs[*run.parent].id.str());
    }
  }
}

}  // namespace headrace::api
