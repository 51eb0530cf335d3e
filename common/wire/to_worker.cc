#include "common/wire/message_parts.h"

namespace headrace::wire {
namespace {

namespace pb = v1;
using Messages = std::vector<ToWorker>;

void ToProto(const Welcome& from, pb::ToWorker& message) {
  pb::Welcome& to = *message.mutable_welcome();
  to.set_protocol(from.protocol);
  to.set_scheduler(from.scheduler);
  to.set_session(from.session);
  to.set_lease_us(from.lease.count());
  to.set_heartbeat_us(from.heartbeat.count());
  to.set_log_credit_bytes(from.log_credit_bytes);
  for (const std::string& one : from.schedulers) to.add_schedulers(one);
}

void ToProto(const Refused& from, pb::ToWorker& message) {
  message.mutable_refused()->set_reason(from.reason);
  message.mutable_refused()->set_permanent(from.permanent);
}

void ToProto(const HelloRequired&, pb::ToWorker& message) { message.mutable_hello_required(); }

void SpecToProto(const TaskSpec& from, pb::TaskSpec& to) {
  to.set_type(from.type);
  to.set_task_id(from.task_id);
  to.set_properties_json(from.properties_json);
  to.set_timeout(from.timeout);
  to.set_log_level(from.log_level);
  to.set_run_if(from.run_if);
  to.set_allow_failure(from.allow_failure);
  to.set_allow_warning(from.allow_warning);
}

void ToProto(const Assign& from, pb::ToWorker& message) {
  pb::Assign& to = *message.mutable_assign();
  KeyToProto(from.key, *to.mutable_key());
  to.set_epoch(from.epoch);
  to.set_spec_id(from.spec_id);
  to.set_credit_seq(from.credit_seq);
  if (from.spec) {
    SpecToProto(*from.spec, *to.mutable_spec());
    for (const TaskSpec& child : from.spec->children) SpecToProto(child, *to.mutable_spec()->add_children());
  }
  to.set_context_json(from.context_json);
  to.set_task_run(from.task_run.str());
  to.set_ns(from.ns);
  to.set_flow_id(from.flow_id);
  to.set_memo_json(from.memo_json);
  to.set_started_us(ToMicros(from.started));
  to.set_partition(from.partition);
  to.set_trace_parent(from.trace_parent);
}

void ToProto(const HeartbeatAck& from, pb::ToWorker& message) {
  pb::HeartbeatAck& to = *message.mutable_heartbeat_ack();
  to.mutable_renewed()->Reserve(static_cast<int>(from.renewed.size()));
  for (const TaskKey& key : from.renewed) KeyToProto(key, *to.add_renewed());
  for (const TaskKey& key : from.unknown) KeyToProto(key, *to.add_unknown());
  to.set_credit_seq(from.credit_seq);
  for (const TaskKey& key : from.elsewhere) KeyToProto(key, *to.add_elsewhere());
  for (const std::string& one : from.schedulers) to.add_schedulers(one);
}

pb::Verdict ToProto(Verdict verdict) {
  switch (verdict) {
    case Verdict::kAccepted: return pb::VERDICT_ACCEPTED;
    case Verdict::kStale: return pb::VERDICT_STALE;
    case Verdict::kUnknown: return pb::VERDICT_UNKNOWN;
    case Verdict::kElsewhere: return pb::VERDICT_ELSEWHERE;
  }
  return pb::VERDICT_UNSPECIFIED;
}

void ToProto(const ResultAck& from, pb::ToWorker& message) {
  KeyToProto(from.key, *message.mutable_result_ack()->mutable_key());
  message.mutable_result_ack()->set_verdict(ToProto(from.verdict));
}

void ToProto(const Cancel& from, pb::ToWorker& message) {
  KeyToProto(from.key, *message.mutable_cancel()->mutable_key());
  message.mutable_cancel()->set_grace_us(from.grace.count());
  message.mutable_cancel()->set_reason(from.reason);
}

void ToProto(const LogCredit& from, pb::ToWorker& message) { message.mutable_log_credit()->set_bytes(from.bytes); }
void ToProto(const Drain&, pb::ToWorker& message) { message.mutable_drain(); }
void ToProto(const ResyncRequired&, pb::ToWorker& message) { message.mutable_resync_required(); }

std::vector<std::string> Texts(const google::protobuf::RepeatedPtrField<std::string>& from) { return {from.begin(), from.end()}; }

Status Take(pb::Welcome& from, Messages& out) {
  if (from.protocol() == 0) return Wrong("Welcome", "protocol is missing");
  if (from.lease_us() <= 0 || from.heartbeat_us() <= 0) return Wrong("Welcome", "lease and heartbeat must be positive");
  out.emplace_back(Welcome{from.protocol(), std::move(*from.mutable_scheduler()), from.session(),
                           Duration(from.lease_us()), Duration(from.heartbeat_us()), from.log_credit_bytes(),
                           Texts(from.schedulers())});
  return {};
}

TaskSpec OneSpecFromProto(pb::TaskSpec& spec) {
  return {.type = std::move(*spec.mutable_type()),
          .task_id = std::move(*spec.mutable_task_id()),
          .properties_json = std::move(*spec.mutable_properties_json()),
          .timeout = std::move(*spec.mutable_timeout()),
          .log_level = std::move(*spec.mutable_log_level()),
          .run_if = std::move(*spec.mutable_run_if()),
          .allow_failure = spec.allow_failure(),
          .allow_warning = spec.allow_warning()};
}

std::optional<TaskSpec> SpecFromProto(pb::Assign& from) {
  if (!from.has_spec()) return std::nullopt;
  TaskSpec spec = OneSpecFromProto(*from.mutable_spec());
  // Children of children are skipped: only what needs no scheduler can be one.
  for (pb::TaskSpec& child : *from.mutable_spec()->mutable_children()) spec.children.push_back(OneSpecFromProto(child));
  return spec;
}

Status Take(pb::Assign& from, Messages& out) {
  ASSIGN_OR_RETURN(TaskKey key, KeyFromProto(*from.mutable_key(), "Assign"));
  if (from.has_spec() && from.spec().type().empty()) return Wrong("Assign", "spec.type is missing");
  out.emplace_back(Assign{std::move(key), from.epoch(), from.spec_id(), SpecFromProto(from),
                          std::move(*from.mutable_context_json()), TaskRunId(std::move(*from.mutable_task_run())),
                          std::move(*from.mutable_ns()), std::move(*from.mutable_flow_id()), from.credit_seq(),
                          std::move(*from.mutable_memo_json()), FromMicros(from.started_us()), from.partition(),
                          std::move(*from.mutable_trace_parent())});
  return {};
}

Status Take(pb::HeartbeatAck& from, Messages& out) {
  HeartbeatAck to;
  ASSIGN_OR_RETURN(to.renewed, KeysFromProto(*from.mutable_renewed(), "HeartbeatAck"));
  ASSIGN_OR_RETURN(to.unknown, KeysFromProto(*from.mutable_unknown(), "HeartbeatAck"));
  to.credit_seq = from.credit_seq();
  ASSIGN_OR_RETURN(to.elsewhere, KeysFromProto(*from.mutable_elsewhere(), "HeartbeatAck"));
  to.schedulers = Texts(from.schedulers());
  out.emplace_back(std::move(to));
  return {};
}

Result<Verdict> FromProto(pb::Verdict verdict) {
  switch (verdict) {
    case pb::VERDICT_ACCEPTED: return Verdict::kAccepted;
    case pb::VERDICT_STALE: return Verdict::kStale;
    case pb::VERDICT_UNKNOWN: return Verdict::kUnknown;
    case pb::VERDICT_ELSEWHERE: return Verdict::kElsewhere;
    default: return Wrong("ResultAck", "verdict is none that is known");
  }
}

Status Take(pb::ResultAck& from, Messages& out) {
  ASSIGN_OR_RETURN(TaskKey key, KeyFromProto(*from.mutable_key(), "ResultAck"));
  ASSIGN_OR_RETURN(const Verdict verdict, FromProto(from.verdict()));
  out.emplace_back(ResultAck{std::move(key), verdict});
  return {};
}

Status Take(pb::Cancel& from, Messages& out) {
  ASSIGN_OR_RETURN(TaskKey key, KeyFromProto(*from.mutable_key(), "Cancel"));
  if (from.grace_us() < 0) return Wrong("Cancel", "grace is negative");
  out.emplace_back(Cancel{std::move(key), Duration(from.grace_us()), std::move(*from.mutable_reason())});
  return {};
}

Status TakeAny(pb::ToWorker& message, Messages& out) {
  switch (message.body_case()) {
    case pb::ToWorker::kWelcome: return Take(*message.mutable_welcome(), out);
    case pb::ToWorker::kRefused:
      out.emplace_back(Refused{message.refused().reason(), message.refused().permanent()});
      return {};
    case pb::ToWorker::kHelloRequired: out.emplace_back(HelloRequired{}); return {};
    case pb::ToWorker::kAssign: return Take(*message.mutable_assign(), out);
    case pb::ToWorker::kHeartbeatAck: return Take(*message.mutable_heartbeat_ack(), out);
    case pb::ToWorker::kResultAck: return Take(*message.mutable_result_ack(), out);
    case pb::ToWorker::kCancel: return Take(*message.mutable_cancel(), out);
    case pb::ToWorker::kLogCredit: out.emplace_back(LogCredit{message.log_credit().bytes()}); return {};
    case pb::ToWorker::kDrain: out.emplace_back(Drain{}); return {};
    case pb::ToWorker::kResyncRequired: out.emplace_back(ResyncRequired{}); return {};
    case pb::ToWorker::BODY_NOT_SET: return {};
  }
  return {};
}

}  // namespace

std::string EncodeToWorker(const std::vector<ToWorker>& messages) {
  return EncodeFrame<pb::ToWorkerFrame>(messages, [](const auto& body, pb::ToWorker& proto) { ToProto(body, proto); });
}

Result<std::vector<ToWorker>> DecodeToWorker(std::string_view frame) {
  return DecodeFrame<pb::ToWorkerFrame, ToWorker>(frame, TakeAny);
}

}  // namespace headrace::wire
