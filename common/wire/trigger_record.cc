#include "common/wire/trigger_record.h"

#include "common/wire/record_parts.h"
#include "headrace/store/v1/trigger.pb.h"

namespace headrace::wire {
namespace {

namespace pb = store::v1;
using model::MissedPolicy;
using model::TriggerKind;

constexpr std::string_view kWhat = "a trigger's record";

std::optional<Timestamp> TimeOf(bool has, std::int64_t micros) {
  return has ? std::optional(FromMicros(micros)) : std::nullopt;
}

void BackfillToProto(const model::Backfill& from, pb::Backfill& to) {
  to.set_start_us(ToMicros(from.start));
  to.set_end_us(ToMicros(from.end));
  to.set_current_us(ToMicros(from.current));
  to.set_created_us(ToMicros(from.created));
  to.set_paused(from.paused);
  ValueToProto(from.inputs, *to.mutable_inputs());
  LabelsToProto(from.labels, *to.mutable_labels());
}

bool BackfillFromProto(pb::Backfill& from, model::Backfill& to) {
  to.start = FromMicros(from.start_us());
  to.end = FromMicros(from.end_us());
  to.current = FromMicros(from.current_us());
  to.created = FromMicros(from.created_us());
  to.paused = from.paused();
  to.labels = LabelsFromProto(*from.mutable_labels());
  return ValueFromProto(from.inputs(), to.inputs) && to.start <= to.end;
}

void ProgressToProto(const model::Trigger& from, pb::Trigger& to) {
  to.set_disabled(from.disabled);
  if (from.next) to.set_next_us(ToMicros(*from.next));
  if (from.last) to.set_last_us(ToMicros(*from.last));
  if (from.execution) to.set_execution(from.execution->str());
  if (from.locked_since) to.set_locked_since_us(ToMicros(*from.locked_since));
  if (from.backfill) BackfillToProto(*from.backfill, *to.mutable_backfill());
  for (const model::MetCondition& met : from.met) {
    pb::MetCondition& proto = *to.add_met();
    proto.set_window(met.window);
    proto.set_condition(met.condition);
    proto.set_at_us(ToMicros(met.at));
    proto.set_execution(met.execution.str());
  }
  for (const model::WindowStart& window : from.windows) {
    pb::WindowStart& proto = *to.add_windows();
    proto.set_window(window.window);
    proto.set_start_us(ToMicros(window.start));
  }
  to.set_problem(from.problem);
  to.set_memo(from.memo);
}

bool ProgressFromProto(pb::Trigger& from, model::Trigger& to) {
  to.disabled = from.disabled();
  to.next = TimeOf(from.has_next_us(), from.next_us());
  to.last = TimeOf(from.has_last_us(), from.last_us());
  if (from.has_execution()) {
    if (!IsId(from.execution())) return false;
    to.execution = ExecutionId(from.execution());
  }
  to.locked_since = TimeOf(from.has_locked_since_us(), from.locked_since_us());
  if (from.has_backfill() && !BackfillFromProto(*from.mutable_backfill(), to.backfill.emplace())) return false;
  for (pb::MetCondition& met : *from.mutable_met()) {
    if (!IsId(met.execution())) return false;
    to.met.push_back({std::move(*met.mutable_window()), std::move(*met.mutable_condition()), FromMicros(met.at_us()),
                      ExecutionId(met.execution())});
  }
  for (pb::WindowStart& window : *from.mutable_windows()) {
    to.windows.push_back({std::move(*window.mutable_window()), FromMicros(window.start_us())});
  }
  to.problem = from.problem();
  to.memo = from.memo();
  return true;
}

bool FromProto(pb::Trigger& from, model::Trigger& to) {
  if (!IsId(from.ns()) || !IsId(from.flow_id()) || !IsId(from.id()) || from.revision() < 0) return false;
  if (from.kind() < pb::TRIGGER_KIND_OTHER || from.kind() > pb::TRIGGER_KIND_POLLING) return false;
  if (from.missed() < pb::MISSED_POLICY_ALL || from.missed() > pb::MISSED_POLICY_NONE) return false;
  to.name = {from.ns(), from.flow_id(), from.id()};
  to.kind = static_cast<TriggerKind>(from.kind() - 1);
  to.type = from.type();
  to.revision = from.revision();
  to.off = from.off();
  to.cron = from.cron();
  to.with_seconds = from.with_seconds();
  to.zone = from.zone();
  for (const std::int64_t date : from.dates_us()) to.dates.push_back(FromMicros(date));
  to.missed = static_cast<MissedPolicy>(from.missed() - 1);
  if (from.has_late_max_us()) to.late_max = Duration(from.late_max_us());
  to.allow_concurrent = from.allow_concurrent();
  to.interval = Duration(from.interval_us());
  for (const int number : from.stop_after()) {
    const auto state = StateFromNumber(number);
    if (!state) return false;
    to.stop_after.push_back(*state);
  }
  return ProgressFromProto(from, to);
}

}  // namespace

std::string EncodeTrigger(const model::Trigger& trigger) {
  return EncodeRecord<pb::Trigger>([&](pb::Trigger& to) {
    to.set_ns(trigger.name.ns);
    to.set_flow_id(trigger.name.flow_id);
    to.set_id(trigger.name.id);
    to.set_kind(static_cast<pb::TriggerKind>(static_cast<int>(trigger.kind) + 1));
    to.set_type(trigger.type);
    to.set_revision(trigger.revision);
    to.set_off(trigger.off);
    to.set_cron(trigger.cron);
    to.set_with_seconds(trigger.with_seconds);
    to.set_zone(trigger.zone);
    for (const Timestamp date : trigger.dates) to.add_dates_us(ToMicros(date));
    to.set_missed(static_cast<pb::MissedPolicy>(static_cast<int>(trigger.missed) + 1));
    if (trigger.late_max) to.set_late_max_us(trigger.late_max->count());
    to.set_allow_concurrent(trigger.allow_concurrent);
    to.set_interval_us(trigger.interval.count());
    for (const model::State state : trigger.stop_after) to.add_stop_after(ToProtoState<pb::State>(state));
    ProgressToProto(trigger, to);
  });
}

Result<model::Trigger> DecodeTrigger(std::string_view record) {
  return DecodeRecord<pb::Trigger, model::Trigger>(record, kWhat, FromProto);
}

}  // namespace headrace::wire
