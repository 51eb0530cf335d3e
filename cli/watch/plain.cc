#include "cli/watch/plain.h"

#include <string_view>

#include "cli/watch/text.h"
#include "cli/watch/tree.h"

namespace headrace::cli {

using model::State;

namespace {

std::string Join(const std::vector<std::string>& path, bool ascii) {
  std::string out;
  for (const std::string& id : path) out += (out.empty() ? "" : ascii ? " > " : " › ") + Printable(id);
  return out;
}

bool IsNews(State state) {
  return model::IsTerminal(state) || state == State::kRunning || state == State::kPaused || state == State::kRetrying ||
         state == State::kKilling || state == State::kRestarted;
}

std::string Clock(Timestamp at, const RenderStyle& style) { return Tinted(Tint::kDim, ClockText(at), style.color); }

std::string ExecutionLine(const WatchModel& model, const WatchedExecution& execution, const WatchChange& change,
                          const RenderStyle& style) {
  std::string name = Join(model.PathOf(change.execution, std::nullopt), style.ascii);
  const char* arrow = style.ascii ? " -> " : " → ";
  name += (name.empty() ? "" : arrow) + Printable(execution.header.flow_id()) + " " + change.execution;
  std::string line = Clock(change.at, style) + " " + MarkText(change.state, style) + " " + name + " " +
                     std::string(model::StateName(change.state));
  const v1::StateHistory& history = execution.header.state();
  if (model::IsTerminal(change.state) && history.changes_size() > 0) {
    line += " " + TookText(change.at - TimeOf(history.changes(0).at()));
  }
  return line;
}

// A loop that runs again after a pause is no news: its iteration's tasks are.
bool Resumes(const v1::TaskRun& run, const WatchChange& change) {
  return change.state == State::kRunning && run.has_iteration() && run.iteration() > 0 && run.task_type().ends_with("Until");
}

// An execution pauses and runs again with each poll: its tasks say so themselves.
bool FlowsOn(const v1::StateHistory& history, const WatchChange& change) {
  if (change.state == State::kPaused) return true;
  if (change.state != State::kRunning) return false;
  for (const v1::StateChange& each : history.changes()) {
    if (each.state() == v1::STATE_PAUSED && TimeOf(each.at()) <= change.at) return true;
  }
  return false;
}

std::string_view LevelText(v1::LogLevel level) {
  switch (level) {
    case v1::LOG_LEVEL_TRACE: return "TRACE";
    case v1::LOG_LEVEL_DEBUG: return "DEBUG";
    case v1::LOG_LEVEL_WARN: return "WARN ";
    case v1::LOG_LEVEL_ERROR: return "ERROR";
    default: return "INFO ";
  }
}

Tint LevelTint(v1::LogLevel level) {
  switch (level) {
    case v1::LOG_LEVEL_ERROR: return Tint::kRed;
    case v1::LOG_LEVEL_WARN: return Tint::kYellow;
    case v1::LOG_LEVEL_INFO: return Tint::kNone;
    default: return Tint::kDim;
  }
}

}  // namespace

std::optional<std::string> ChangeLine(const WatchModel& model, const WatchChange& change, const RenderStyle& style) {
  const WatchedExecution* execution = model.Find(change.execution);
  if (execution == nullptr || !IsNews(change.state)) return std::nullopt;
  if (!change.run) {
    if (FlowsOn(execution->header.state(), change)) return std::nullopt;
    return ExecutionLine(model, *execution, change, style);
  }
  const auto found = execution->runs.find(*change.run);
  if (found == execution->runs.end() || Resumes(found->second, change)) return std::nullopt;
  const v1::TaskRun& run = found->second;
  std::vector<std::string> path = model.PathOf(change.execution, change.run);
  if (!path.empty()) path.back() = NameOf(model, *execution, run);
  std::string line = Clock(change.at, style) + " " + MarkText(change.state, style) + " " + Join(path, style.ascii) + " " +
                     std::string(model::StateName(change.state));
  if (StateOf(run.state()) != change.state || change.state == State::kRunning) return line;
  std::string detail = DetailOf(*execution, run, change.at);
  const std::string name = std::string(model::StateName(change.state)) + "  ";
  if (detail.starts_with(name)) detail.erase(0, name.size());
  return line + " " + detail;
}

std::string LogLineText(const WatchModel& model, const std::string& execution, const v1::LogEntry& entry,
                        const RenderStyle& style) {
  std::optional<std::uint32_t> run;
  if (entry.has_task_run_index()) run = entry.task_run_index();
  std::string place = Join(model.PathOf(execution, run), style.ascii);
  const WatchedExecution* known = model.Find(execution);
  if (place.empty()) place = entry.task_id().empty() && known ? Printable(known->header.flow_id()) : Printable(entry.task_id());
  const std::string head = Clock(TimeOf(entry.time()), style) + " " +
                           Tinted(LevelTint(entry.level()), LevelText(entry.level()), style.color) + " " + place + " | ";
  std::string out;
  std::string_view rest = entry.message();
  do {
    const std::size_t end = rest.find('\n');
    if (!out.empty()) out += '\n';
    out += head + Printable(rest.substr(0, end));
    rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
  } while (!rest.empty());
  return out;
}

}  // namespace headrace::cli
