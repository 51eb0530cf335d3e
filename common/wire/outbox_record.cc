#include "common/wire/record_parts.h"
#include "common/wire/records.h"

namespace headrace::wire {
namespace {

namespace pb = store::v1;

void ToProto(const model::StartChild& from, pb::OutboxItem& item) {
  pb::StartChild& to = *item.mutable_start_child();
  to.set_task_run(from.task_run);
  to.set_attempt(from.attempt);
  to.set_child(from.child.str());
  to.set_ns(from.ns);
  to.set_flow_id(from.flow_id);
  to.set_revision(from.revision);
  ValueToProto(from.inputs, *to.mutable_inputs());
  LabelsToProto(from.labels, *to.mutable_labels());
  to.set_inherit_labels(from.inherit_labels);
  if (!from.trigger.is_null()) ValueToProto(from.trigger, *to.mutable_trigger());
  to.set_wait(from.wait);
  if (from.scheduled) to.set_scheduled_us(ToMicros(*from.scheduled));
}

void ToProto(const model::KillChild& from, pb::OutboxItem& item) {
  item.mutable_kill_child()->set_child(from.child.str());
}

void ToProto(const model::RestartChild& from, pb::OutboxItem& item) {
  pb::RestartChild& to = *item.mutable_restart_child();
  to.set_child(from.child.str());
  to.set_task_run(from.task_run);
  to.set_attempt(from.attempt);
}

void ToProto(const model::ChildEnded& from, pb::OutboxItem& item) {
  pb::ChildEnded& to = *item.mutable_child_ended();
  to.set_task_run(from.task_run);
  to.set_attempt(from.attempt);
  to.set_child(from.child.str());
  to.set_state(ToProtoState<pb::State>(from.state));
  ValueToProto(from.outputs, *to.mutable_outputs());
}

void ToProto(const model::ChildRestarted& from, pb::OutboxItem& item) {
  item.mutable_child_restarted()->set_task_run(from.task_run);
  item.mutable_child_restarted()->set_child(from.child.str());
}

void ToProto(const model::StartReplacement& from, pb::OutboxItem& item) {
  item.mutable_start_replacement()->set_id(from.id.str());
}

void ToProto(const ChildBegun& from, pb::OutboxItem& item) {
  pb::ChildStarted& to = *item.mutable_child_started();
  to.set_task_run(from.event.task_run);
  to.set_attempt(from.event.attempt);
  to.set_child(from.event.child.str());
  for (const std::string& warning : from.warnings) to.add_warnings(warning);
}

void ToProto(const model::ChildRejected& from, pb::OutboxItem& item) {
  pb::ChildRejected& to = *item.mutable_child_rejected();
  to.set_task_run(from.task_run);
  to.set_attempt(from.attempt);
  to.set_message(from.message);
}

void ToProto(const StateTold& from, pb::OutboxItem& item) {
  item.mutable_state_told()->set_place(from.place);
  item.mutable_state_told()->set_change(from.change);
}

bool FromProto(pb::StartChild& from, OutboxItem& item) {
  auto& to = item.body.emplace<model::StartChild>();
  to.task_run = from.task_run();
  to.attempt = from.attempt();
  to.child = ExecutionId(from.child());
  to.ns = from.ns();
  to.flow_id = from.flow_id();
  to.revision = from.revision();
  to.labels = LabelsFromProto(*from.mutable_labels());
  to.inherit_labels = from.inherit_labels();
  to.wait = from.wait();
  if (from.has_scheduled_us()) to.scheduled = FromMicros(from.scheduled_us());
  return IsId(from.child()) && ValueFromProto(from.inputs(), to.inputs) && ValueFromProto(from.trigger(), to.trigger);
}

bool FromProto(const pb::ChildEnded& from, OutboxItem& item) {
  auto& to = item.body.emplace<model::ChildEnded>();
  to.task_run = from.task_run();
  to.attempt = from.attempt();
  to.child = ExecutionId(from.child());
  const auto state = StateFromNumber(from.state());
  if (!state) return false;
  to.state = *state;
  return IsId(from.child()) && ValueFromProto(from.outputs(), to.outputs);
}

bool FromProto(const pb::ChildStarted& from, OutboxItem& item) {
  item.body = ChildBegun{{from.task_run(), from.attempt(), ExecutionId(from.child())},
                         {from.warnings().begin(), from.warnings().end()}};
  return IsId(from.child());
}

bool FromProto(pb::OutboxItem& from, OutboxItem& to) {
  to.from = ExecutionId(std::move(*from.mutable_from()));
  to.to = ExecutionId(std::move(*from.mutable_to()));
  switch (from.body_case()) {
    case pb::OutboxItem::kStartChild: return FromProto(*from.mutable_start_child(), to);
    case pb::OutboxItem::kKillChild: to.body = model::KillChild{ExecutionId(from.kill_child().child())}; return true;
    case pb::OutboxItem::kRestartChild:
      to.body = model::RestartChild{from.restart_child().task_run(), from.restart_child().attempt(), ExecutionId(from.restart_child().child())};
      return true;
    case pb::OutboxItem::kChildEnded: return FromProto(from.child_ended(), to);
    case pb::OutboxItem::kChildRestarted:
      to.body = model::ChildRestarted{from.child_restarted().task_run(), ExecutionId(from.child_restarted().child())};
      return true;
    case pb::OutboxItem::kStartReplacement:
      to.body = model::StartReplacement{ExecutionId(from.start_replacement().id())};
      return true;
    case pb::OutboxItem::kChildStarted: return FromProto(from.child_started(), to);
    case pb::OutboxItem::kChildRejected:
      to.body = model::ChildRejected{from.child_rejected().task_run(), from.child_rejected().attempt(),
                                     from.child_rejected().message()};
      return true;
    case pb::OutboxItem::kStateTold:
      to.body = StateTold{from.state_told().place(), from.state_told().change()};
      return from.state_told().place() < kPlaces;
    case pb::OutboxItem::BODY_NOT_SET: return false;
  }
  return false;
}

}  // namespace

std::string EncodeOutbox(const OutboxItem& item) {
  return EncodeRecord<pb::OutboxItem>([&](pb::OutboxItem& proto) {
    proto.set_from(item.from.str());
    proto.set_to(item.to.str());
    std::visit([&](const auto& body) { ToProto(body, proto); }, item.body);
  });
}

Result<OutboxItem> DecodeOutbox(std::string_view record) {
  return DecodeRecord<pb::OutboxItem, OutboxItem>(
      record, "outbox record", [](pb::OutboxItem& proto, OutboxItem& out) { return FromProto(proto, out); });
}

}  // namespace headrace::wire
