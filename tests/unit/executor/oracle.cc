#include "tests/unit/executor/oracle.h"

#include <algorithm>
#include <map>
#include <set>
#include <vector>

#include "common/model/for_each_item.h"

namespace headrace::executor_test {
namespace {

using model::Execution;
using model::Flow;
using model::State;
using model::Task;
using model::TaskIndex;
using model::TaskRun;
using Runs = std::vector<const TaskRun*>;

bool Bad(State state) { return state == State::kFailed || state == State::kKilled || state == State::kCancelled; }

struct Place {
  int kind;  // main, errors, finally, after
  const std::vector<TaskIndex>* list;
};

Place PlaceOf(const Flow& flow, TaskIndex index) {
  const auto in = [index](const std::vector<TaskIndex>& list) {
    return std::find(list.begin(), list.end(), index) != list.end();
  };
  const Task& task = flow.task(index);
  if (task.parent) {
    for (const model::TaskGroup& group : flow.task(*task.parent).groups) {
      if (in(group.tasks)) return {group.name == "errors" ? 1 : group.name == "finally" ? 2 : 0, &group.tasks};
    }
  }
  if (in(flow.tasks)) return {0, &flow.tasks};
  if (in(flow.errors)) return {1, &flow.errors};
  if (in(flow.finally)) return {2, &flow.finally};
  return {3, &flow.after_execution};
}

bool HasList(const Flow& flow, const Task* owner, const char* name) {
  if (owner == nullptr) return std::string(name) == "errors" ? !flow.errors.empty() : !flow.finally.empty();
  const model::TaskGroup* group = owner->FindGroup(name);
  return group != nullptr && !group->tasks.empty();
}

class Oracle {
 public:
  Oracle(const Flow& flow, const Execution& execution) : flow_(flow), execution_(execution) {
    for (const TaskRun& run : execution.task_runs) {
      if (!run.superseded) children_[run.parent ? static_cast<int>(*run.parent) : -1].push_back(&run);
    }
  }

  std::string Check() {
    const State state = execution_.state.current();
    CheckScope(-1, nullptr, model::IsTerminal(state), state);
    for (const TaskRun& run : execution_.task_runs) {
      if (run.superseded) {
        if (!model::IsTerminal(run.state.current())) Complain(run, "is history but has not ended");
      } else if (flow_.task(run.task).role == model::TaskRole::kFlowable) {
        CheckScope(static_cast<int>(run.index), &run, model::IsTerminal(run.state.current()), run.state.current());
      }
    }
    return found_;
  }

 private:
  void Complain(const TaskRun& run, const std::string& what) {
    if (found_.empty()) found_ = flow_.task(run.task).id + " (#" + std::to_string(run.index) + ") " + what;
  }
  void Complain(int scope, const std::string& what) {
    if (found_.empty()) found_ = "scope " + std::to_string(scope) + ": " + what;
  }

  // How many children may be at work at once in the main list, and how many there are to start in all.
  static std::pair<std::size_t, std::size_t> WidthAndTotal(const Task* owner, const std::vector<TaskIndex>& list) {
    if (owner == nullptr) return {1, list.size()};
    const std::string name = owner->type.substr(owner->type.rfind('.') + 1);
    const char* limit = name == "Parallel" ? "concurrent" : name == "ForEach" ? "concurrencyLimit" : nullptr;
    if (limit == nullptr) return {1, list.size()};
    const Value* value = owner->properties.if_contains(limit);
    const std::int64_t width = value == nullptr ? 0 : value->as_int64();
    return {width == 0 ? 1'000'000 : static_cast<std::size_t>(width), name == "ForEach" ? 3 : list.size()};
  }

