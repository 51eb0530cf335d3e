#include "common/wire/record_parts.h"
#include "common/wire/records.h"

namespace headrace::wire {
namespace {

namespace pb = store::v1;

void ToProto(const model::TaskRun& from, pb::TaskRun& to) {
  to.set_index(from.index);
  to.set_id(from.id.str());
  to.set_task(from.task);
  if (from.parent) to.set_parent(*from.parent);
  if (from.value) to.set_value(*from.value);
  if (from.iteration) to.set_iteration(*from.iteration);
  StatesToProto(from.state, *to.mutable_states());
  to.mutable_attempts()->Reserve(static_cast<int>(from.attempts.size()));
  for (const model::Attempt& attempt : from.attempts) {
    pb::Attempt& proto = *to.add_attempts();
    StatesToProto(attempt.state, *proto.mutable_states());
    if (!attempt.worker.empty()) proto.set_worker(attempt.worker.str());
    proto.set_lost_process(attempt.lost_process);
  }
  if (!from.outputs.empty()) ValueToProto(from.outputs, *to.mutable_outputs());
  to.set_attempt(from.attempt);
  to.set_delivery(from.delivery);
  if (from.due) to.set_due_us(ToMicros(*from.due));
  if (from.deadline) to.set_deadline_us(ToMicros(*from.deadline));
  if (!from.message.empty()) to.set_message(from.message);
  to.set_superseded(from.superseded);
  if (!from.memo.is_null()) ValueToProto(from.memo, *to.mutable_memo());
  if (from.decided) to.set_decided(ToProtoState<pb::State>(*from.decided));
}

bool FromProto(pb::TaskRun& from, model::TaskRun& to) {
  to.index = from.index();
  to.id = TaskRunId(std::move(*from.mutable_id()));
  to.task = from.task();
  if (from.has_parent()) to.parent = from.parent();
  if (from.has_value()) to.value = std::move(*from.mutable_value());
  if (from.has_iteration()) to.iteration = from.iteration();
  if (!StatesFromProto(from.states(), to.state)) return false;
  to.attempts.reserve(static_cast<std::size_t>(from.attempts_size()));
  for (pb::Attempt& proto : *from.mutable_attempts()) {
    model::Attempt& attempt = to.attempts.emplace_back();
    if (!StatesFromProto(proto.states(), attempt.state)) return false;
    attempt.worker = WorkerId(std::move(*proto.mutable_worker()));
    attempt.lost_process = proto.lost_process();
  }
  if (from.has_outputs() && !ValueFromProto(from.outputs(), to.outputs)) return false;
  to.attempt = from.attempt();
  to.delivery = from.delivery();
  if (from.has_due_us()) to.due = FromMicros(from.due_us());
  if (from.has_deadline_us()) to.deadline = FromMicros(from.deadline_us());
  to.message = std::move(*from.mutable_message());
  to.superseded = from.superseded();
  if (from.has_memo() && !ValueFromProto(from.memo(), to.memo)) return false;
  if (from.has_decided()) {
    to.decided = StateFromNumber(from.decided());
    if (!to.decided) return false;
  }
  // A task run is nobody's child before it exists itself.
  return !to.parent || *to.parent < to.index;
}

void ToProto(const model::Execution& from, pb::Execution& to) {
  to.set_id(from.id.str());
  to.set_ns(from.ns);
  to.set_flow_id(from.flow_id);
  to.set_flow_revision(from.flow_revision);
  StatesToProto(from.state, *to.mutable_states());
  if (!from.inputs.empty()) ValueToProto(from.inputs, *to.mutable_inputs());
  if (!from.outputs.empty()) ValueToProto(from.outputs, *to.mutable_outputs());
  if (!from.variables.empty()) ValueToProto(from.variables, *to.mutable_variables());
  LabelsToProto(from.labels, *to.mutable_labels());
  if (!from.trigger.is_null()) ValueToProto(from.trigger, *to.mutable_trigger());
  if (from.parent) {
    pb::ParentLink& link = *to.mutable_parent();
    link.set_execution(from.parent->execution.str());
    link.set_task_run(from.parent->task_run);
    link.set_attempt(from.parent->attempt);
  }
  if (from.original_id) to.set_original_id(from.original_id->str());
  if (from.replay_of) to.set_replay_of(from.replay_of->str());
  to.set_attempt_number(from.attempt_number);
  to.set_version(from.version);
  to.set_kill_requested(from.kill_requested);
  to.set_held(from.held);
  to.set_closed(from.closed);
  if (from.scheduled) to.set_scheduled_us(ToMicros(*from.scheduled));
  for (const std::uint32_t sla : from.slas_breached) to.add_slas_breached(sla);
  if (!from.message.empty()) to.set_message(from.message);
}

bool FromProto(pb::Execution& from, model::Execution& to) {
  if (!IsId(from.id())) return false;
  to.id = ExecutionId(std::move(*from.mutable_id()));
  to.ns = std::move(*from.mutable_ns());
  to.flow_id = std::move(*from.mutable_flow_id());
  to.flow_revision = from.flow_revision();
  if (!StatesFromProto(from.states(), to.state)) return false;
  if (from.has_inputs() && !ValueFromProto(from.inputs(), to.inputs)) return false;
  if (from.has_outputs() && !ValueFromProto(from.outputs(), to.outputs)) return false;
  if (from.has_variables() && !ValueFromProto(from.variables(), to.variables)) return false;
  to.labels = LabelsFromProto(*from.mutable_labels());
  if (from.has_trigger() && !ValueFromProto(from.trigger(), to.trigger)) return false;
  if (from.has_parent()) {
    if (!IsId(from.parent().execution())) return false;
    to.parent = model::ParentLink{ExecutionId(from.parent().execution()), from.parent().task_run(),
                                  from.parent().attempt()};
  }
  if (from.has_original_id()) to.original_id = ExecutionId(std::move(*from.mutable_original_id()));
  if (from.has_replay_of()) to.replay_of = ExecutionId(std::move(*from.mutable_replay_of()));
  to.attempt_number = from.attempt_number();
  to.version = from.version();
  to.kill_requested = from.kill_requested();
  to.held = from.held();
  to.closed = from.closed();
  if (from.has_scheduled_us()) to.scheduled = FromMicros(from.scheduled_us());
  to.slas_breached.assign(from.slas_breached().begin(), from.slas_breached().end());
  to.message = std::move(*from.mutable_message());
  return true;
}

}  // namespace

std::string EncodeExecution(const model::Execution& execution) {
  return EncodeRecord<pb::Execution>([&](pb::Execution& proto) { ToProto(execution, proto); });
}

Result<model::Execution> DecodeExecution(std::string_view record) {
  return DecodeRecord<pb::Execution, model::Execution>(
      record, "execution record", [](pb::Execution& proto, model::Execution& out) { return FromProto(proto, out); });
}

std::string EncodeTaskRun(const model::TaskRun& task_run) {
  return EncodeRecord<pb::TaskRun>([&](pb::TaskRun& proto) { ToProto(task_run, proto); });
}

Result<model::TaskRun> DecodeTaskRun(std::string_view record) {
  return DecodeRecord<pb::TaskRun, model::TaskRun>(
      record, "task-run record", [](pb::TaskRun& proto, model::TaskRun& out) { return FromProto(proto, out); });
}

}  // namespace headrace::wire
