#include "common/wire/message_parts.h"

namespace headrace::wire {
namespace {

namespace pb = v1;
using Messages = std::vector<FromWorker>;

void ToProto(const Hello& from, pb::FromWorker& message) {
  pb::Hello& to = *message.mutable_hello();
  to.set_protocol_min(from.protocol_min);
  to.set_protocol_max(from.protocol_max);
  to.set_worker(from.worker.str());
  to.set_incarnation(from.incarnation);
  to.set_group(from.group);
  for (const auto& [key, value] : from.tags) {
    pb::Tag& tag = *to.add_tags();
    tag.set_key(key);
    tag.set_value(value);
  }
  to.set_capacity(from.capacity);
  to.set_build(from.build);
  to.set_host(from.host);
  to.set_pid(from.pid);
}

void ToProto(const Resync& from, pb::FromWorker& message) {
  pb::Resync& to = *message.mutable_resync();
  for (const RunningTask& task : from.running) {
    pb::RunningTask& proto = *to.add_running();
    KeyToProto(task.key, *proto.mutable_key());
    proto.set_started_us(ToMicros(task.started));
  }
  for (const TaskKey& key : from.unacked) KeyToProto(key, *to.add_unacked());
}

void ToProto(const Credit& from, pb::FromWorker& message) {
  message.mutable_credit()->set_free_slots(from.free_slots);
  message.mutable_credit()->set_seq(from.seq);
}

void ToProto(const AssignAck& from, pb::FromWorker& message) {
  KeyToProto(from.key, *message.mutable_assign_ack()->mutable_key());
}

pb::NackReason ToProto(NackReason reason) {
  switch (reason) {
    case NackReason::kNoSlot: return pb::NACK_REASON_NO_SLOT;
    case NackReason::kUnknownSpec: return pb::NACK_REASON_UNKNOWN_SPEC;
    case NackReason::kOldEpoch: return pb::NACK_REASON_OLD_EPOCH;
    case NackReason::kDraining: return pb::NACK_REASON_DRAINING;
  }
  return pb::NACK_REASON_UNSPECIFIED;
}

void ToProto(const AssignNack& from, pb::FromWorker& message) {
  KeyToProto(from.key, *message.mutable_assign_nack()->mutable_key());
  message.mutable_assign_nack()->set_reason(ToProto(from.reason));
  message.mutable_assign_nack()->set_credit_seq(from.credit_seq);
}

void ToProto(const Started& from, pb::FromWorker& message) {
  KeyToProto(from.key, *message.mutable_started()->mutable_key());
  message.mutable_started()->set_at_us(ToMicros(from.at));
}

void ToProto(const Heartbeat& from, pb::FromWorker& message) {
  pb::Heartbeat& to = *message.mutable_heartbeat();
  to.mutable_tasks()->Reserve(static_cast<int>(from.tasks.size()));
  for (const TaskKey& key : from.tasks) KeyToProto(key, *to.add_tasks());
  to.set_free_slots(from.free_slots);
  to.set_credit_seq(from.credit_seq);
  to.set_draining(from.draining);
}

void ToProto(const Logs& from, pb::FromWorker& message) {
  pb::Logs& to = *message.mutable_logs();
  KeyToProto(from.key, *to.mutable_key());
  to.set_seq(from.seq);
  to.mutable_entries()->Reserve(static_cast<int>(from.entries.size()));
  for (const LogEntry& entry : from.entries) {
    pb::LogEntry& proto = *to.add_entries();
    proto.set_at_us(ToMicros(entry.at));
    proto.set_level(entry.level);
    proto.set_message(entry.message);
  }
}

void ToProto(const TaskResult& from, pb::FromWorker& message) {
  pb::TaskResult& to = *message.mutable_task_result();
  KeyToProto(from.key, *to.mutable_key());
  to.set_outcome(ToProtoState<pb::State>(from.outcome));
  to.set_outputs_json(from.outputs_json);
  to.set_message(from.message);
  to.set_started_us(ToMicros(from.started));
  to.set_ended_us(ToMicros(from.ended));
  if (from.look_later) {
    pb::LookLater& look = *to.mutable_look_later();
    look.set_after_us(from.look_later->after.count());
    look.set_interval_us(from.look_later->interval.count());
    look.set_at_latest_us(from.look_later->at_latest.count());
    look.set_memo_json(from.look_later->memo_json);
    look.set_topic(from.look_later->topic);
    for (const std::string& key : from.look_later->keys) look.add_keys(key);
  }
  for (const NestedResult& nested : from.nested) {
    pb::NestedResult& child = *to.add_nested();
    child.set_task_id(nested.task_id);
    child.set_outcome(ToProtoState<pb::State>(nested.outcome));
    child.set_outputs_json(nested.outputs_json);
    child.set_message(nested.message);
    child.set_started_us(ToMicros(nested.started));
    child.set_ended_us(ToMicros(nested.ended));
  }
}

void ToProto(const CancelAck& from, pb::FromWorker& message) {
  KeyToProto(from.key, *message.mutable_cancel_ack()->mutable_key());
}

void ToProto(const Draining&, pb::FromWorker& message) { message.mutable_draining(); }
void ToProto(const Bye&, pb::FromWorker& message) { message.mutable_bye(); }

Status Take(pb::Hello& from, Messages& out) {
  if (!IsId(from.worker())) return Wrong("Hello", "worker is missing or too long");
  if (from.protocol_min() == 0 || from.protocol_min() > from.protocol_max()) {
    return Wrong("Hello", "protocol_min and protocol_max are no range");
  }
  Hello to;
  to.protocol_min = from.protocol_min();
  to.protocol_max = from.protocol_max();
  to.worker = WorkerId(from.worker());
  to.incarnation = from.incarnation();
  to.group = from.group();
  for (const pb::Tag& tag : from.tags()) to.tags.emplace(tag.key(), tag.value());
  to.capacity = from.capacity();
  to.build = from.build();
  to.host = from.host();
  to.pid = from.pid();
  out.emplace_back(std::move(to));
  return {};
}

Status Take(pb::Resync& from, Messages& out) {
  Resync to;
  to.running.reserve(static_cast<std::size_t>(from.running_size()));
  for (pb::RunningTask& task : *from.mutable_running()) {
    ASSIGN_OR_RETURN(TaskKey key, KeyFromProto(*task.mutable_key(), "Resync"));
    to.running.push_back({std::move(key), FromMicros(task.started_us())});
  }
  ASSIGN_OR_RETURN(to.unacked, KeysFromProto(*from.mutable_unacked(), "Resync"));
  out.emplace_back(std::move(to));
  return {};
}

Status Take(pb::AssignAck& from, Messages& out) {
  ASSIGN_OR_RETURN(TaskKey key, KeyFromProto(*from.mutable_key(), "AssignAck"));
  out.emplace_back(AssignAck{std::move(key)});
  return {};
}

Result<NackReason> FromProto(pb::NackReason reason) {
  switch (reason) {
    case pb::NACK_REASON_NO_SLOT: return NackReason::kNoSlot;
    case pb::NACK_REASON_UNKNOWN_SPEC: return NackReason::kUnknownSpec;
    case pb::NACK_REASON_OLD_EPOCH: return NackReason::kOldEpoch;
    case pb::NACK_REASON_DRAINING: return NackReason::kDraining;
    default: return Wrong("AssignNack", "reason is none that is known");
  }
}

Status Take(pb::AssignNack& from, Messages& out) {
  ASSIGN_OR_RETURN(TaskKey key, KeyFromProto(*from.mutable_key(), "AssignNack"));
  ASSIGN_OR_RETURN(const NackReason reason, FromProto(from.reason()));
  out.emplace_back(AssignNack{std::move(key), reason, from.credit_seq()});
  return {};
}

Status Take(pb::Started& from, Messages& out) {
  ASSIGN_OR_RETURN(TaskKey key, KeyFromProto(*from.mutable_key(), "Started"));
  out.emplace_back(Started{std::move(key), FromMicros(from.at_us())});
  return {};
}

Status Take(pb::Heartbeat& from, Messages& out) {
  Heartbeat to;
  ASSIGN_OR_RETURN(to.tasks, KeysFromProto(*from.mutable_tasks(), "Heartbeat"));
  to.free_slots = from.free_slots();
  to.credit_seq = from.credit_seq();
  to.draining = from.draining();
  out.emplace_back(std::move(to));
  return {};
}

Status Take(pb::Logs& from, Messages& out) {
  ASSIGN_OR_RETURN(TaskKey key, KeyFromProto(*from.mutable_key(), "Logs"));
  Logs to{std::move(key), from.seq(), {}};
  to.entries.reserve(static_cast<std::size_t>(from.entries_size()));
  for (pb::LogEntry& entry : *from.mutable_entries()) {
    to.entries.push_back({FromMicros(entry.at_us()), std::move(*entry.mutable_level()), std::move(*entry.mutable_message())});
  }
  out.emplace_back(std::move(to));
  return {};
}

Result<std::optional<LookLater>> LookFromProto(pb::TaskResult& from) {
  if (!from.has_look_later()) return std::nullopt;
  pb::LookLater& look = *from.mutable_look_later();
  if (look.after_us() < 0 || look.interval_us() < 0 || look.at_latest_us() < 0) return Wrong("TaskResult", "a span of look_later is negative");
  LookLater later{Duration(look.after_us()), Duration(look.interval_us()), Duration(look.at_latest_us()), std::move(*look.mutable_memo_json()), std::move(*look.mutable_topic()), {}};
  for (std::string& key : *look.mutable_keys()) later.keys.push_back(std::move(key));
  return later;
}

Status Take(pb::TaskResult& from, Messages& out) {
  ASSIGN_OR_RETURN(TaskKey key, KeyFromProto(*from.mutable_key(), "TaskResult"));
  const auto outcome = StateFromNumber(from.outcome());
  if (!outcome || !model::IsTerminal(*outcome)) return Wrong("TaskResult", "outcome is no terminal state");
  ASSIGN_OR_RETURN(std::optional<LookLater> look_later, LookFromProto(from));
  std::vector<NestedResult> nested;
  for (pb::NestedResult& child : *from.mutable_nested()) {
    const auto ended = StateFromNumber(child.outcome());
    if (child.task_id().empty()) return Wrong("TaskResult", "nested.task_id is missing");
    if (!ended || !model::IsTerminal(*ended)) return Wrong("TaskResult", "nested.outcome is no terminal state");
    nested.push_back({std::move(*child.mutable_task_id()), *ended, std::move(*child.mutable_outputs_json()),
                      std::move(*child.mutable_message()), FromMicros(child.started_us()), FromMicros(child.ended_us())});
  }
  out.emplace_back(TaskResult{std::move(key), *outcome, std::move(*from.mutable_outputs_json()),
                              std::move(*from.mutable_message()), FromMicros(from.started_us()),
                              FromMicros(from.ended_us()), std::move(nested), std::move(look_later)});
  return {};
}

Status Take(pb::CancelAck& from, Messages& out) {
  ASSIGN_OR_RETURN(TaskKey key, KeyFromProto(*from.mutable_key(), "CancelAck"));
  out.emplace_back(CancelAck{std::move(key)});
  return {};
}

Status TakeAny(pb::FromWorker& message, Messages& out) {
  switch (message.body_case()) {
    case pb::FromWorker::kHello: return Take(*message.mutable_hello(), out);
    case pb::FromWorker::kResync: return Take(*message.mutable_resync(), out);
    case pb::FromWorker::kCredit:
      out.emplace_back(Credit{message.credit().free_slots(), message.credit().seq()});
      return {};
    case pb::FromWorker::kAssignAck: return Take(*message.mutable_assign_ack(), out);
    case pb::FromWorker::kAssignNack: return Take(*message.mutable_assign_nack(), out);
    case pb::FromWorker::kStarted: return Take(*message.mutable_started(), out);
    case pb::FromWorker::kHeartbeat: return Take(*message.mutable_heartbeat(), out);
    case pb::FromWorker::kLogs: return Take(*message.mutable_logs(), out);
    case pb::FromWorker::kTaskResult: return Take(*message.mutable_task_result(), out);
    case pb::FromWorker::kCancelAck: return Take(*message.mutable_cancel_ack(), out);
    case pb::FromWorker::kDraining: out.emplace_back(Draining{}); return {};
    case pb::FromWorker::kBye: out.emplace_back(Bye{}); return {};
    case pb::FromWorker::BODY_NOT_SET: return {};
  }
  return {};
}

}  // namespace

std::string EncodeFromWorker(const std::vector<FromWorker>& messages) {
  return EncodeFrame<pb::FromWorkerFrame>(messages, [](const auto& body, pb::FromWorker& proto) { ToProto(body, proto); });
}

Result<std::vector<FromWorker>> DecodeFromWorker(std::string_view frame) {
  return DecodeFrame<pb::FromWorkerFrame, FromWorker>(frame, TakeAny);
}

}  // namespace headrace::wire
