#include <map>

#include "common/base/check.h"
#include "executor/verbs.h"

namespace headrace::executor {

using model::State;
using model::TaskRun;
using model::TaskRunIndex;

namespace {

enum class Fate { kDropped, kKept, kAround };

// Kept: what ended before the run in the lists around it, with all that is inside. Around: the run and its ancestors.
std::vector<Fate> Judge(const model::ReplaySource& source) {
  const auto& runs = source.execution.task_runs;
  std::vector<Fate> fates(runs.size(), Fate::kDropped);
  for (std::optional<TaskRunIndex> at = source.from; at; at = runs[*at].parent) fates[*at] = Fate::kAround;
  for (const TaskRun& run : runs) {
    if (fates[run.index] == Fate::kAround || run.superseded || !model::IsTerminal(run.state.current())) continue;
    const Fate outer = run.parent ? fates[*run.parent] : Fate::kAround;
    const bool before = run.index < source.from && (!run.parent || *run.parent != source.from);
    if (outer == Fate::kKept || (outer == Fate::kAround && before)) fates[run.index] = Fate::kKept;
  }
  return fates;
}

}  // namespace

void TakeOver(Step& step, const model::ReplaySource& source) {
  CHECK(source.from < source.execution.task_runs.size());
  const std::vector<Fate> fates = Judge(source);
  std::map<TaskRunIndex, TaskRunIndex> places;
  step.Edit().variables = source.execution.variables;
  for (const TaskRun& run : source.execution.task_runs) {
    if (fates[run.index] == Fate::kDropped) continue;
    TaskRun copy = run;
    copy.parent = run.parent ? std::optional(places.at(*run.parent)) : std::nullopt;
    copy.due.reset();
    copy.deadline.reset();
    if (fates[run.index] == Fate::kAround) {
      copy.state.Enter(State::kRestarted, std::max(step.at(), copy.state.last_changed()));
      ++copy.attempt;
      copy.message.clear();
    }
    places[run.index] = step.Adopt(std::move(copy));
  }
  step.RebuildBooks();
}

}  // namespace headrace::executor
