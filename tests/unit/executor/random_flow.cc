#include "tests/unit/executor/random_flow.h"

#include "common/model/for_each_item.h"

namespace headrace::executor_test {
namespace {

using model::State;

class Generator {
 public:
  explicit Generator(Random& random) : random_(random) {}

  std::vector<TaskSpec> List(int depth, std::size_t most) {
    std::vector<TaskSpec> tasks(1 + random_.Below(most));
    for (TaskSpec& task : tasks) task = Task(depth);
    return tasks;
  }
  std::vector<TaskSpec> MaybeList(int depth) { return random_.Chance(0.3) ? List(depth, 2) : std::vector<TaskSpec>(); }

 private:
  TaskSpec Task(int depth) {
    TaskSpec task = Kind(depth > 3 ? random_.Below(4) : random_.Below(13), depth);
    const bool flowable = !task.groups.empty();
    if (flowable && random_.Chance(0.3)) task.groups.emplace_back("errors", List(depth + 1, 2));
    if (flowable && random_.Chance(0.3)) task.groups.emplace_back("finally", List(depth + 1, 2));
    model::Task common;
    common.allow_failure = random_.Chance(0.15);
    common.allow_warning = random_.Chance(0.1);
    if (random_.Chance(0.1)) common.run_if = random_.Chance(0.5) ? "{{ false }}" : "{{ nothing }}";
    if (random_.Chance(0.05)) common.run_if = "{{ kv('" + task.id + "') }}";
    if (random_.Chance(0.15)) common.timeout = "PT30M";
    if (random_.Chance(0.15)) {
      common.retry = model::RetryPolicy{.interval = std::chrono::seconds(30), .max_attempts = 3};
    }
    task.with = [common](model::Task& made) {
      made.allow_failure = common.allow_failure;
      made.allow_warning = common.allow_warning;
      made.run_if = common.run_if;
      made.timeout = common.timeout;
      made.retry = common.retry;
    };
    return task;
  }

  TaskSpec Kind(std::uint64_t kind, int depth) {
    const std::string id = "t" + std::to_string(next_++);
    switch (kind) {
      case 0:
      case 1: return Job(id);
      case 2: return Make(id, "Subflow", {{"namespace", "n"}, {"flowId", "f"}, {"wait", !random_.Chance(0.2)}});
      case 12:
        return ForEachItem(id, {{"inputs", Object{{"items", random_.Chance(0.1) ? "{{ nothing.x }}" : "{{ taskrun.items }}"}}},
                                {"wait", !random_.Chance(0.2)}, {"transmitFailed", !random_.Chance(0.2)}});
      case 3: return Make(id, "Labels", {{"labels", Object{{"k", random_.Chance(0.1) ? "" : "v"}}}});
      case 4: return Sequential(id, List(depth + 1, 3));
      case 5: return Parallel(id, List(depth + 1, 4), static_cast<int>(random_.Below(3)));
      case 6: return Make(id, "AllowFailure", {}, List(depth + 1, 2));
      case 7: {
        TaskSpec task = Make(id, "If", {{"condition", random_.Chance(0.5) ? "{{ true }}" : "{{ false }}"}});
        task.groups = {{"then", List(depth + 1, 2)}, {"else", List(depth + 1, 2)}};
        return task;
      }
      case 8: {
        TaskSpec task = Make(id, "Switch", {{"value", random_.Chance(0.6) ? "a" : "b"}});
        task.groups = {{"cases.a", List(depth + 1, 2)}};
        return task;
      }
      case 9:
        return Make(id, "ForEach",
                    {{"values", Array{"x", "y", "z"}}, {"concurrencyLimit", static_cast<std::int64_t>(random_.Below(3))}},
                    List(depth + 1, 2));
      default:
        return Make(id, "LoopUntil",
                    {{"condition", "{{ outputs." + id + ".iterationCount > 3 }}"},
                     {"checkFrequency", Object{{"interval", "PT1M"}, {"maxIterations", 2}}},
                     {"failOnMaxReached", random_.Chance(0.3)}},
                    List(depth + 1, 2));
    }
  }

