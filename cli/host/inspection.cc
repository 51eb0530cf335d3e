#include "cli/host/inspection.h"

#include <algorithm>
#include <array>

#include "common/wire/records.h"
#include "common/wire/trigger_record.h"

namespace headrace::cli {
namespace {

constexpr const char* kMasked = "******";
constexpr std::array kTimerNames{"RETRY", "TIMEOUT", "LOOP_INTERVAL", "PAUSE", "START", "SLA", "LOOK"};
constexpr std::array kOwedNames{"StartChild", "KillChild", "RestartChild", "ChildEnded", "ChildRestarted", "StartReplacement", "ChildStarted", "ChildRejected", "StateTold"};
static_assert(kOwedNames.size() == std::variant_size_v<decltype(wire::OutboxItem::body)>);

// The first eight letters of an id.
std::optional<Timestamp> BirthOf(const ExecutionId& id) {
  constexpr std::string_view kDigits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  if (id.str().size() != 22) return std::nullopt;
  std::int64_t millis = 0;
  for (const char letter : id.str().substr(0, 8)) {
    const std::size_t digit = kDigits.find(letter);
    if (digit == std::string_view::npos) return std::nullopt;
    millis = millis * 62 + static_cast<std::int64_t>(digit);
  }
  return FromMicros(millis * 1000);
}

// What speaks of a child or a replacement that is still to begin is as old as its id.
std::optional<Timestamp> SinceOf(store::StoreLook& look, const wire::OutboxItem& item) {
  if (const auto* start = std::get_if<model::StartChild>(&item.body)) return BirthOf(start->child);
  if (const auto* replacement = std::get_if<model::StartReplacement>(&item.body)) return BirthOf(replacement->id);
  const auto from = look.Find(item.from);
  if (!from) return std::nullopt;
  const auto execution = wire::DecodeExecution(from->stored.record);
  if (!execution) return std::nullopt;
  return execution->state.last_changed();
}

std::string TimerName(model::TimerKind kind) {
  const auto at = static_cast<std::size_t>(kind);
  return at < kTimerNames.size() ? kTimerNames[at] : "UNKNOWN " + std::to_string(at);
}

Object TimerObject(const store::TimerRow& row) {
  return {{"kind", TimerName(row.timer.kind)}, {"taskRun", row.timer.task_run}, {"attempt", row.timer.attempt}, {"due", FormatInstant(row.due)}};
}

Value Moment(const std::optional<Timestamp>& at) { return at ? Value(FormatInstant(*at)) : Value(nullptr); }

Array States(const model::StateHistory& history) {
  Array states;
  for (const model::StateChange& change : history.changes) states.push_back(Object{{"state", model::StateName(change.state)}, {"at", FormatInstant(change.at)}});
  return states;
}

Object Names(const Object& values) {
  Object names;
  for (const auto& [key, value] : values) names.insert_or_assign(key, kMasked);
  return names;
}

Array Texts(const std::vector<std::string>& texts) {
  Array array;
  for (const std::string& text : texts) array.emplace_back(text);
  return array;
}

Object TaskRunObject(const model::TaskRun& run) {
  Array attempts;
  for (const model::Attempt& attempt : run.attempts) {
    attempts.push_back(Object{{"state", model::StateName(attempt.state.current())}, {"states", States(attempt.state)}, {"worker", attempt.worker.str()}});
  }
  Object out{{"index", run.index}, {"id", run.id.str()}, {"task", run.task}, {"state", model::StateName(run.state.current())},
             {"fence", Object{{"taskRun", run.index}, {"attempt", run.attempt}, {"delivery", run.delivery}}}, {"states", States(run.state)}, {"attempts", attempts}};
  if (run.parent) out.insert_or_assign("parent", *run.parent);
  if (run.iteration) out.insert_or_assign("iteration", *run.iteration);
  if (run.value) out.insert_or_assign("value", kMasked);
  if (run.due) out.insert_or_assign("due", FormatInstant(*run.due));
  if (run.deadline) out.insert_or_assign("deadline", FormatInstant(*run.deadline));
  if (run.decided) out.insert_or_assign("decided", model::StateName(*run.decided));
  if (run.superseded) out.insert_or_assign("superseded", true);
  if (!run.memo.is_null()) out.insert_or_assign("memo", kMasked);
  out.insert_or_assign("outputs", Names(run.outputs));
  if (!run.message.empty()) out.insert_or_assign("message", run.message);
  return out;
}

void AddExecution(const model::Execution& execution, Object& out) {
  out.insert_or_assign("namespace", execution.ns);
  out.insert_or_assign("flowId", execution.flow_id);
  out.insert_or_assign("flowRevision", execution.flow_revision);
  out.insert_or_assign("state", model::StateName(execution.state.current()));
  out.insert_or_assign("states", States(execution.state));
  out.insert_or_assign("version", execution.version);
  out.insert_or_assign("attemptNumber", execution.attempt_number);
  for (const auto& [name, set] : {std::pair{"killRequested", execution.kill_requested}, {"closed", execution.closed}, {"held", execution.held}}) {
    out.insert_or_assign(name, set);
  }
  if (execution.scheduled) out.insert_or_assign("scheduled", FormatInstant(*execution.scheduled));
  if (execution.parent) {
    out.insert_or_assign("parent", Object{{"execution", execution.parent->execution.str()}, {"taskRun", execution.parent->task_run}, {"attempt", execution.parent->attempt}});
  }
  if (execution.original_id) out.insert_or_assign("originalId", execution.original_id->str());
  if (execution.replay_of) out.insert_or_assign("replayOf", execution.replay_of->str());
  Object labels;
  for (const auto& [key, value] : execution.labels) labels.insert_or_assign(key, value);
  out.insert_or_assign("labels", labels);
  out.insert_or_assign("inputs", Names(execution.inputs));
  out.insert_or_assign("outputs", Names(execution.outputs));
  out.insert_or_assign("variables", Names(execution.variables));
  if (!execution.trigger.is_null()) out.insert_or_assign("trigger", kMasked);
  if (!execution.message.empty()) out.insert_or_assign("message", execution.message);
}

// Decodes what was read, and tells what cannot be.
Object ExecutionObject(const store::ExecutionLook& look, std::vector<std::string>& damaged) {
  damaged.insert(damaged.end(), look.damaged.begin(), look.damaged.end());
  Object out{{"id", look.id.str()}, {"partition", look.partition}, {"active", look.active}};
  if (look.state) out.insert_or_assign("indexState", model::StateName(*look.state));
  if (!look.stored.record.empty()) {
    if (const auto execution = wire::DecodeExecution(look.stored.record)) AddExecution(*execution, out);
    else damaged.push_back("execution " + look.id.str() + ": " + execution.error().message);
  }
  Array runs;
  for (std::size_t i = 0; i < look.stored.task_runs.size(); ++i) {
    if (look.stored.task_runs[i].empty()) continue;
    if (const auto run = wire::DecodeTaskRun(look.stored.task_runs[i])) runs.push_back(TaskRunObject(*run));
    else damaged.push_back("execution " + look.id.str() + ", task run " + std::to_string(i) + ": " + run.error().message);
  }
  out.insert_or_assign("taskRuns", runs);
  return out;
}

void CountExecution(const store::ExecutionLook& look, PartitionReport& report) {
  ++report.executions;
  std::vector<std::string> damaged = look.damaged;
  std::optional<model::State> state = look.state;
  if (!look.stored.record.empty()) {
    if (const auto execution = wire::DecodeExecution(look.stored.record)) state = execution->state.current();
    else damaged.push_back(execution.error().message);
  }
  for (std::size_t i = 0; i < look.stored.task_runs.size(); ++i) {
    if (look.stored.task_runs[i].empty()) continue;
    if (const auto run = wire::DecodeTaskRun(look.stored.task_runs[i]); !run) damaged.push_back("task run " + std::to_string(i) + ": " + run.error().message);
  }
  ++report.states[state ? std::string(model::StateName(*state)) : "UNREADABLE"];
  for (const std::string& one : damaged) report.damaged.push_back("execution " + look.id.str() + ": " + one);
}

void CountNotes(const std::vector<store::NoteRow>& notes, PartitionReport& report) {
  for (const store::NoteRow& note : notes) {
    const bool trigger = note.key.starts_with("t/");
    const bool shared = note.key.starts_with("s/");
    ++report.notes[trigger ? "triggers" : shared ? "shared" : "other"];
    Status readable;
    if (trigger) {
      if (const auto decoded = wire::DecodeTrigger(note.record); !decoded) readable = Fail(decoded.error());
    } else if (shared) {
      if (const auto decoded = wire::DecodeShared(note.record); !decoded) readable = Fail(decoded.error());
    }
    if (!readable) report.damaged.push_back("note " + note.key + ": " + readable.error().message);
  }
}

OwedReport OwedOf(store::StoreLook& look, std::uint64_t number, const wire::OutboxItem& item) {
  return {number, kOwedNames[item.body.index()], item.from.str(), item.to.str(), SinceOf(look, item)};
}

Object OwedObject(const OwedReport& owed) {
  return {{"number", owed.number}, {"kind", owed.kind}, {"from", owed.from}, {"to", owed.to}, {"since", Moment(owed.since)}};
}

}  // namespace

Result<PartitionReport> InspectPartition(store::StoreLook& look, store::PartitionId partition, bool all_task_runs, Timestamp now) {
  ASSIGN_OR_RETURN(const store::PartitionLook seen, look.Look(partition));
  PartitionReport report{.holder = seen.holder, .leased = seen.leased};
  report.damaged = seen.damaged;
  for (const ExecutionId& id : seen.found.active) report.active.push_back(id.str());
  report.timers = seen.found.timers.size();
  for (const store::TimerRow& timer : seen.found.timers) {
    if (timer.due <= now) ++report.timers_due;
    if (!report.next_timer || timer.due < *report.next_timer) report.next_timer = timer.due;
  }
  for (const store::OutboxRow& row : seen.found.outbox) {
    if (const auto item = wire::DecodeOutbox(row.record)) report.outbox.push_back(OwedOf(look, row.id, *item));
    else report.damaged.push_back("outbox item " + std::to_string(row.id) + ": " + item.error().message);
  }
  CountNotes(seen.found.notes, report);
  RETURN_IF_ERROR(look.EachExecution(partition, all_task_runs, [&](const store::ExecutionLook& one) { CountExecution(one, report); }));
  return report;
}

Object Describe(const PartitionReport& report, Timestamp now) {
  Object states;
  for (const auto& [state, count] : report.states) states.insert_or_assign(state, count);
  Object notes;
  for (const auto& [kind, count] : report.notes) notes.insert_or_assign(kind, count);
  Array outbox;
  for (const OwedReport& owed : report.outbox) {
    Object one = OwedObject(owed);
    if (owed.since) one.insert_or_assign("ageSeconds", std::max<std::int64_t>(0, (now - *owed.since) / std::chrono::seconds(1)));
    outbox.push_back(std::move(one));
  }
  const Value left = report.leased ? Value(report.holder.left / std::chrono::milliseconds(1)) : Value(nullptr);
  return {{"partition", report.holder.partition}, {"holder", report.holder.owner}, {"epoch", report.holder.epoch}, {"leaseLeftMs", left},
          {"executions", report.executions}, {"states", states}, {"active", Texts(report.active)},
          {"timers", Object{{"all", report.timers}, {"due", report.timers_due}, {"next", Moment(report.next_timer)}}}, {"outbox", outbox},
          {"notes", notes}, {"damaged", Texts(report.damaged)}};
}

Result<Object> InspectExecution(store::StoreLook& look, const ExecutionId& id) {
  ASSIGN_OR_RETURN(const store::ExecutionLook one, look.Find(id));
  ASSIGN_OR_RETURN(const store::PartitionLook partition, look.Look(one.partition));
  std::vector<std::string> damaged;
  Object out = ExecutionObject(one, damaged);
  Array timers;
  for (const store::TimerRow& timer : partition.found.timers) {
    if (timer.execution == id) timers.push_back(TimerObject(timer));
  }
  Array outbox;
  for (const store::OutboxRow& row : partition.found.outbox) {
    const auto item = wire::DecodeOutbox(row.record);
    if (item && item->from == id) outbox.push_back(OwedObject(OwedOf(look, row.id, *item)));
  }
  out.insert_or_assign("timers", timers);
  out.insert_or_assign("outbox", outbox);
  out.insert_or_assign("damaged", Texts(damaged));
  return out;
}

}  // namespace headrace::cli
