#include "cli/watch/model.h"

#include <algorithm>
#include <utility>

#include "common/model/value.h"
#include "headrace/api/v1/execution_service.pb.h"

namespace headrace::cli {
namespace {

constexpr std::size_t kLinesKept = 10;
constexpr std::size_t kChildrenMax = 200;

// Appends what of `history` was not told yet.
void Tell(const std::string& execution, std::optional<std::uint32_t> run, const v1::StateHistory& history, int& told,
          Timestamp& latest, std::vector<WatchChange>& changes) {
  for (; told < history.changes_size(); ++told) {
    const v1::StateChange& change = history.changes(told);
    v1::StateHistory at;
    at.set_current(change.state());
    changes.push_back({execution, run, StateOf(at), TimeOf(change.at())});
    latest = std::max(latest, changes.back().at);
  }
}

}  // namespace

model::State StateOf(const v1::StateHistory& history) {
  const int index = static_cast<int>(history.current()) - 1;
  if (index < 0 || index >= static_cast<int>(model::kStateCount)) return model::State::kCreated;
  return static_cast<model::State>(index);
}

Timestamp TimeOf(const google::protobuf::Timestamp& at) {
  return Timestamp(std::chrono::seconds(at.seconds()) +
                   std::chrono::duration_cast<Duration>(std::chrono::nanoseconds(at.nanos())));
}

std::string ChildOf(const v1::TaskRun& run) {
  if (run.outputs_json().find("\"executionId\"") == std::string::npos) return {};
  const Result<Value> outputs = ParseJson(run.outputs_json());
  if (!outputs) return {};
  const Value* id = Member(*outputs, "executionId");
  return id != nullptr && id->is_string() ? std::string(id->get_string()) : std::string();
}

const v1::TaskOutline* WatchedExecution::Outline(const std::string& task_id) const {
  const auto found = places.find(task_id);
  return found == places.end() ? nullptr : &flow.tasks(found->second);
}

const WatchedExecution* WatchModel::Find(const std::string& execution) const {
  const auto found = executions_.find(execution);
  return found == executions_.end() ? nullptr : &found->second;
}

bool WatchModel::root_ended() const {
  const WatchedExecution* known = root();
  return known != nullptr && known->header.closed();
}

std::vector<std::string> WatchModel::TakeDiscovered() { return std::exchange(discovered_, {}); }

std::vector<WatchChange> WatchModel::Apply(const std::string& execution, const v1::WatchExecutionResponse& update) {
  WatchedExecution& known = executions_[execution];
  if (update.snapshot()) {
    known.runs.clear();
    if (update.has_flow()) {
      known.flow = update.flow();
      known.places.clear();
      for (int i = 0; i < known.flow.tasks_size(); ++i) known.places.emplace(known.flow.tasks(i).id(), i);
    }
  }
  std::vector<WatchChange> changes;
  for (const v1::TaskRun& run : update.execution().task_runs()) {
    Tell(execution, run.index(), run.state(), told_[{execution, run.index()}], latest_, changes);
    const v1::TaskOutline* outline = known.Outline(run.task_id());
    if (outline != nullptr && outline->role() == v1::TASK_ROLE_EXECUTABLE) {
      const std::string child = ChildOf(run);
      if (!child.empty() && known_.size() < kChildrenMax && known_.insert(child).second) {
        discovered_.push_back(child);
        started_by_[child] = {execution, run.index()};
      }
    }
    known.runs[run.index()] = run;
  }
  known.header = update.execution();
  known.header.clear_task_runs();
  Tell(execution, std::nullopt, known.header.state(), told_[{execution, -1}], latest_, changes);
  std::stable_sort(changes.begin(), changes.end(), [](const WatchChange& a, const WatchChange& b) { return a.at < b.at; });
  return changes;
}

void WatchModel::AddLog(const std::string& execution, const v1::LogEntry& entry) {
  if (!entry.has_task_run_index()) return;
  std::deque<v1::LogEntry>& lines = logs_[{execution, entry.task_run_index()}];
  lines.push_back(entry);
  if (lines.size() > kLinesKept) lines.pop_front();
}

std::vector<v1::LogEntry> WatchModel::LastLogs(const std::string& execution, std::uint32_t run) const {
  const auto found = logs_.find({execution, run});
  if (found == logs_.end()) return {};
  return {found->second.begin(), found->second.end()};
}

std::vector<std::string> WatchModel::PathOf(const std::string& execution, std::optional<std::uint32_t> run) const {
  std::vector<std::string> path;
  const auto add = [&](const std::string& id, std::uint32_t index) {
    const WatchedExecution* known = Find(id);
    if (known == nullptr) return;
    const auto found = known->runs.find(index);
    if (found != known->runs.end()) path.insert(path.begin(), found->second.task_id());
  };
  if (run) add(execution, *run);
  std::string at = execution;
  for (auto parent = started_by_.find(at); parent != started_by_.end(); parent = started_by_.find(at)) {
    add(parent->second.first, parent->second.second);
    at = parent->second.first;
  }
  return path;
}

std::optional<v1::Execution> WatchModel::WholeRoot() const {
  const WatchedExecution* known = root();
  if (known == nullptr) return std::nullopt;
  v1::Execution whole = known->header;
  for (const auto& [index, run] : known->runs) {
    v1::TaskRun* out = whole.add_task_runs();
    *out = run;
    if (!run.has_parent_index()) continue;
    const auto parent = known->runs.find(run.parent_index());
    if (parent != known->runs.end()) out->set_parent_task_run_id(parent->second.id());
  }
  return whole;
}

}  // namespace headrace::cli
