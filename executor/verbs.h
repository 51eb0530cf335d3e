// The verbs of the executor, one file each: what can be done to an execution within a step.
// Shapes: a verb changes the execution through Step and leaves the reaction of the enclosing scope to Settle.
// Threads: as Step.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "executor/step.h"

namespace headrace::executor {

// ---- start.cc
// Creates a run of `task` in `parent` and begins it, unless its runIf says otherwise.
void StartTask(Step& step, model::TaskIndex task, ScopeId parent, std::optional<std::string> value = std::nullopt,
               std::optional<std::int32_t> iteration = std::nullopt);
// Begins a run that is CREATED, unless its runIf says otherwise or the execution is held.
void BeginCreated(Step& step, model::TaskRunIndex index);
// Begins a run that is CREATED (new, or its retry is due) or RESTARTED.
void BeginRun(Step& step, model::TaskRunIndex index);

// ---- lists.cc
const std::vector<model::TaskIndex>& ListOf(const model::Flow& flow, const model::Task* owner, ListKind kind);
// Starts the next task of `list`; false at its end.
bool StartNext(Step& step, ScopeId parent, const std::vector<model::TaskIndex>& list, ListKind kind,
               std::optional<std::int32_t> iteration = std::nullopt);
// A failed, killed or cancelled child stops its list.
bool StopsList(model::State state);
// What a sequence does when one of its children has ended.
void ContinueSequence(Step& step, ScopeId parent, model::TaskRunIndex child,
                      std::optional<std::int32_t> iteration = std::nullopt);
// The listeners whose conditions hold, then afterExecution; false at the end.
bool StartNextLastWord(Step& step);
// The main list is over: on to errors, finally and the end of the scope. REQUIRES: no open child.
void EndMainList(Step& step, ScopeId parent);
// The list that the scope is in is over, whatever was left in it: on to the next one.
void EndList(Step& step, ScopeId parent);
// Lets every scope whose child has ended react, until nothing is left to do; then sets the execution's state.
void Settle(Step& step);

// ---- finish.cc
// FAILED as the task tolerates it (allowFailure, allowWarning); other states likewise.
model::State Tolerated(const model::Task& task, model::State outcome);
// The run comes to `outcome`, before tolerance: what is open below it is stopped, then its own errors and finally run, if it
// has begun and has them, then it ends.
void EndRun(Step& step, model::TaskRunIndex index, model::State outcome);
// The run has ended: its attempt, timers and state. `outcome` is final.
void FinishRun(Step& step, model::TaskRunIndex index, model::State outcome);
// The run has failed: it is retried if its policy allows it, else it ends. Logs `message` as an error if `log`.
void FailRun(Step& step, model::TaskRunIndex index, std::string message, bool log = true);
// A run ends successfully: SUCCESS, or WARNING if it had to be retried and its policy says so.
void SucceedRun(Step& step, model::TaskRunIndex index);
// A flowable, or a run that its executor ends without a retry.
void FailForGood(Step& step, model::TaskRunIndex index, std::string message);
void OpenAttempt(Step& step, model::TaskRunIndex index, Timestamp when);
void EndAttempt(Step& step, model::TaskRunIndex index, model::State state, std::optional<Timestamp> started = {});

// ---- runnable.cc
void DispatchRun(Step& step, model::TaskRunIndex index);
void OnTaskStarted(Step& step, const model::TaskStarted& event);
// The report names the current delivery, and a worker may have it.
bool IsCurrent(const Step& step, const model::Fence& fence);
// The attempt as its worker saw it, when the report of its start never came.
void EnterRunning(Step& step, model::TaskRunIndex index, const WorkerId& worker, Timestamp started);
void OnTaskFinished(Step& step, const model::TaskFinished& event);

// ---- lost.cc
void OnTaskLost(Step& step, const model::TaskLost& event);

// ---- look.cc
void OnTaskWaited(Step& step, const model::TaskWaited& event);
void OnTaskWoken(Step& step, const model::TaskWoken& event);
// What an earlier attempt has left for its next look.
void ForgetLooks(Step& step, model::TaskRunIndex index);
// Gives the next delivery of a run that waits to a worker. REQUIRES: IsBetweenLooks.
void LookAgain(Step& step, model::TaskRunIndex index);

// ---- retry.cc
// Puts the failed run to wait for its next attempt; false when no policy allows one.
bool RetryRun(Step& step, model::TaskRunIndex index);
// Attempts that count against the policy: since the last restart, without those lost with their worker.
int AttemptsMade(const model::TaskRun& run);
// The wait is over: the next attempt, or, if the policy says so, a new execution. REQUIRES: the run is RETRYING.
void BeginNextAttempt(Step& step, model::TaskRunIndex index);

// ---- timers.cc
// Sets the timeout of a run that now is at work.
void ArmTimeout(Step& step, model::TaskRunIndex index);
void ClearTimers(Step& step, model::TaskRunIndex index);
void OnTimerFired(Step& step, const model::TimerFired& event);
std::vector<model::SetTimer> TimersOf(const Program& program, const model::TaskRun& run);

// ---- kill.cc
void OnKillRequested(Step& step, const model::KillRequested& event);
// Everything is below the execution itself (nothing).
bool IsBelow(const Step& step, model::TaskRunIndex index, std::optional<model::TaskRunIndex> ancestor);
// Ends every open run below `ancestor` (everywhere without one) as KILLED at once; its scopes do not react.
void StopDescendants(Step& step, std::optional<model::TaskRunIndex> ancestor, const std::string& reason);
// False when no child execution was asked for.
bool KillChildOf(Step& step, model::TaskRunIndex index);

// ---- restart.cc
void OnRestartRequested(Step& step, const model::RestartRequested& event);
void OnTaskRunMarked(Step& step, const model::TaskRunMarked& event);
// A RESTARTED run begins: a flowable with its restarted children, a subflow with the same child.
void BeginRestarted(Step& step, model::TaskRunIndex index);
// The first RESTARTED child of the scope; false when there is none.
bool BeginNextRestarted(Step& step, ScopeId parent);
void OnChildRestarted(Step& step, const model::ChildRestarted& event);

// ---- replay.cc
// Takes over what stands before a run of another execution; that run and those around it are RESTARTED.
void TakeOver(Step& step, const model::ReplaySource& source);

// ---- submit.cc
void OnSubmitted(Step& step, const model::Submitted& event);
// RUNNING: the first task, or those that are RESTARTED.
void BeginExecution(Step& step);
void OnUnqueued(Step& step, const model::Unqueued& event);

// ---- sla.cc
// The timers of the execution itself.
std::vector<model::SetTimer> ExecutionTimers(const model::Flow& flow, const model::Execution& execution);
void OnSlaTimer(Step& step, std::uint32_t place);
// After every event.
void CheckAssertions(Step& step);

// ---- operations.cc
void OnPauseRequested(Step& step);
void OnResumeRequested(Step& step, const model::ResumeRequested& event);
void OnStatusChanged(Step& step, const model::StatusChanged& event);
void OnLabelsSet(Step& step, const model::LabelsSet& event);
void OnReplayed(Step& step);

// ---- child.cc
void OnChildStarted(Step& step, const model::ChildStarted& event);
void OnChildRejected(Step& step, const model::ChildRejected& event);
void OnChildEnded(Step& step, const model::ChildEnded& event);

// ---- end.cc
// The flow's tasks, errors and finally are done: outputs, final state, afterExecution.
void EndExecution(Step& step);
// As EndExecution, in a state that was decided otherwise (Exit).
void EndExecutionAs(Step& step, model::State state);
// afterExecution is done: nothing more will happen.
void CloseExecution(Step& step);

}  // namespace headrace::executor