  void CheckScope(int scope, const TaskRun* run, bool ended, State state) {
    const Task* owner = run == nullptr ? nullptr : &flow_.task(run->task);
    const Runs& children = children_[scope];
    Runs open;
    int phase = 0;
    for (const TaskRun* child : children) {
      phase = std::max(phase, PlaceOf(flow_, child->task).kind);
      if (!model::IsTerminal(child->state.current())) open.push_back(child);
    }
    for (const TaskRun* child : open) {
      if (PlaceOf(flow_, child->task).kind != phase) Complain(*child, "is at work in a list that is over");
    }
    if (ended) {
      if (!open.empty() && phase != 3) Complain(*open.front(), "is at work in a scope that has ended");
      return;
    }
    if (execution_.state.current() == State::kKilling && (scope < 0 || phase < 3)) {
      if (open.empty()) Complain(scope, "is being killed and waits for nobody");
      return;
    }
    if (state == State::kPaused && run != nullptr) {
      if (!open.empty()) Complain(*run, "is paused while a child is at work");
      return;
    }
    // Restarted as a whole, and still to get its turn.
    if (state == State::kRestarted && run != nullptr) {
      if (open.size() != Restarted(open)) Complain(*run, "has children at work before its turn");
      return;
    }
    if (open.empty()) return Complain(scope, "waits for nobody");
    if (open.size() == Restarted(open)) return Complain(scope, "has nobody begin who was restarted");
    if (phase == 0) {
      CheckMain(owner, run, children, open);
    } else if (open.size() != 1) {
      Complain(*open.front(), "is not alone in a list that runs one after the other");
    }
    const bool failed_itself = run != nullptr && run->decided == State::kFailed;
    if (phase == 1 && !failed_itself && !AnyBad(children)) Complain(scope, "runs errors although nothing failed");
    if (phase == 0 && run != nullptr && run->decided) Complain(*run, "goes on although its end is decided");
    if (phase == 2 && (failed_itself || AnyFailed(children)) && HasList(flow_, owner, "errors") && !HasKind(children, 1)) {
      Complain(scope, "skipped its errors");
    }
  }

  void CheckMain(const Task* owner, const TaskRun* run, const Runs& children, const Runs& open) {
    const std::vector<TaskIndex>& list = *PlaceOf(flow_, children.front()->task).list;
    auto [width, total] = WidthAndTotal(owner, list);
    const bool batches = owner != nullptr && owner->type == model::kItemsExecutable;
    const bool parts = owner != nullptr && owner->type == model::kItemsMerge;
    if (batches) {
      width = 1'000'000;
      const Object& memo = run->memo.as_object();
      total = memo.contains("gaveUp") ? children.size() : memo.at(model::kBatchCount).to_number<std::size_t>();
    }
    const std::size_t waiting = Restarted(open);
    const std::size_t at_work = open.size() - waiting;
    if (at_work > width) Complain(*open.front(), "has more siblings at work than the limit allows");
    const bool each = owner != nullptr && owner->type.ends_with(".ForEach");
    std::size_t begun = children.size();
    if (each) {
      std::set<std::string> values;
      for (const TaskRun* child : children) values.insert(child->value.value_or(""));
      begun = values.size();
    }
    // Sequences stop at a failure; what runs side by side goes on.
    if (width == 1 && AnyBadBefore(children)) Complain(*open.front(), "runs although the list had failed");
    if (at_work < std::min(width, at_work + waiting + total - begun)) {
      Complain(*open.front(), "could have more siblings at work");
    }
    if (!each && !batches && !parts) {
      for (std::size_t i = 0; i < children.size(); ++i) {
        if (children[i]->task != list[i]) Complain(*children[i], "is not in its place");
      }
    }
  }

  static std::size_t Restarted(const Runs& runs) {
    return static_cast<std::size_t>(std::count_if(runs.begin(), runs.end(), [](const TaskRun* run) {
      return run->state.current() == State::kRestarted;
    }));
  }
  static bool AnyBad(const Runs& children) {
    return std::any_of(children.begin(), children.end(), [](const TaskRun* run) { return Bad(run->state.current()); });
  }
  bool AnyFailed(const Runs& children) const {
    return std::any_of(children.begin(), children.end(), [this](const TaskRun* run) {
      return run->state.current() == State::kFailed && PlaceOf(flow_, run->task).kind == 0;
    });
  }
  bool HasKind(const Runs& children, int kind) const {
    return std::any_of(children.begin(), children.end(),
                       [&](const TaskRun* run) { return PlaceOf(flow_, run->task).kind == kind; });
  }
  // A Parallel of width one has no order of failure to obey.
  bool AnyBadBefore(const Runs& children) const {
    const Task& task = flow_.task(children.front()->task);
    if (task.parent && flow_.task(*task.parent).type.ends_with(".Parallel")) return false;
    return AnyBad(children);
  }

  const Flow& flow_;
  const Execution& execution_;
  std::map<int, Runs> children_;
  std::string found_;
};

}  // namespace

std::string OracleDisagrees(const Flow& flow, const Execution& execution) { return Oracle(flow, execution).Check(); }

}  // namespace headrace::executor_test
