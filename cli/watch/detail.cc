// One task run in a few words.
#include <algorithm>
#include <utility>

#include "cli/watch/text.h"
#include "cli/watch/tree.h"
#include "common/model/for_each_item.h"
#include "common/model/value.h"

namespace headrace::cli {

using model::State;

namespace {

constexpr std::string_view kDot = " · ";

Timestamp StartOf(const v1::StateHistory& history) {
  return history.changes_size() == 0 ? Timestamp{} : TimeOf(history.changes(0).at());
}
Timestamp LastOf(const v1::StateHistory& history) {
  return history.changes_size() == 0 ? Timestamp{} : TimeOf(history.changes(history.changes_size() - 1).at());
}

bool IsLoop(const WatchedExecution& execution, const v1::TaskRun& run) {
  if (!run.task_type().ends_with(".LoopUntil") && !run.task_type().ends_with(".WaitFor")) return false;
  const v1::TaskOutline* outline = execution.Outline(run.task_id());
  return outline == nullptr || outline->role() == v1::TASK_ROLE_FLOWABLE;
}

// "exit 1" of the task that ended last inside this iteration or, while one runs, the iteration before.
std::string LastResult(const WatchedExecution& execution, const v1::TaskRun& loop) {
  const v1::TaskRun* last = nullptr;
  for (const auto& [index, run] : execution.runs) {
    if (!run.has_parent_index() || run.parent_index() != loop.index()) continue;
    if (!model::IsTerminal(StateOf(run.state()))) continue;
    if (run.outputs_json().find("\"exitCode\"") != std::string::npos) last = &run;
  }
  if (last == nullptr) return {};
  const Result<Value> outputs = ParseJson(last->outputs_json());
  const Value* code = outputs ? Member(*outputs, "exitCode") : nullptr;
  return code == nullptr ? std::string() : "exit " + ToText(*code);
}

void Add(std::string& text, std::string_view part) {
  if (part.empty()) return;
  if (!text.empty()) text += kDot;
  text += part;
}

std::string LoopDetail(const WatchedExecution& execution, const v1::TaskRun& run, Timestamp now) {
  const State state = StateOf(run.state());
  std::string text;
  if (model::IsTerminal(state)) {
    text = TookText(LastOf(run.state()) - StartOf(run.state()));
    Add(text, std::to_string(run.iteration() + 1) + (run.iteration() == 0 ? " poll" : " polls"));
    if (state == State::kFailed) Add(text, Printable(run.message()));
    return text;
  }
  Add(text, "poll " + std::to_string(run.iteration() + 1));
  Add(text, LastResult(execution, run));
  if (state == State::kPaused && run.has_due()) Add(text, "next " + TickText(TimeOf(run.due()) - now));
  if (state == State::kRunning) Add(text, "polling");
  if (run.has_deadline()) Add(text, LeftText(TimeOf(run.deadline()) - now) + " left");
  return text;
}

std::string EndedDetail(const v1::TaskRun& run, State state) {
  std::string text;
  if (state == State::kFailed || state == State::kKilled || state == State::kCancelled || state == State::kSkipped) {
    text = std::string(model::StateName(state)) + "  ";
  }
  text += TookText(LastOf(run.state()) - StartOf(run.state()));
  if (run.attempt() > 1) text += "  (retried " + std::to_string(run.attempt() - 1) + "×)";
  if (!run.message().empty() && state != State::kSuccess) text += "  " + Printable(run.message());
  return text;
}

}  // namespace

std::string DetailOf(const WatchedExecution& execution, const v1::TaskRun& run, Timestamp now) {
  if (IsLoop(execution, run)) return LoopDetail(execution, run, now);
  const State state = StateOf(run.state());
  if (model::IsTerminal(state)) return EndedDetail(run, state);
  switch (state) {
    case State::kCreated:
    case State::kSubmitted: {
      const v1::TaskOutline* outline = execution.Outline(run.task_id());
      const bool runnable = outline == nullptr || outline->role() == v1::TASK_ROLE_RUNNABLE;
      return runnable ? "waiting for a worker" : "starting";
    }
    case State::kRetrying: {
      std::string text = "try " + std::to_string(run.attempt() + 1);
      return run.has_due() ? text + " in " + TickText(TimeOf(run.due()) - now) : text;
    }
    case State::kPaused:
      return run.has_due() ? "paused · next " + TickText(TimeOf(run.due()) - now) : "paused";
    case State::kKilling: return "ending " + TickText(now - LastOf(run.state()));
    default: break;
  }
  std::string text = TickText(now - StartOf(run.state()));
  if (run.attempt() > 1) text += "  (try " + std::to_string(run.attempt()) + ")";
  if (run.delivery() > 1) text += "  (given out again)";
  return text;
}

std::string NameOf(const WatchModel& model, const WatchedExecution& execution, const v1::TaskRun& run) {
  std::string name = Printable(run.task_id());
  if (run.has_value()) name += " [" + Printable(run.value()) + "]";
  else if (model::IsInnerTask(run.task_id())) name += " #" + std::to_string(run.iteration() + 1);
  const v1::TaskOutline* outline = execution.Outline(run.task_id());
  if (outline == nullptr || outline->role() != v1::TASK_ROLE_EXECUTABLE) return name;
  const WatchedExecution* child = model.Find(ChildOf(run));
  const std::string& flow = child != nullptr ? child->header.flow_id() : outline->child_flow_id();
  return flow.empty() ? name : name + " → " + Printable(flow);
}

}  // namespace headrace::cli
