#include "scheduler/triggers/book.h"

#include <algorithm>

namespace headrace::scheduler {

using model::MissedPolicy;
using model::Trigger;
using model::TriggerKind;
using model::TriggerName;

namespace {

// How often a trigger whose date has come while its execution runs is looked at, in case nobody told of its end.
constexpr Duration kLockLook = std::chrono::minutes(1);

bool Ticks(const Trigger& row) { return row.kind == TriggerKind::kSchedule || row.kind == TriggerKind::kDates; }

bool SameDates(const Trigger& a, const Trigger& b) {
  return a.kind == b.kind && a.cron == b.cron && a.with_seconds == b.with_seconds && a.zone == b.zone && a.dates == b.dates;
}

// What the flow says, over what had happened.
Trigger Merge(Trigger written, const Trigger& had) {
  written.disabled = had.disabled;
  written.next = had.next;
  written.last = had.last;
  written.execution = had.execution;
  written.locked_since = had.locked_since;
  written.backfill = had.backfill;
  written.met = had.met;
  written.windows = had.windows;
  written.memo = had.memo;
  return written;
}

}  // namespace

ExecutionId TickExecutionId(const Trigger& trigger, const Tick& tick) {
  const std::string date = std::to_string(ToMicros(tick.date));
  const Place place = PlaceOfFlow(trigger.name.ns, trigger.name.flow_id);
  if (!tick.backfill || !trigger.backfill) return DeriveExecutionId(tick.date, trigger.name.str(), "tick/" + date, place);
  const Timestamp created = trigger.backfill->created;
  return DeriveExecutionId(created, trigger.name.str(), "backfill/" + std::to_string(ToMicros(created)) + "/" + date, place);
}

TriggerBook::Entry* TriggerBook::Get(const TriggerName& name) {
  const auto it = entries_.find(name);
  return it == entries_.end() ? nullptr : &it->second;
}

Result<TriggerBook::Entry*> TriggerBook::Need(const TriggerName& name) {
  if (Entry* entry = Get(name)) return entry;
  std::string known;
  for (const Trigger* row : OfFlow(name.ns, name.flow_id)) known += (known.empty() ? "" : ", ") + row->name.id;
  return NotFound("flow " + name.ns + "/" + name.flow_id + " has no trigger '" + name.id + "'" +
                  (known.empty() ? "" : "; it has " + known));
}

Status TriggerBook::Require(const TriggerName& name) {
  RETURN_IF_ERROR(Need(name));
  return {};
}

TriggerBook::Entry& TriggerBook::Put(Trigger row) {
  Drop(row.name);
  const TriggerName name = row.name;
  Entry& entry = entries_[name];
  entry.row = std::move(row);
  if (Ticks(entry.row)) {
    auto calendar = Calendar::Of(entry.row, zone_);
    if (calendar) entry.calendar = std::move(*calendar);
    else entry.row.problem = calendar.error().message;
  }
  return entry;
}

void TriggerBook::Drop(const TriggerName& name) {
  const auto it = entries_.find(name);
  if (it == entries_.end()) return;
  Disarm(it->second);
  entries_.erase(it);
}

void TriggerBook::Load(Trigger row, Timestamp now) {
  Entry& entry = Put(std::move(row));
  CatchUp(entry, now);
  Arm(entry, now);
}

void TriggerBook::Follow(const std::string& ns, const std::string& flow_id, std::vector<Trigger> written, Timestamp now) {
  std::set<TriggerName> gone;
  for (const Trigger* row : OfFlow(ns, flow_id)) gone.insert(row->name);
  for (Trigger& trigger : written) {
    gone.erase(trigger.name);
    const Entry* had = Get(trigger.name);
    bool anew = true;
    if (had != nullptr && had->row.kind == trigger.kind) {
      anew = !SameDates(had->row, trigger) || (had->row.off && !trigger.off);
      // So that it is seen at once whether what was wrong is mended.
      const bool mended = !had->row.problem.empty();
      if (trigger.kind == TriggerKind::kPolling) anew = anew || had->row.type != trigger.type;
      trigger = Merge(std::move(trigger), had->row);
      if (trigger.kind == TriggerKind::kPolling && (mended || trigger.next > now + trigger.interval)) trigger.next = now;
    }
    Entry& entry = Put(std::move(trigger));
    if (entry.row.kind == TriggerKind::kPolling) {
      if (anew) BeginAnew(entry, now);
    } else if (anew) entry.row.next = entry.calendar ? entry.calendar->After(std::max(now, entry.row.last.value_or(now))) : std::nullopt;
    Mark(entry);
    Arm(entry, now);
  }
  for (const TriggerName& name : gone) {
    Drop(name);
    changed_.insert(name);
  }
}

const Trigger* TriggerBook::Find(const TriggerName& name) const {
  const auto it = entries_.find(name);
  return it == entries_.end() ? nullptr : &it->second.row;
}

std::vector<const Trigger*> TriggerBook::OfFlow(const std::string& ns, const std::string& flow_id) const {
  std::vector<const Trigger*> rows;
  for (auto it = entries_.lower_bound({ns, flow_id, ""}); it != entries_.end(); ++it) {
    if (it->first.ns != ns || it->first.flow_id != flow_id) break;
    rows.push_back(&it->second.row);
  }
  return rows;
}

std::vector<const Trigger*> TriggerBook::All() const {
  std::vector<const Trigger*> rows;
  for (const auto& [name, entry] : entries_) rows.push_back(&entry.row);
  return rows;
}

std::vector<TriggerBook::Change> TriggerBook::TakeChanges() {
  std::vector<Change> changes;
  for (const TriggerName& name : std::exchange(changed_, {})) changes.emplace_back(name, Find(name));
  return changes;
}

std::optional<Timestamp> TriggerBook::NextDue() const {
  return due_.empty() ? std::nullopt : std::optional(due_.begin()->first);
}

std::vector<TriggerName> TriggerBook::TakeDue(Timestamp now, std::size_t most) {
  std::vector<TriggerName> names;
  while (!due_.empty() && due_.begin()->first <= now && names.size() < most) {
    names.push_back(due_.begin()->second);
    Disarm(*Get(names.back()));
  }
  return names;
}

void TriggerBook::Disarm(Entry& entry) {
  if (!entry.armed) return;
  due_.erase({*entry.armed, entry.row.name});
  entry.armed.reset();
}

void TriggerBook::Arm(Entry& entry, Timestamp now) {
  Disarm(entry);
  const Trigger& row = entry.row;
  if (const auto look = LookAt(entry, now)) {
    entry.armed = look;
    due_.emplace(*look, row.name);
  }
  if (!entry.calendar || row.off || row.disabled) return;
  const bool fills = row.backfill && !row.backfill->paused;
  std::optional<Timestamp> at = row.next;
  if (fills) at = std::min(at.value_or(now), now);
  if (!at) return;
  if (row.execution) {
    const Timestamp look = now + kLockLook;
    if (row.allow_concurrent && row.next && *row.next > now) at = fills ? std::min(*row.next, look) : *row.next;
    else at = std::max(*at, look);
  }
  entry.armed = at;
  due_.emplace(*at, row.name);
}

// What has passed while nobody could tick: during a downtime, or while the execution of the tick before ran.
void TriggerBook::CatchUp(Entry& entry, Timestamp now) {
  Trigger& row = entry.row;
  if (!entry.calendar || row.off || row.disabled || !row.next || *row.next > now || row.execution) return;
  if (row.missed == MissedPolicy::kAll) return;
  if (row.missed == MissedPolicy::kLast) {
    const auto last = entry.calendar->Before(std::chrono::floor<std::chrono::seconds>(now) + std::chrono::seconds(1));
    if (!last || *last <= *row.next) return;
    row.next = last;
  } else {
    row.next = entry.calendar->After(now);
  }
  Mark(entry);
}

std::optional<Tick> TriggerBook::Due(const TriggerName& name, Timestamp now) {
  Entry* entry = Get(name);
  if (entry == nullptr || !entry->calendar || entry->row.off || entry->row.disabled) return std::nullopt;
  Trigger& row = entry->row;
  if (row.next && row.late_max && now - *row.next > *row.late_max) {
    row.next = entry->calendar->After(std::max(*row.next, now - *row.late_max - Duration(1)));
    Mark(*entry);
  }
  if (row.next && *row.next <= now) {
    const auto following = entry->calendar->After(*row.next);
    const bool missed = following && *following <= now;
    // Those that were missed are run one after the other even where several may run at once.
    if (!row.execution || (row.allow_concurrent && !missed)) return Tick{*row.next, false, missed};
  }
  if (row.backfill && !row.backfill->paused && !row.execution) return Tick{row.backfill->current, true, true};
  return std::nullopt;
}

void TriggerBook::Advance(Entry& entry, const Tick& tick) {
  Trigger& row = entry.row;
  const auto following = entry.calendar->After(tick.date);
  if (!tick.backfill) {
    row.last = tick.date;
    row.next = following;
  } else if (row.backfill) {
    if (following && *following <= row.backfill->end) row.backfill->current = *following;
    else row.backfill.reset();
  }
}

void TriggerBook::Done(const TriggerName& name, const Tick& tick, const std::optional<ExecutionId>& execution, Timestamp now,
                       std::string problem) {
  Entry* entry = Get(name);
  if (entry == nullptr || !entry->calendar) return;
  Advance(*entry, tick);
  Trigger& row = entry->row;
  if (execution && (!row.allow_concurrent || tick.missed)) {
    row.execution = execution;
    row.locked_since = now;
  }
  row.problem = ProblemText(std::move(problem));
  Mark(*entry);
}

void TriggerBook::Settle(const TriggerName& name, Timestamp now) {
  if (Entry* entry = Get(name)) Arm(*entry, now);
}

void TriggerBook::Ended(const TriggerName& name, const ExecutionId& id, model::State state, Timestamp now) {
  Entry* entry = Get(name);
  if (entry == nullptr) return;
  Trigger& row = entry->row;
  if (!row.disabled && std::find(row.stop_after.begin(), row.stop_after.end(), state) != row.stop_after.end()) {
    row.disabled = true;
    row.problem = "disabled by stopAfter: execution " + id.str() + " ended " + std::string(model::StateName(state));
    entry->look.reset();
    Mark(*entry);
  }
  if (row.execution == id) {
    row.execution.reset();
    row.locked_since.reset();
    if (row.kind == TriggerKind::kPolling) row.next = now + row.interval;
    CatchUp(*entry, now);
    Mark(*entry);
  }
  Arm(*entry, now);
}

void TriggerBook::Replaced(const TriggerName& name, const ExecutionId& id, const ExecutionId& by) {
  Entry* entry = Get(name);
  if (entry == nullptr || entry->row.execution != id) return;
  entry->row.execution = by;
  Mark(*entry);
}

Status TriggerBook::Unlock(const TriggerName& name, Timestamp now) {
  ASSIGN_OR_RETURN(Entry * entry, Need(name));
  if (!entry->row.execution) return Fail(Code::kFailedPrecondition, "trigger " + name.str() + " waits for no execution");
  entry->row.execution.reset();
  entry->row.locked_since.reset();
  CatchUp(*entry, now);
  Mark(*entry);
  Arm(*entry, now);
  return {};
}

Status TriggerBook::SetDisabled(const TriggerName& name, bool disabled, Timestamp now) {
  ASSIGN_OR_RETURN(Entry * entry, Need(name));
  Trigger& row = entry->row;
  if (row.disabled == disabled) return {};
  row.disabled = disabled;
  row.problem.clear();
  entry->look.reset();
  // What passed meanwhile was not wanted.
  if (!disabled && row.kind == TriggerKind::kPolling) BeginAnew(*entry, now);
  if (!disabled && entry->calendar) row.next = entry->calendar->After(std::max(now, row.last.value_or(now)));
  Mark(*entry);
  Arm(*entry, now);
  return {};
}

Status TriggerBook::StartBackfill(const TriggerName& name, model::Backfill backfill, Timestamp now) {
  ASSIGN_OR_RETURN(Entry * entry, Need(name));
  ASSIGN_OR_RETURN(const Calendar* calendar, CalendarOf(name));
  if (entry->row.off || entry->row.disabled) {
    return Fail(Code::kFailedPrecondition, "trigger " + name.str() + " is disabled: enable it first");
  }
  if (entry->row.backfill) {
    return Fail(Code::kFailedPrecondition, "trigger " + name.str() + " has a backfill already; cancel that one first: headrace "
                                           "backfill cancel " + name.str());
  }
  if (backfill.end > now) return InvalidArgument("a backfill cannot reach into the future: it may end now at the latest");
  const auto first = calendar->After(backfill.start - Duration(1));
  if (!first || *first > backfill.end || backfill.start > backfill.end) {
    return InvalidArgument("trigger " + name.str() + " has no date from " + FormatInstant(backfill.start) + " to " +
                           FormatInstant(backfill.end));
  }
  backfill.current = *first;
  backfill.created = now;
  entry->row.backfill = std::move(backfill);
  Mark(*entry);
  Arm(*entry, now);
  return {};
}

Status TriggerBook::PauseBackfill(const TriggerName& name, bool paused, Timestamp now) {
  ASSIGN_OR_RETURN(Entry * entry, Need(name));
  if (!entry->row.backfill) return Fail(Code::kFailedPrecondition, "trigger " + name.str() + " has no backfill");
  if (!paused && (entry->row.off || entry->row.disabled)) {
    return Fail(Code::kFailedPrecondition, "trigger " + name.str() + " is disabled, and its backfill with it: " +
                                               (entry->row.off ? "enable it in its flow" : "headrace trigger enable " + name.str()));
  }
  entry->row.backfill->paused = paused;
  Mark(*entry);
  Arm(*entry, now);
  return {};
}

Status TriggerBook::CancelBackfill(const TriggerName& name, Timestamp now) {
  ASSIGN_OR_RETURN(Entry * entry, Need(name));
  if (!entry->row.backfill) return Fail(Code::kFailedPrecondition, "trigger " + name.str() + " has no backfill");
  entry->row.backfill.reset();
  Mark(*entry);
  Arm(*entry, now);
  return {};
}

void TriggerBook::Note(const TriggerName& name, std::string problem) {
  Entry* entry = Get(name);
  problem = ProblemText(std::move(problem));
  if (entry == nullptr || entry->row.problem == problem) return;
  entry->row.problem = std::move(problem);
  Mark(*entry);
}

void TriggerBook::SetMet(const TriggerName& name, std::vector<model::MetCondition> met,
                         std::vector<model::WindowStart> windows) {
  Entry* entry = Get(name);
  if (entry == nullptr || (entry->row.met == met && entry->row.windows == windows)) return;
  entry->row.met = std::move(met);
  entry->row.windows = std::move(windows);
  Mark(*entry);
}

Result<const Calendar*> TriggerBook::CalendarOf(const TriggerName& name) const {
  const auto it = entries_.find(name);
  if (it == entries_.end()) return NotFound("there is no trigger " + name.str());
  if (!Ticks(it->second.row)) {
    return Fail(Code::kFailedPrecondition, "trigger " + name.str() + " is no schedule but a " + it->second.row.type);
  }
  if (!it->second.calendar) return Fail(Code::kFailedPrecondition, it->second.row.problem);
  return &*it->second.calendar;
}

}  // namespace headrace::scheduler
