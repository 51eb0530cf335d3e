#include <algorithm>
#include <cmath>

#include "common/base/hash.h"
#include "executor/verbs.h"

namespace headrace::executor {

using model::RetryPolicy;
using model::State;
using model::TaskRun;
using model::TaskRunIndex;

namespace {

using Kind = RetryPolicy::Kind;

// Attempts before a restart do not count: people restart to try again.
template <typename Visit>
void VisitAttempts(const TaskRun& run, const Visit& visit) {
  const std::optional<Timestamp> restarted = run.state.LastEntered(State::kRestarted, State::kRestarted);
  for (const model::Attempt& attempt : run.attempts) {
    if (attempt.state.current() == State::kResubmitted) continue;
    if (!restarted || attempt.state.started() >= *restarted) visit(attempt);
  }
}

Duration Exponential(const RetryPolicy& policy, int attempts) {
  // Capped far below what a double or the clock can hold; 100 years is never.
  constexpr double kNever = 100.0 * 365 * 24 * 3600 * 1e6;
  const double micros = static_cast<double>(policy.interval.count()) * std::pow(policy.delay_factor, attempts - 1);
  const Duration delay(static_cast<std::int64_t>(std::clamp(micros, 0.0, kNever)));
  return policy.max_interval > Duration(0) ? std::min(delay, policy.max_interval) : delay;
}

// The same run and attempt always wait the same time.
Duration Random(const RetryPolicy& policy, const TaskRun& run) {
  const std::int64_t span = (policy.max_interval - policy.min_interval).count();
  if (span <= 0) return policy.min_interval;
  const std::uint64_t draw = StableHash(run.id.str(), run.attempt);
  return policy.min_interval + Duration(static_cast<std::int64_t>(draw % static_cast<std::uint64_t>(span + 1)));
}

Duration DelayOf(const RetryPolicy& policy, const TaskRun& run, int attempts) {
  switch (policy.kind) {
    case Kind::kExponential: return Exponential(policy, attempts);
    case Kind::kRandom: return Random(policy, run);
    default: return policy.interval;
  }
}

}  // namespace

int AttemptsMade(const TaskRun& run) {
  int made = 0;
  VisitAttempts(run, [&made](const model::Attempt&) { ++made; });
  return made;
}

bool RetryRun(Step& step, TaskRunIndex index) {
  const RetryPolicy* policy = step.program(index).retry;
  if (policy == nullptr) return false;
  const TaskRun& before = step.run(index);
  // The attempt may have failed before one was opened for it.
  if (before.attempts.empty() || model::IsTerminal(before.attempts.back().state.current())) return false;
  const bool anew = policy->behavior == RetryPolicy::Behavior::kCreateNewExecution;
  const int attempts = anew ? step.execution().attempt_number : AttemptsMade(before);
  if (policy->max_attempts > 0 && attempts >= policy->max_attempts) return false;
  const Timestamp due = step.at() + DelayOf(*policy, before, attempts);
  std::optional<Timestamp> first;
  VisitAttempts(before, [&first](const model::Attempt& attempt) {
    if (!first) first = attempt.state.started();
  });
  if (policy->max_duration && due > first.value_or(step.at()) + *policy->max_duration) return false;

  EndAttempt(step, index, State::kFailed);
  ClearTimers(step, index);
  step.Enter(index, State::kRetrying);
  step.Edit(index).due = due;
  step.Emit(model::SetTimer{{model::TimerKind::kRetry, index, step.run(index).attempt}, due});
  return true;
}

namespace {

// The execution ends as RETRIED; another one with the same inputs takes its place.
void BeginNewExecution(Step& step, TaskRunIndex index) {
  ClearTimers(step, index);
  step.Enter(index, State::kFailed);
  const std::string reason = "The flow is retried as a new execution";
  StopDescendants(step, std::nullopt, reason);
  const model::Execution& execution = step.execution();
  const ExecutionId id = DeriveExecutionId(step.at(), execution.id.str(), "retry", PlaceOf(execution.id));
  step.Log(index, "WARN", reason + ": " + id.str());
  step.Emit(model::StartReplacement{id});
  EndExecutionAs(step, State::kRetried);
}

}  // namespace

void BeginNextAttempt(Step& step, TaskRunIndex index) {
  if (step.program(index).retry->behavior == RetryPolicy::Behavior::kCreateNewExecution) {
    return BeginNewExecution(step, index);
  }
  TaskRun& run = step.Edit(index);
  ++run.attempt;
  run.due.reset();
  run.message.clear();
  step.Enter(index, State::kCreated);
  if (!step.execution().held) BeginRun(step, index);
}

}  // namespace headrace::executor
