#include "scheduler/trigger_runner.h"

#include <spdlog/spdlog.h>

#include <utility>

#include "common/base/hash.h"
#include "common/wire/trigger_record.h"
#include "scheduler/shard.h"
#include "scheduler/trigger_scene.h"

namespace headrace::scheduler {

using model::TriggerName;

namespace {

constexpr std::string_view kNotes = "t/";
// Dates on which no condition holds, a trigger and Tick; and those looked at to find the next or last on which they do.
constexpr int kSkipsMax = 200;
// While the store does not answer, or is full.
constexpr Duration kAgain = std::chrono::seconds(5);
constexpr int kSearchMax = 10'000;

std::string NoteKey(const TriggerName& name) { return std::string(kNotes) + name.str(); }

}  // namespace

TriggerRunner::TriggerRunner(TriggerOptions options, FlowRegistry& flows, TriggerHost& host)
    : options_(std::move(options)), flows_(flows), host_(host), book_(options_.zone) {}

void TriggerRunner::Recover(const std::vector<store::NoteRow>& notes, const std::vector<FlowHead>& flows, Timestamp now) {
  if (!options_.enabled) return;
  std::map<std::pair<std::string, std::string>, int> followed;
  for (const store::NoteRow& note : notes) {
    if (!note.key.starts_with(kNotes)) continue;
    auto row = wire::DecodeTrigger(note.record);
    if (!row || NoteKey(row->name) != note.key) {
      spdlog::error("the row of trigger {} is damaged; it starts anew from its flow: {}", note.key.substr(kNotes.size()),
                    row ? "another name" : row.error().message);
      host_.PutNote(note.key, std::nullopt);
      continue;
    }
    int& revision = followed.try_emplace({row->name.ns, row->name.flow_id}, row->revision).first->second;
    if (revision != row->revision) revision = -1;
    if (row->kind == model::TriggerKind::kFlow) flow_index_.PutUnread(row->name);
    book_.Load(std::move(*row), now);
  }
  for (const FlowHead& flow : flows) {
    const auto known = followed.extract({flow.ns, flow.id});
    if (known.empty() ? flow.triggers : known.mapped() != flow.revision) FollowFlow(flow.ns, flow.id, now);
  }
  for (const auto& [gone, revision] : followed) {
    IndexFlow(gone.first, gone.second, {});
    book_.Follow(gone.first, gone.second, {}, now);
  }
  // An end that was not heard of before the process stopped.
  for (const model::Trigger* row : book_.All()) {
    if (!row->execution) continue;
    const model::Execution* execution = host_.Look(*row->execution);
    if (execution != nullptr && !execution->closed) continue;
    const TriggerName name = row->name;
    const ExecutionId id = *row->execution;
    if (execution != nullptr) book_.Ended(name, id, execution->state.current(), now);
    else static_cast<void>(book_.Unlock(name, now));
  }
  Stage();
}

void TriggerRunner::FollowFlow(const std::string& ns, const std::string& flow_id, Timestamp now) {
  if (!options_.enabled) return;
  for (auto it = known_.lower_bound({ns, flow_id, ""}); it != known_.end() && it->first.ns == ns && it->first.flow_id == flow_id;) {
    it = known_.erase(it);
  }
  std::vector<model::Trigger> written;
  std::vector<TriggerSpecPtr> followed;
  const auto flow = flows_.Get(ns, flow_id, 0);
  if (flow) {
    auto specs = ReadTriggers(flow->program->flow(), options_.zone);
    if (specs) followed = std::move(*specs);
    else spdlog::error("{}", specs.error().ToString());
    for (const TriggerSpecPtr& spec : followed) written.push_back(spec->row);
  } else if (flow.error().code != Code::kNotFound) {
    if (flow.error().code == Code::kUnavailable) {
      unread_flows_.emplace(ns, flow_id);
      read_again_ = now + kAgain;
    }
    return spdlog::error("the triggers of flow {}/{}: {}", ns, flow_id, flow.error().ToString());
  }
  unread_flows_.erase({ns, flow_id});
  IndexFlow(ns, flow_id, followed);
  book_.Follow(ns, flow_id, std::move(written), now);
  Stage();
}

void TriggerRunner::Stage() {
  for (const auto& [name, row] : book_.TakeChanges()) {
    WithdrawStale(name);
    host_.PutNote(NoteKey(name), row == nullptr ? std::nullopt : std::optional(wire::EncodeTrigger(*row)));
  }
}

Result<TriggerRunner::Known> TriggerRunner::KnownOf(const TriggerName& name) {
  const model::Trigger* row = book_.Find(name);
  if (row == nullptr) return NotFound("there is no trigger " + name.str());
  const auto it = known_.find(name);
  if (it != known_.end() && it->second.spec->row.revision == row->revision) return it->second;
  ASSIGN_OR_RETURN(const RegisteredFlow flow, flows_.Get(name.ns, name.flow_id, row->revision));
  ASSIGN_OR_RETURN(const std::vector<TriggerSpecPtr> specs, ReadTriggers(flow.program->flow(), options_.zone));
  for (const TriggerSpecPtr& spec : specs) known_[spec->row.name] = {flow.program, spec};
  const auto found = known_.find(name);
  if (found != known_.end()) return found->second;
  return NotFound("revision " + std::to_string(row->revision) + " has no trigger " + name.str());
}

void TriggerRunner::Tick(Timestamp now) {
  if (!options_.enabled) return;
  if (!unread_flows_.empty() && now >= read_again_) {
    for (const auto& [ns, flow_id] : std::exchange(unread_flows_, {})) FollowFlow(ns, flow_id, now);
  }
  if (now < not_before_) return;
  for (const TriggerName& name : book_.TakeDue(now, options_.ticks_max)) RunDue(name, now);
  Stage();
}

void TriggerRunner::RunDue(const TriggerName& name, Timestamp now) {
  const model::Trigger* row = book_.Find(name);
  if (row != nullptr && row->execution) {
    const model::Execution* execution = host_.Look(*row->execution);
    if (execution == nullptr || execution->closed) {
      spdlog::warn("trigger {}: execution {} has ended or is gone, and it goes on", name.str(), row->execution->str());
      static_cast<void>(book_.Unlock(name, now));
    }
  }
  if (row != nullptr && row->kind == model::TriggerKind::kPolling) return RunLook(name, now);
  for (int i = 0; i < kSkipsMax; ++i) {
    const auto tick = book_.Due(name, now);
    if (!tick || Run(name, *tick, now)) break;
  }
  book_.Settle(name, now);
}

bool TriggerRunner::Run(const TriggerName& name, const scheduler::Tick& tick, Timestamp now) {
  const model::Trigger row = *book_.Find(name);
  const auto known = KnownOf(name);
  const auto calendar = book_.CalendarOf(name);
  // No date is passed over for what passes by itself.
  const Status room = host_.HasRoom();
  if (!room || (!known && known.error().code == Code::kUnavailable)) {
    spdlog::warn("trigger {} starts later what is due at {}: {}", name.str(), FormatInstant(tick.date),
                 room ? known.error().message : room.error().message);
    not_before_ = now + kAgain;
    return true;
  }
  if (!known || !calendar) {
    const Error& error = known ? calendar.error() : known.error();
    spdlog::error("trigger {} starts nothing for {}: {}", name.str(), FormatInstant(tick.date), error.ToString());
    book_.Done(name, tick, std::nullopt, now, error.message);
    return true;
  }
  const ExecutionId id = TickExecutionId(row, tick);
  // Decided before, by whoever had the partition then.
  if (host_.Look(id) != nullptr) {
    book_.Done(name, tick, std::nullopt, now);
    return true;
  }
  TriggerScene scene(options_, *known->program, *known->spec, id, (*calendar)->zone(), now);
  bool holds = true;
  auto prepared = PrepareTick(scene, *known, tick, now, holds);
  if (!holds) {
    book_.Done(name, tick, std::nullopt, now);
    return false;
  }
  std::string problem;
  if (!prepared) {
    // So that it is seen, and not tried again every second.
    problem = prepared.error().ToString();
    prepared = FailedSubmission(scene, *known, problem);
  }
  const Status started = host_.Start(*prepared);
  if (!started) spdlog::error("trigger {}: execution {}: {}", name.str(), id.str(), started.error().ToString());
  else if (options_.on_fired && !tick.backfill) options_.on_fired(now - tick.date);
  book_.Done(name, tick, started ? std::optional(id) : std::nullopt, now, started ? problem : started.error().message);
  return true;
}

PreparedSubmission TriggerRunner::FailedSubmission(const TriggerScene& scene, const Known& known, const std::string& problem) const {
  PreparedSubmission failed;
  failed.program = known.program;
  failed.submitted = {scene.id, {}, known.program->flow().labels, scene.TriggerValue()};
  failed.submitted.labels.emplace_back("system.from", "trigger");
  failed.submitted.admission = model::Admission::kFail;
  failed.submitted.reason = "trigger " + known.spec->row.name.id + ": " + problem;
  return failed;
}

// The nearest date on which the conditions hold.
std::optional<Timestamp> TriggerRunner::Satisfying(TriggerScene& scene, const Known& known, const Calendar& calendar,
                                                   Timestamp from, bool forward) const {
  for (int i = 0; i < kSearchMax; ++i) {
    const auto date = forward ? calendar.After(from) : calendar.Before(from);
    if (!date || known.spec->conditions.empty()) return date;
    scene.SetDate(*date);
    const auto holds = Hold(known.spec->conditions, scene.Subject(*date));
    if (!holds) return std::nullopt;
    if (*holds) return date;
    from = *date;
  }
  return std::nullopt;
}

Result<PreparedSubmission> TriggerRunner::PrepareTick(TriggerScene& scene, const Known& known, const scheduler::Tick& tick,
                                                      Timestamp now, bool& holds) {
  const Calendar& calendar = **book_.CalendarOf(known.spec->row.name);
  scene.SetVariables({{"date", DateText(tick.date, scene.zone)}});
  ASSIGN_OR_RETURN(holds, Hold(known.spec->conditions, scene.Subject(tick.date)));
  if (!holds) return PreparedSubmission();
  Object variables = scene.variables;
  for (const bool forward : {true, false}) {
    const auto date = Satisfying(scene, known, calendar, tick.date, forward);
    if (date) variables[forward ? "next" : "previous"] = DateText(*date, scene.zone);
  }
  scene.SetVariables(std::move(variables));
  const auto& backfill = book_.Find(known.spec->row.name)->backfill;
  if (!tick.backfill || !backfill) return Prepare(scene, known, {}, {}, now);
  return Prepare(scene, known, backfill->inputs, backfill->labels, now);
}

Result<PreparedSubmission> TriggerRunner::Prepare(TriggerScene& scene, const Known& known, const Object& more_inputs,
                                                  std::vector<model::Label> labels, Timestamp now) {
  SubmitRequest request{.ns = scene.flow.ns, .flow_id = scene.flow.id, .revision = scene.flow.revision};
  ASSIGN_OR_RETURN(Value inputs, scene.Render(Value(known.spec->inputs)));
  request.inputs = std::move(inputs.as_object());
  for (const auto& [key, value] : more_inputs) request.inputs[key] = value;
  ASSIGN_OR_RETURN(request.labels, scene.RenderLabels(known.spec->labels));
  for (model::Label& label : labels) request.labels.push_back(std::move(label));
  request.labels.emplace_back("system.from", "trigger");
  request.trigger = scene.TriggerValue();
  Random random(StableHash(scene.id.str()));
  ASSIGN_OR_RETURN(PreparedSubmission prepared, PrepareSubmission(flows_, std::move(request), now, random));
  prepared.submitted.id = scene.id;
  return prepared;
}

Result<std::vector<Timestamp>> TriggerRunner::NextDates(const TriggerName& name, std::size_t count, Timestamp now) {
  ASSIGN_OR_RETURN(const Calendar* calendar, book_.CalendarOf(name));
  ASSIGN_OR_RETURN(const Known known, KnownOf(name));
  TriggerScene scene(options_, *known.program, *known.spec, ExecutionId(), calendar->zone(), now);
  std::vector<Timestamp> dates;
  const model::Trigger& row = *book_.Find(name);
  Timestamp from = std::max(now, row.last.value_or(now));
  if (row.next && *row.next <= now) from = *row.next - Duration(1);
  while (dates.size() < count) {
    const auto date = Satisfying(scene, known, *calendar, from, true);
    if (!date) break;
    dates.push_back(*date);
    from = *date;
  }
  return dates;
}

void TriggerRunner::OnEnded(const TriggerName& name, const ExecutionId& id, model::State state, Timestamp now) {
  // The execution that takes its place holds the trigger on.
  if (!options_.enabled || state == model::State::kRetried) return;
  book_.Ended(name, id, state, now);
  Stage();
}

void TriggerRunner::OnReplaced(const TriggerName& name, const ExecutionId& id, const ExecutionId& by) {
  if (!options_.enabled) return;
  book_.Replaced(name, id, by);
  Stage();
}

}  // namespace headrace::scheduler
