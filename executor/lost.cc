// A delivery whose worker is gone: given out again, unless the task forbids it or takes its workers down.
#include <algorithm>

#include "executor/lost_workers.h"
#include "executor/verbs.h"

namespace headrace::executor {

using model::Attempt;
using model::State;
using model::TaskRun;
using model::TaskRunIndex;

namespace {

// Whatever the reason is, nothing is tried for ever.
constexpr int kDeliveriesPerAttempt = 10;

int DeliveriesLost(const TaskRun& run) {
  const auto kept = std::find_if(run.attempts.rbegin(), run.attempts.rend(),
                                 [](const Attempt& attempt) { return attempt.state.current() != State::kResubmitted; });
  return static_cast<int>(kept - run.attempts.rbegin());
}

bool IsOpen(const TaskRun& run) { return !run.attempts.empty() && !model::IsTerminal(run.attempts.back().state.current()); }

void NoteLostWorker(Step& step, TaskRunIndex index, const model::TaskLost& event) {
  if (event.process == 0) return;
  TaskRun& run = step.Edit(index);
  // Its word that it had begun may have been lost with it.
  if (!IsOpen(run)) run.attempts.emplace_back().state.Enter(State::kCreated, step.at());
  run.attempts.back().worker = event.worker;
  run.attempts.back().lost_process = event.process;
}

std::string Names(const std::vector<WorkerId>& workers) {
  std::string names;
  for (std::size_t i = 0; i < workers.size(); ++i) {
    if (i > 0) names += i + 1 == workers.size() ? " and " : ", ";
    names += workers[i].str();
  }
  return names;
}

}  // namespace

std::vector<WorkerId> LostWorkers(const TaskRun& run) {
  const std::optional<Timestamp> restarted = run.state.LastEntered(State::kRestarted, State::kRestarted);
  std::vector<const Attempt*> lost;
  for (const Attempt& attempt : run.attempts) {
    if (attempt.lost_process == 0 || (restarted && attempt.state.started() < *restarted)) continue;
    const bool known = std::any_of(lost.begin(), lost.end(), [&](const Attempt* one) {
      return one->lost_process == attempt.lost_process && one->worker == attempt.worker;
    });
    if (!known) lost.push_back(&attempt);
  }
  std::vector<WorkerId> workers;
  for (const Attempt* attempt : lost) workers.push_back(attempt->worker);
  return workers;
}

bool IsQuarantined(const TaskRun& run) {
  const bool over = model::IsTerminal(run.state.current()) && !run.attempts.empty() && run.attempts.back().lost_process != 0;
  return over && run.attempts.back().state.current() == State::kFailed && LostWorkers(run).size() >= kWorkersLostMost;
}

void OnTaskLost(Step& step, const model::TaskLost& event) {
  if (!IsCurrent(step, event.fence)) return;
  const TaskRunIndex index = event.fence.task_run;
  if (step.killing()) {
    FinishRun(step, index, State::kKilled);
    return;
  }
  NoteLostWorker(step, index, event);
  if (step.task(index).on_worker_lost == model::OnWorkerLost::kFail) {
    FailForGood(step, index, "WORKER_LOST: " + event.reason + ", and onWorkerLost is FAIL: what it does may be done, in part or not at all; look, "
                             "then restart the execution, or mark the task as SUCCESS (headrace exec restart, exec mark)");
    return;
  }
  if (const std::vector<WorkerId> lost = LostWorkers(step.run(index)); lost.size() >= kWorkersLostMost) {
    FailForGood(step, index, "QUARANTINED: " + std::to_string(lost.size()) + " workers were lost while they ran it (" + Names(lost) +
                             "), no other one is given it; find what takes them down (memory, a kill, their logs), then restart the "
                             "execution (headrace exec restart)");
    return;
  }
  if (DeliveriesLost(step.run(index)) + 1 >= kDeliveriesPerAttempt) {
    FailForGood(step, index, "worker lost " + std::to_string(kDeliveriesPerAttempt) + " times: " + event.reason);
    return;
  }
  EndAttempt(step, index, State::kResubmitted);
  ClearTimers(step, index);
  ++step.Edit(index).delivery;
  step.Log(index, "WARN", "The worker was lost (" + event.reason + "); the task is given to another one");
  DispatchRun(step, index);
}

}  // namespace headrace::executor
