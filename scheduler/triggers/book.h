// What every trigger does when: the rows of all triggers, which of them are due, and what a tick changes in them.
// Place: moved by TriggerRunner, which evaluates conditions and creates executions; knows no clock, store or flow.
// Shapes: TakeChanges gives the rows that differ from what was stored; they go with the batch of the executions that the
//   same calls led to, so that a tick fires once, whoever dies in between.
// Laws: a date that was dealt with never comes again, whatever the clock or a new revision of the flow does.
// Threads: one owner. Cost: O(log n) a change; a trigger that waits is an entry of a set.
// Source: FLOWS 4.1.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "common/model/trigger.h"
#include "scheduler/triggers/calendar.h"

namespace headrace::scheduler {

// One date of a schedule, to be run.
struct Tick {
  Timestamp date{};
  bool backfill = false;
  bool missed = false;  // the date after it has passed, too
};

// What became of a look of a polling trigger.
struct LookEnd {
  std::optional<ExecutionId> execution{};  // that it started
  std::string problem{};                   // why it started none
  std::optional<std::string> memo{};       // for the next look; nothing: as it was
  Duration later{0};                       // the next one not before this time
  bool lost = false;                       // nobody knows what it saw: the row says what it said
};

class TriggerBook {
 public:
  // `zone`: of schedules that name none.
  explicit TriggerBook(std::string zone) : zone_(std::move(zone)) {}

  // ---- rows ----
  // As stored; what was missed since then is dealt with as the trigger says.
  void Load(model::Trigger row, Timestamp now);
  // The triggers of a flow as a revision has them; others of the flow are dropped. Progress is kept where it still fits.
  void Follow(const std::string& ns, const std::string& flow_id, std::vector<model::Trigger> written, Timestamp now);
  const model::Trigger* Find(const model::TriggerName& name) const;
  // NOT_FOUND says which triggers the flow has.
  Status Require(const model::TriggerName& name);
  // In order of their names.
  std::vector<const model::Trigger*> OfFlow(const std::string& ns, const std::string& flow_id) const;
  std::vector<const model::Trigger*> All() const;
  // Names with the row as it is now, or nothing for one that was dropped.
  using Change = std::pair<model::TriggerName, const model::Trigger*>;
  std::vector<Change> TakeChanges();
  bool changed() const { return !changed_.empty(); }

  // ---- time ----
  std::optional<Timestamp> NextDue() const;
  // Up to `most` whose time has come; each must be armed again by Settle.
  std::vector<model::TriggerName> TakeDue(Timestamp now, std::size_t most);
  // What it is to run now; nothing when it has to wait. Passes over what is later than the trigger allows.
  std::optional<Tick> Due(const model::TriggerName& name, Timestamp now);
  // The tick has started this execution, or (nothing) starts none; `problem` says why.
  void Done(const model::TriggerName& name, const Tick& tick, const std::optional<ExecutionId>& execution, Timestamp now,
            std::string problem = {});
  void Settle(const model::TriggerName& name, Timestamp now);

  // ---- looks of polling triggers (book_looks.cc) ----
  // The date of the look that is due; nothing when it waits: for an execution, or for a look that is on its way.
  std::optional<Timestamp> DueLook(const model::TriggerName& name, Timestamp now) const;
  // It is on its way under this number; at `until` the trigger is due again, to see what has become of it.
  void BeginLook(const model::TriggerName& name, std::uint64_t number, Timestamp until);
  // The one on its way; a trigger that was changed or disabled since has none.
  std::optional<std::uint64_t> LookOf(const model::TriggerName& name) const;
  // The next one comes an interval later. A row that says what it said before is not stored: after a crash it is due again.
  void EndLook(const model::TriggerName& name, LookEnd end, Timestamp now);

  // ---- what others say ----
  // An execution that it had started has ended.
  void Ended(const model::TriggerName& name, const ExecutionId& id, model::State state, Timestamp now);
  // Another execution takes the place of one that is tried again.
  void Replaced(const model::TriggerName& name, const ExecutionId& id, const ExecutionId& by);
  // Lets go of an execution that is not there any more, or that a person does not want to wait for.
  Status Unlock(const model::TriggerName& name, Timestamp now);
  Status SetDisabled(const model::TriggerName& name, bool disabled, Timestamp now);
  Status StartBackfill(const model::TriggerName& name, model::Backfill backfill, Timestamp now);
  Status PauseBackfill(const model::TriggerName& name, bool paused, Timestamp now);
  Status CancelBackfill(const model::TriggerName& name, Timestamp now);
  void Note(const model::TriggerName& name, std::string problem);
  // Of a flow trigger: what was met in its windows.
  void SetMet(const model::TriggerName& name, std::vector<model::MetCondition> met, std::vector<model::WindowStart> windows);

  // The calendar of a schedule. Errors: FAILED_PRECONDITION for other triggers; as Calendar.
  Result<const Calendar*> CalendarOf(const model::TriggerName& name) const;

 private:
  struct Entry {
    model::Trigger row;
    std::optional<Calendar> calendar{};  // of a schedule whose expression and zone are right
    std::optional<Timestamp> armed{};
    std::optional<std::pair<std::uint64_t, Timestamp>> look{};  // on its way: its number, and until when
  };
  Entry* Get(const model::TriggerName& name);
  Result<Entry*> Need(const model::TriggerName& name);
  Entry& Put(model::Trigger row);
  void Drop(const model::TriggerName& name);
  void Mark(Entry& entry) { changed_.insert(entry.row.name); }
  void Arm(Entry& entry, Timestamp now);
  static std::optional<Timestamp> LookAt(const Entry& entry, Timestamp now);
  void BeginAnew(Entry& entry, Timestamp now);
  void Disarm(Entry& entry);
  void CatchUp(Entry& entry, Timestamp now);
  void Advance(Entry& entry, const Tick& tick);

  std::string zone_;
  std::map<model::TriggerName, Entry> entries_;
  std::set<std::pair<Timestamp, model::TriggerName>> due_;
  std::set<model::TriggerName> changed_;
};

// The id of the execution that a tick starts: the same for the same tick, whoever decides it.
ExecutionId TickExecutionId(const model::Trigger& trigger, const Tick& tick);
// Of the execution that the look of a date starts.
ExecutionId LookExecutionId(const model::TriggerName& name, Timestamp date);
// What a person or a task is told, cut.
std::string ProblemText(std::string problem);

}  // namespace headrace::scheduler
