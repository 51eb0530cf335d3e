#include "common/model/conditions.h"
#include "executor/render.h"
#include "executor/verbs.h"

namespace headrace::executor {

using model::State;
using model::TaskIndex;
using model::TaskRunIndex;

namespace {

const std::vector<TaskIndex>& GroupOf(const model::Task& owner, std::string_view name) {
  static const std::vector<TaskIndex> kNone;
  const model::TaskGroup* group = owner.FindGroup(name);
  return group == nullptr ? kNone : group->tasks;
}

const std::vector<TaskIndex>& ListIn(const Step& step, ScopeId parent, ListKind kind) {
  return ListOf(step.flow(), parent ? &step.task(*parent) : nullptr, kind);
}

// A task may have ended the whole scope while its list was still being started (Exit).
bool HasEnded(const Step& step, ScopeId parent) {
  return model::IsTerminal(parent ? step.state(*parent) : step.state());
}

// Nothing more of `kind` begins in the scope.
bool IsOver(const Step& step, ScopeId parent, ListKind kind) {
  return HasEnded(step, parent) || (parent && step.run(*parent).decided && kind == ListKind::kMain);
}

void CompleteScope(Step& step, ScopeId parent) {
  if (!parent) {
    EndExecution(step);
    return;
  }
  if (const SteeredType* type = step.program(*parent).type) type->Ending(step, *parent);
  State outcome = State::kKilled;
  if (!step.killing()) {
    const std::optional<State>& decided = step.run(*parent).decided;
    outcome = decided ? *decided : step.program(*parent).type->Outcome(step, *parent);
  }
  FinishRun(step, *parent, Tolerated(step.task(*parent), outcome));
}

void StartFinally(Step& step, ScopeId parent) {
  if (!StartNext(step, parent, ListIn(step, parent, ListKind::kFinally), ListKind::kFinally)) {
    CompleteScope(step, parent);
  }
}

void ReactToEnd(Step& step, TaskRunIndex child) {
  const ScopeId parent = step.run(child).parent;
  const ListKind kind = step.program(child).list;
  if (kind != ListKind::kAfter && IsOver(step, parent, kind)) return;
  if (step.killing() && kind != ListKind::kAfter) {
    if (step.scope(parent).open == 0) CompleteScope(step, parent);
    return;
  }
  if (kind != step.scope(parent).phase) return;
  if (kind == ListKind::kMain) {
    if (parent) {
      step.program(*parent).type->ChildEnded(step, *parent, child);
    } else {
      ContinueSequence(step, parent, child);
    }
    return;
  }
  if (kind == ListKind::kAfter) {
    // They go on after a failure: their tasks are independent last words.
    if (!StartNextLastWord(step)) CloseExecution(step);
    return;
  }
  if (!StopsList(step.state(child)) && StartNext(step, parent, *step.program(child).siblings, kind)) return;
  EndList(step, parent);
}

bool Holds(Step& step, const model::Listener& listener) {
  Result<Value> rendered = RenderAll(step, std::nullopt, listener.conditions, expr::ReferencesDeep(listener.conditions));
  Result<bool> holds = rendered ? model::ConditionsHold(rendered->get_array(), step.flow(), step.execution())
                                : Fail(rendered.error());
  if (holds) return *holds;
  step.Log(std::nullopt, "WARN", "A listener is left out, its conditions cannot be evaluated: " + holds.error().message);
  return false;
}

// PAUSED and RETRYING only while nothing else is going on.
void SetExecutionState(Step& step) {
  const State now = step.state();
  if (model::IsTerminal(now) || now == State::kKilling || now == State::kCreated || now == State::kQueued) return;
  const Bookkeeping& books = step.books();
  State wanted = State::kRunning;
  if (step.execution().held) {
    wanted = State::kPaused;
  } else if (books.in_flight + books.in_children == 0) {
    if (books.retrying > 0) {
      wanted = State::kRetrying;
    } else if (books.paused > 0) {
      wanted = State::kPaused;
    }
  }
  if (wanted != now) step.EnterExecution(wanted);
}

}  // namespace

const std::vector<TaskIndex>& ListOf(const model::Flow& flow, const model::Task* owner, ListKind kind) {
  switch (kind) {
    case ListKind::kMain: return owner == nullptr ? flow.tasks : GroupOf(*owner, "tasks");
    case ListKind::kErrors: return owner == nullptr ? flow.errors : GroupOf(*owner, "errors");
    case ListKind::kFinally: return owner == nullptr ? flow.finally : GroupOf(*owner, "finally");
    default: return owner == nullptr ? flow.after_execution : GroupOf(*owner, "afterExecution");
  }
}

bool StartNext(Step& step, ScopeId parent, const std::vector<TaskIndex>& list, ListKind kind,
               std::optional<std::int32_t> iteration) {
  Scope& scope = step.scope(parent);
  const std::uint32_t place = scope.phase == kind ? scope.next : 0;
  if (place >= list.size() || (kind != ListKind::kAfter && IsOver(step, parent, kind))) return false;
  scope.phase = kind;
  scope.next = place + 1;
  StartTask(step, list[place], parent, std::nullopt, iteration);
  return true;
}

bool StartNextLastWord(Step& step) {
  const std::vector<TaskIndex>& list = step.live().program().last_words();
  Scope& scope = step.scope(std::nullopt);
  std::uint32_t place = scope.phase == ListKind::kAfter ? scope.next : 0;
  std::uint32_t first = 0;
  for (const model::Listener& listener : step.flow().listeners) {
    const auto size = static_cast<std::uint32_t>(listener.tasks.size());
    if (place == first && size > 0 && !Holds(step, listener)) place += size;
    first += size;
  }
  if (place >= list.size()) return false;
  scope.phase = ListKind::kAfter;
  scope.next = place;
  return StartNext(step, std::nullopt, list, ListKind::kAfter);
}

bool StopsList(State state) {
  return state == State::kFailed || state == State::kKilled || state == State::kCancelled;
}

void ContinueSequence(Step& step, ScopeId parent, TaskRunIndex child, std::optional<std::int32_t> iteration) {
  if (!step.scope(parent).stopped() &&
      StartNext(step, parent, *step.program(child).siblings, ListKind::kMain, iteration)) {
    return;
  }
  EndMainList(step, parent);
}

void EndMainList(Step& step, ScopeId parent) {
  if (HasEnded(step, parent)) return;
  const bool decided = parent && step.run(*parent).decided;
  const bool failed = decided ? step.run(*parent).decided == State::kFailed : step.scope(parent).failed > 0;
  if (failed && StartNext(step, parent, ListIn(step, parent, ListKind::kErrors), ListKind::kErrors)) return;
  StartFinally(step, parent);
}

void EndList(Step& step, ScopeId parent) {
  switch (step.scope(parent).phase) {
    case ListKind::kMain: return EndMainList(step, parent);
    case ListKind::kErrors: return StartFinally(step, parent);
    default: return CompleteScope(step, parent);
  }
}

void Settle(Step& step) {
  const auto react = [&step] {
    while (const std::optional<TaskRunIndex> child = step.NextEnded()) ReactToEnd(step, *child);
  };
  react();
  if (!step.flow().slas.empty()) {
    CheckAssertions(step);
    react();
  }
  SetExecutionState(step);
}

void SteeredType::ChildEnded(Step& step, TaskRunIndex self, TaskRunIndex child) const {
  ContinueSequence(step, self, child);
}

void SteeredType::Reopened(Step& step, TaskRunIndex self) const {
  while (!step.scope(self).restarted.empty()) BeginRestarted(step, *step.scope(self).restarted.begin());
}

State SteeredType::Outcome(const Step& step, TaskRunIndex self) const { return step.scope(self).Outcome(); }

}  // namespace headrace::executor
