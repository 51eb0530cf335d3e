// Makes triggers start executions: evaluates what a flow's triggers say and turns ticks, calls and ends into submissions.
// Place: part of Core, which gives it the time, the ends of executions and their changes of state; the book knows when.
// Laws: what a trigger decided and what it started are in one batch; at most a bounded number a Tick, the rest the next.
// Errors: a flow that cannot be read, or inputs that are wrong, are told in the trigger's row and the log.
// Threads: the core's. Source: FLOWS 4.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "scheduler/flow_registry.h"
#include "scheduler/look_book.h"
#include "scheduler/release.h"
#include "scheduler/trigger_door.h"
#include "scheduler/triggers/book.h"
#include "scheduler/triggers/flow_index.h"
#include "scheduler/triggers/spec.h"

namespace headrace::scheduler {

struct PreparedSubmission;
struct SubmitRequest;
struct TriggerScene;

// What a runner needs of the core around it.
class TriggerHost {
 public:
  virtual ~TriggerHost() = default;
  // An execution, running or ended, until the next call; of another partition without its task runs. Null if there is none.
  virtual const model::Execution* Look(const ExecutionId& id) = 0;
  // Created with the open batch.
  virtual Status Start(PreparedSubmission& submission) = 0;
  virtual void PutNote(const std::string& key, std::optional<std::string> record) = 0;
  // Gives a look to a worker, once what was decided so far is durable.
  virtual void Dispatch(const wire::TaskKey& look) = 0;
  // It is not wanted any more, wherever it is.
  virtual void Withdraw(const wire::TaskKey& look) = 0;
  virtual store::Epoch epoch() const = 0;
  // Whether new work may begin.
  virtual Status HasRoom() const = 0;
};

struct TriggerOptions {
  bool enabled = true;
  std::string zone = "UTC";        // of schedules that name none
  std::size_t ticks_max = 128;     // due triggers a Tick
  std::function<void(Duration late)> on_fired{};  // a schedule's date has started an execution; may be empty
  // Answers kv(), read() and their like in conditions and inputs.
  std::function<model::Answer(const std::string& ns, const std::string& flow_id, const ExecutionId& execution,
                              const model::Lookup& lookup)>
      answerer{};
};

class TriggerRunner {
 public:
  TriggerRunner(TriggerOptions options, FlowRegistry& flows, TriggerHost& host);

  // ---- the core's ----
  // From what was stored; finds flows that changed since. `flows`: all that there are, or all whose triggers are the runner's.
  void Recover(const std::vector<store::NoteRow>& notes, const std::vector<FlowHead>& flows, Timestamp now);
  // A flow was deployed, disabled or deleted.
  void FollowFlow(const std::string& ns, const std::string& flow_id, Timestamp now);
  void Tick(Timestamp now);
  void OnStates(const std::vector<StateNews>& news, Timestamp now);
  // An execution of another partition has come to a state.
  void OnToldState(const ExecutionId& id, std::uint64_t change, Timestamp now);
  void OnEnded(const model::TriggerName& name, const ExecutionId& id, model::State state, Timestamp now);
  void OnReplaced(const model::TriggerName& name, const ExecutionId& id, const ExecutionId& by);
  bool wants_states() const { return options_.enabled && !flow_index_.empty(); }
  std::optional<Timestamp> NextDue() const {
    const auto due = book_.NextDue();
    const auto next = due ? std::optional(std::max(*due, not_before_)) : due;
    return unread_flows_.empty() ? next : std::min(next.value_or(read_again_), read_again_);
  }

  // ---- looks of polling triggers, for the dispatcher (trigger_looks.cc) ----
  bool IsCurrentLook(const wire::TaskKey& key);
  // Nothing if it is not wanted any more.
  std::optional<wire::Assign> AssignLook(const wire::TaskKey& key, Timestamp now);
  wire::TaskSpec SpecOfLook(const wire::TaskKey& key);
  // The group whose workers may take it. REQUIRES: current.
  std::string GroupOfLook(const wire::TaskKey& key);
  // False when it was not current: then it changed nothing.
  bool OnLooked(const wire::TaskResult& result, Timestamp now);
  void OnLookLost(const wire::TaskKey& key, const std::string& reason, Timestamp now);
  std::size_t looks() const { return looks_.size(); }
  // Flow triggers that were evaluated because an execution came to a new state.
  std::size_t flow_triggers_met() const { return flow_triggers_met_; }

  // ---- people's ----
  TriggerBook& book() { return book_; }
  // Puts what the book has changed into the open batch.
  void Stage();
  Result<std::vector<Timestamp>> NextDates(const model::TriggerName& name, std::size_t count, Timestamp now);
  Result<WebhookReply> FireWebhook(const WebhookCall& call, Timestamp now);

 private:
  struct Known {
    ProgramPtr program;
    TriggerSpecPtr spec;
  };
  Result<Known> KnownOf(const model::TriggerName& name);
  void RunDue(const model::TriggerName& name, Timestamp now);
  // Whether that date is dealt with for now: an execution was started, or the date stays due.
  bool Run(const model::TriggerName& name, const scheduler::Tick& tick, Timestamp now);
  std::optional<Timestamp> Satisfying(TriggerScene& scene, const Known& known, const Calendar& calendar, Timestamp from,
                                      bool forward) const;
  Result<PreparedSubmission> Prepare(TriggerScene& scene, const Known& known, const Object& more_inputs,
                                     std::vector<model::Label> labels, Timestamp now);
  Result<PreparedSubmission> PrepareTick(TriggerScene& scene, const Known& known, const scheduler::Tick& tick, Timestamp now,
                                         bool& holds);
  PreparedSubmission FailedSubmission(const TriggerScene& scene, const Known& known, const std::string& problem) const;

  // trigger_looks.cc
  void RunLook(const model::TriggerName& name, Timestamp now);
  void WatchLook(const model::TriggerName& name, Timestamp now);
  Result<bool> MayLook(const Known& known, Timestamp now);
  Status StartLooked(const TriggerLook& look, bool fires, Object variables, LookEnd& end, Timestamp now);
  void WithdrawStale(const model::TriggerName& name);

  // trigger_flows.cc
  void IndexFlow(const std::string& ns, const std::string& flow_id, const std::vector<TriggerSpecPtr>& specs);
  void ReadUnread();
  void OnState(const model::Execution& source, std::size_t place, Timestamp now);
  void Meet(const model::TriggerName& name, const model::Execution& source, std::size_t place, Timestamp now);
  Status StartAfter(TriggerScene& scene, const Known& known, const model::Execution& source, std::size_t place, Timestamp now);

  const TriggerOptions options_;
  FlowRegistry& flows_;
  TriggerHost& host_;
  TriggerBook book_;
  std::map<model::TriggerName, Known> known_;  // of the row's revision
  LookBook looks_;
  FlowIndex flow_index_;
  std::size_t flow_triggers_met_ = 0;
  std::set<std::pair<std::string, std::string>> unread_flows_;  // deployed while the store did not answer
  Timestamp read_again_{};
  Timestamp not_before_{};  // nothing is started: the store does not answer, or is full
};

}  // namespace headrace::scheduler