  Random& random_;
  int next_ = 0;
};

}  // namespace

FlowSpec RandomFlow(Random& random) {
  Generator generator(random);
  FlowSpec spec;
  spec.tasks = generator.List(0, 4);
  spec.errors = generator.MaybeList(2);
  spec.finally = generator.MaybeList(2);
  spec.after_execution = generator.MaybeList(2);
  return spec;
}

State RandomWorld::Outcome(bool calm) {
  if (calm || random_.Chance(0.7)) return State::kSuccess;
  constexpr std::array<State, 4> kOthers = {State::kFailed, State::kFailed, State::kWarning, State::kKilled};
  return kOthers[random_.Below(kOthers.size())];
}

void RandomWorld::ActOnRunnable(const model::TaskRun& run, bool calm) {
  if (run.due) return static_cast<void>(machine_.Post(model::TaskWoken{run.index, run.attempt}));
  const WorkerId worker("w" + std::to_string(random_.Below(3)));
  const model::Fence fence = run.fence();
  if (run.state.current() == State::kSubmitted && random_.Chance(0.5)) {
    machine_.Post(model::TaskStarted{fence, worker});
  } else if (!calm && random_.Chance(0.1)) {
    machine_.Post(model::TaskLost{fence, "gone"});
  } else if (random_.Chance(0.15)) {
    machine_.Post(model::TaskWaited{fence, worker, std::chrono::seconds(random_.Below(300)), random_.Below(9), machine_.now()});
  } else {
    Object outputs{{"x", 1}, {"uri", "kestra:///x"}};
    if (random_.Chance(0.9)) outputs[model::kBatchCount] = random_.Below(5);
    machine_.Post(model::TaskFinished{fence, worker, Outcome(calm), std::move(outputs), "", machine_.now()});
  }
}

void RandomWorld::ActOnChild(const model::TaskRun& run, bool calm) {
  const ExecutionId child(ToText(run.outputs.at("executionId")));
  if (run.state.current() == State::kSubmitted) {
    if (!calm && random_.Chance(0.2)) {
      machine_.Post(model::ChildRejected{run.index, run.attempt, "no"});
    } else {
      machine_.Post(model::ChildStarted{run.index, run.attempt, child});
    }
  } else {
    machine_.Post(model::ChildEnded{run.index, run.attempt, child, Outcome(calm), {}});
  }
}

void RandomWorld::ActOn(const model::TaskRun& run, bool calm) {
  switch (machine_.flow().task(run.task).role) {
    case model::TaskRole::kRunnable: return ActOnRunnable(run, calm);
    case model::TaskRole::kExecutable: return ActOnChild(run, calm);
    default: return;
  }
}

void RandomWorld::ActAsPeople() {
  const auto& runs = machine_.execution().task_runs;
  const std::uint64_t choice = random_.Below(4);
  if (choice == 0) machine_.Post(model::KillRequested{});
  if (choice == 1) machine_.Post(model::RestartRequested{});
  if (choice < 2 || runs.empty()) return;
  const model::TaskRun& run = runs[random_.Below(runs.size())];
  const Value* child = run.outputs.if_contains("executionId");
  if (child != nullptr) machine_.Post(model::ChildRestarted{run.index, ExecutionId(ToText(*child))});
}

void RandomWorld::PostStale() {
  const auto& runs = machine_.execution().task_runs;
  const model::TaskRun& run = runs[random_.Below(runs.size())];
  const model::Fence fence{run.index, run.attempt, run.delivery + 1};
  const std::uint64_t before = machine_.execution().version;
  machine_.Post(model::TaskFinished{fence, WorkerId("w")});
  machine_.Post(model::TaskLost{fence, "gone"});
  machine_.Post(model::TaskWaited{fence, WorkerId("w"), std::chrono::seconds(1)});
  machine_.Post(model::TaskWoken{run.index, run.attempt + 1});
  machine_.Post(model::TimerFired{{model::TimerKind::kRetry, run.index, run.attempt + 1}});
  machine_.Post(model::ChildEnded{run.index, run.attempt, ExecutionId("another"), State::kSuccess, {}});
  machine_.Post(model::Submitted{machine_.execution().id});
  if (machine_.execution().version != before) machine_.Post(model::KillRequested{"a stale event had an effect"});
}

bool RandomWorld::Act(bool calm) {
  machine_.Wait(std::chrono::seconds(random_.Below(100)));
  if (!calm && random_.Chance(machine_.live().ended() ? 0.9 : 0.03)) ActAsPeople();
  if (!calm && random_.Chance(0.05)) PostStale();
  // What is in flight, with a child, or due.
  std::vector<model::TaskRunIndex> at_work;
  for (const model::TaskRun& run : machine_.execution().task_runs) {
    const State state = run.state.current();
    const model::TaskRole role = machine_.flow().task(run.task).role;
    if (!run.superseded && (state == State::kSubmitted || state == State::kRunning) &&
        (role == model::TaskRole::kRunnable || role == model::TaskRole::kExecutable)) {
      at_work.push_back(run.index);
    }
  }
  const auto& timers = machine_.timers();
  if (at_work.empty() && timers.empty()) return false;
  if (!at_work.empty() && (timers.empty() || random_.Chance(0.8))) {
    ActOn(machine_.execution().task_runs[at_work[random_.Below(at_work.size())]], calm);
    return true;
  }
  auto timer = timers.begin();
  std::advance(timer, random_.Below(timers.size()));
  const model::TimerId id = timer->first;
  if (timer->second > machine_.now()) machine_.Wait(timer->second - machine_.now());
  machine_.Post(model::TimerFired{id});
  return true;
}

}  // namespace headrace::executor_test
