#include "tests/unit/executor/machine.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "common/base/check.h"
#include "common/base/text.h"
#include "executor/bookkeeping.h"

namespace headrace::executor_test {

using executor::Applied;
using model::TaskRun;
using model::TaskRunIndex;
using model::TimerKind;

namespace {

constexpr std::array<std::string_view, 7> kTimerNames = {"retry", "timeout", "interval", "pause", "start", "sla", "look"};

std::string_view NameOfTimer(TimerKind kind) { return kTimerNames.at(static_cast<std::size_t>(kind)); }

// The first word of `line`, which is cut off it.
std::string_view Word(std::string_view& line) {
  line = Trim(line);
  const std::size_t end = std::min(line.find(' '), line.size());
  const std::string_view word = line.substr(0, end);
  line = Trim(line.substr(end));
  return word;
}

// A JSON object at the front of `line`, up to the last brace.
Object TakeObject(std::string_view& line) {
  if (!line.starts_with('{')) return {};
  const std::size_t end = line.rfind('}') + 1;
  Result<Value> value = ParseJson(line.substr(0, end));
  CHECK(value && value->is_object());
  line = Trim(line.substr(end));
  return value->get_object();
}

model::State ToState(std::string_view name) {
  const std::optional<model::State> state = model::ParseState(name);
  CHECK(state);
  return *state;
}

std::shared_ptr<const executor::Program> ProgramOf(model::FlowPtr flow) {
  Result<std::shared_ptr<const executor::Program>> program = executor::Program::Build(std::move(flow));
  if (!program) std::fprintf(stderr, "%s\n", program.error().ToString().c_str());
  CHECK(program);
  return *program;
}

std::string LabelText(const std::vector<model::Label>& labels) {
  std::string text;
  for (const auto& [key, value] : labels) {
    if (key != "system.correlationId") text += " label " + key + "=" + value;
  }
  return text;
}

bool SameButVersion(model::Execution a, const model::Execution& b) {
  a.version = b.version;
  a.task_runs = b.task_runs;
  return a == b;
}

}  // namespace

Machine::Machine(model::FlowPtr flow, bool check_laws)
    : live_(std::make_unique<executor::LiveExecution>(ProgramOf(std::move(flow)),
                                                      ExecutionId("0000000000000000000001"))),
      check_laws_(check_laws),
      now_(FromMicros(1'767'686'400'000'000)) {}  // 2026-01-06T08:00:00Z

std::optional<TaskRunIndex> Machine::Find(std::string_view task) const {
  if (task.starts_with('#')) return static_cast<TaskRunIndex>(std::strtoul(task.data() + 1, nullptr, 10));
  const std::size_t bracket = task.find('[');
  const std::string_view id = task.substr(0, bracket);
  std::optional<TaskRunIndex> found;
  for (const TaskRun& run : execution().task_runs) {
    if (run.superseded || flow().task(run.task).id != id) continue;
    if (bracket != std::string_view::npos) {
      std::optional<std::string> value = run.value;
      for (std::optional<TaskRunIndex> at = run.parent; at && !value; at = execution().task_runs[*at].parent) {
        value = execution().task_runs[*at].value;
      }
      if (!value || task.substr(bracket + 1, task.size() - bracket - 2) != *value) continue;
    }
    found = run.index;
  }
  return found;
}

TaskRunIndex Machine::Require(std::string_view task) const {
  const std::optional<TaskRunIndex> found = Find(task);
  if (!found) std::fprintf(stderr, "no run of %s\n", std::string(task).c_str());
  CHECK(found);
  return *found;
}

bool Machine::Has(std::string_view task) const { return Find(task).has_value(); }
const TaskRun& Machine::Newest(std::string_view task) const { return execution().task_runs[Require(task)]; }

std::string Machine::StateOf(std::string_view task) const {
  return Has(task) ? std::string(model::StateName(Newest(task).state.current())) : "-";
}

std::string Machine::History(const model::StateHistory& history) {
  std::string text;
  for (const model::StateChange& change : history.changes) {
    if (!text.empty()) text += ' ';
    text += model::StateName(change.state);
  }
  return text;
}

model::EventBody Machine::Fire(std::string_view kind, std::string_view task) {
  const bool own = kind == "start" || kind == "sla";  // of the execution; `task` is a number
  const TaskRunIndex index =
      own ? static_cast<TaskRunIndex>(std::strtoul(std::string(task).c_str(), nullptr, 10)) : Require(task);
  for (const auto& [timer, due] : timers_) {
    if (timer.task_run == index && NameOfTimer(timer.kind) == kind) {
      now_ = std::max(now_, due);
      return model::TimerFired{timer};
    }
  }
  std::fprintf(stderr, "no timer %s of %s\n", std::string(kind).c_str(), std::string(task).c_str());
  CHECK(false);
}

model::EventBody Machine::Parse(std::string_view line) {
  const std::string_view verb = Word(line);
  if (verb == "submit") return model::Submitted{execution().id, TakeObject(line)};
  if (verb == "kill") return model::KillRequested{std::string(line)};
  if (verb == "restart") return model::RestartRequested{};
  if (verb == "pause") return model::PauseRequested{};
  if (verb == "resume") return model::ResumeRequested{.inputs = TakeObject(line), .by = std::string(line)};
  if (verb == "status") return model::StatusChanged{ToState(Word(line))};
  if (verb == "unqueue") return model::Unqueued{};
  if (verb == "mark") {
    const TaskRunIndex index = Require(Word(line));
    return model::TaskRunMarked{index, ToState(Word(line))};
  }
  if (verb == "again") return last_;
  if (verb == "fire") {
    const std::string_view kind = Word(line);
    return Fire(kind, Word(line));
  }
  const TaskRun& run = Newest(Word(line));
  if (verb == "start") return model::TaskStarted{run.fence(), WorkerId("w1")};
  if (verb == "wake") return model::TaskWoken{run.index, run.attempt};
  if (verb == "look-later") {
    const Result<Duration> after = ParseDuration(Word(line));
    CHECK(after);
    return model::TaskWaited{run.fence(), WorkerId("w1"), *after, TakeObject(line), now_};
  }
  if (verb == "lose") return model::TaskLost{run.fence(), "gone"};
  if (verb == "finish") {
    const model::State state = ToState(Word(line));
    Object outputs = TakeObject(line);
    return model::TaskFinished{run.fence(), WorkerId("w1"), state, std::move(outputs), std::string(line), now_};
  }
  const Value* id = run.outputs.if_contains("executionId");
  CHECK(id != nullptr);
  const ExecutionId child(std::string(id->get_string()));
  if (verb == "child-started") return model::ChildStarted{run.index, run.attempt, child};
  if (verb == "child-rejected") return model::ChildRejected{run.index, run.attempt, std::string(line)};
  if (verb == "child-restarted") return model::ChildRestarted{run.index, child};
  CHECK(verb == "child-ended");
  const model::State state = ToState(Word(line));
  return model::ChildEnded{run.index, run.attempt, child, state, TakeObject(line)};
}

std::string Machine::Do(std::string_view line) {
  if (line.starts_with("wait ")) {
    const Result<Duration> duration = ParseDuration(line.substr(5));
    CHECK(duration);
    Wait(*duration);
    return {};
  }
  model::EventBody body = Parse(line);
  const model::Execution before = execution();
  const Applied applied = Post(std::move(body));
  return Describe(before, applied);
}

std::string Machine::DoAll(std::initializer_list<std::string_view> lines) {
  std::string text;
  for (const std::string_view line : lines) text = Do(line);
  return text;
}

Applied Machine::Post(model::EventBody body) {
  last_ = body;
  ++events_;
  if (const auto* fired = std::get_if<model::TimerFired>(&body)) timers_.erase(fired->timer);
  model::Execution before;
  if (check_laws_) before = execution();
  Applied applied = Answered({now_, std::move(body)});
  for (const model::Command& command : applied.commands) {
    if (const auto* set = std::get_if<model::SetTimer>(&command)) timers_[set->timer] = set->due;
    if (const auto* clear = std::get_if<model::ClearTimer>(&command)) timers_.erase(clear->timer);
  }
  if (check_laws_) CheckLaws(before, applied);
  return applied;
}

Applied Machine::Answered(model::Event event) {
  for (;;) {
    const std::uint64_t version = execution().version;
    Applied applied = Apply(*live_, event);
    if (applied.needs.empty()) return applied;
    if (check_laws_) {
      if (execution().version != version || !applied.delta.empty()) Fault("an event without its answers had an effect");
      CheckBooks();
    }
    for (const model::Lookup& lookup : applied.needs) event.answers[lookup.key()] = {Value(true), ""};
  }
}

void Machine::CheckBooks() {
  const auto restored = executor::LiveExecution::Restore(live_->program_ptr(), execution());
  if (!restored) return Fault(restored.error().ToString());
  if (!((*restored)->books() == live_->books())) Fault("the books differ from those made anew");
}

void Machine::Fault(const std::string& what) {
  std::string event(model::EventName(last_));
  if (const auto* fired = std::get_if<model::TimerFired>(&last_)) {
    event += " " + std::string(NameOfTimer(fired->timer.kind)) + " #" + std::to_string(fired->timer.task_run) + "/" +
             std::to_string(fired->timer.attempt) + " at " + FormatInstant(now_);
  }
  faults_ += "event " + std::to_string(events_) + " (" + event + "): " + what + "\n";
}

void Machine::CheckLaws(const model::Execution& before, const Applied& applied) {
  const model::Execution& after = execution();
  std::vector<TaskRunIndex> changed;
  for (const TaskRun& run : after.task_runs) {
    if (run.index >= before.task_runs.size() || !(before.task_runs[run.index] == run)) changed.push_back(run.index);
  }
  // Listing a run that came out the same is allowed, missing one is not.
  if (!std::includes(applied.delta.task_runs.begin(), applied.delta.task_runs.end(), changed.begin(), changed.end())) {
    Fault("the delta misses a changed task run");
  }
  if (!applied.delta.execution && !SameButVersion(before, after)) Fault("the delta misses a changed execution");
  if (after.version != before.version + (applied.delta.empty() ? 0 : 1)) Fault("the version did not follow");

  CheckBooks();

  std::map<model::TimerId, Timestamp> armed;
  for (const model::SetTimer& timer : live_->ArmedTimers()) armed[timer.timer] = timer.due;
  if (armed == timers_) return;
  std::string text = "the armed timers are not those that were set; armed:";
  const auto list = [&](const std::map<model::TimerId, Timestamp>& timers) {
    for (const auto& [id, due] : timers) {
      text += " " + std::string(NameOfTimer(id.kind)) + " #" + std::to_string(id.task_run) + "/" +
              std::to_string(id.attempt) + " " + FormatInstant(due);
    }
  };
  list(armed);
  text += "; set:";
  list(timers_);
  Fault(text);
}

std::string Machine::NameOf(TaskRunIndex run) const {
  const TaskRun& task_run = execution().task_runs[run];
  std::string name = flow().task(task_run.task).id;
  if (task_run.value) name += "[" + *task_run.value + "]";
  return name;
}

std::string Machine::Describe(const model::Command& command) const {
  struct Text {
    const Machine& machine;
    static std::string Numbers(const model::Fence& fence) {
      return " attempt " + std::to_string(fence.attempt) + " delivery " + std::to_string(fence.delivery);
    }
    std::string Timer(const model::TimerId& timer) const {
      const std::string kind = " " + std::string(NameOfTimer(timer.kind)) + " ";
      const bool own = timer.kind == TimerKind::kStart || timer.kind == TimerKind::kSla;
      return kind + (own ? std::to_string(timer.task_run) : machine.NameOf(timer.task_run));
    }
    std::string ChildName(const ExecutionId& child) const {
      for (const TaskRun& run : machine.execution().task_runs) {
        const Value* id = run.outputs.if_contains("executionId");
        if (id != nullptr && ToText(*id) == child.str()) return " of " + machine.NameOf(run.index);
      }
      return " that nobody knows";
    }
    std::string operator()(const model::DispatchTask& c) const {
      return " " + machine.NameOf(c.fence.task_run) + Numbers(c.fence);
    }
    std::string operator()(const model::CancelTask& c) const {
      return " " + machine.NameOf(c.fence.task_run) + Numbers(c.fence) + ": " + c.reason;
    }
    std::string operator()(const model::SetTimer& c) const {
      return Timer(c.timer) + " in " + FormatDuration(c.due - machine.now());
    }
    std::string operator()(const model::ClearTimer& c) const { return Timer(c.timer); }
    std::string operator()(const model::StartChild& c) const {
      return " of " + machine.NameOf(c.task_run) + " attempt " + std::to_string(c.attempt) + ": " + c.ns + "." +
             c.flow_id + (c.revision == 0 ? "" : " revision " + std::to_string(c.revision)) + " inputs " +
             ToJson(Value(c.inputs)) + LabelText(c.labels) + (c.wait ? "" : " without waiting");
    }
    std::string operator()(const model::KillChild& c) const { return ChildName(c.child); }
    std::string operator()(const model::RestartChild& c) const { return ChildName(c.child); }
    std::string operator()(const model::EndExecution& c) const { return " " + std::string(model::StateName(c.state)); }
    std::string operator()(const model::ReviveParent&) const { return ""; }
    std::string operator()(const model::StartReplacement&) const { return ""; }
    std::string operator()(const model::EmitLog& c) const {
      return " " + c.level + (c.task_run ? " " + machine.NameOf(*c.task_run) : "") + ": " + c.message;
    }
  };
  return std::string(model::CommandName(command)) + std::visit(Text{*this}, command);
}

std::string Machine::Describe(const model::Execution& before, const Applied& applied) const {
  std::string text;
  const auto states = [&](const std::string& name, const model::StateHistory& old, const model::StateHistory& now) {
    if (old.changes.size() == now.changes.size()) return;
    text += "  " + name + ":";
    for (std::size_t i = old.changes.size(); i < now.changes.size(); ++i) {
      text += " " + std::string(model::StateName(now.changes[i].state));
    }
    text += "\n";
  };
  states("execution", before.state, execution().state);
  for (const TaskRunIndex index : applied.delta.task_runs) {
    const TaskRun& run = execution().task_runs[index];
    const TaskRun old = index < before.task_runs.size() ? before.task_runs[index] : TaskRun{};
    states(NameOf(index), old.state, run.state);
    if (run.superseded && !old.superseded) text += "  " + NameOf(index) + " is history\n";
    if (run.outputs != old.outputs && !run.outputs.empty() && !run.outputs.contains("executionId")) {
      text += "  " + NameOf(index) + " outputs " + ToJson(Value(run.outputs)) + "\n";
    }
  }
  for (const model::Command& command : applied.commands) text += "  " + Describe(command) + "\n";
  if (applied.delta.empty() && applied.commands.empty()) text = "  nothing\n";
  return text;
}

}  // namespace headrace::executor_test
