// Executions as a watcher hears of them, written in a few words.
// Units: times are seconds since the start of the scene.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "cli/watch/model.h"
#include "headrace/api/v1/execution_service.pb.h"

namespace headrace::cli::scene {

inline constexpr std::int64_t kStart = 1'700'000'000;
inline Timestamp At(double seconds) {
  return Timestamp(std::chrono::seconds(kStart)) + Duration(static_cast<std::int64_t>(seconds * 1e6));
}
inline void Put(google::protobuf::Timestamp* to, double seconds) {
  const std::int64_t micros = ToMicros(At(seconds));
  to->set_seconds(micros / 1'000'000);
  to->set_nanos(static_cast<int>(micros % 1'000'000 * 1000));
}

using History = std::vector<std::pair<v1::State, double>>;
inline void Put(v1::StateHistory* to, const History& history) {
  to->clear_changes();
  for (const auto& [state, at] : history) {
    v1::StateChange* change = to->add_changes();
    change->set_state(state);
    Put(change->mutable_at(), at);
  }
  to->set_current(history.back().first);
}

class Scene {
 public:
  Scene(const std::string& id, const std::string& flow) {
    update_.set_snapshot(true);
    update_.mutable_execution()->set_id(id);
    update_.mutable_execution()->set_flow_id(flow);
    update_.mutable_execution()->set_namespace_("team");
    update_.mutable_flow()->set_id(flow);
  }

  Scene& Task(const std::string& id, int parent = -1, v1::TaskRole role = v1::TASK_ROLE_RUNNABLE,
              const std::string& group = "tasks", const std::string& type = "core.log.Log") {
    v1::TaskOutline* task = update_.mutable_flow()->add_tasks();
    task->set_index(static_cast<std::uint32_t>(update_.flow().tasks_size() - 1));
    task->set_id(id);
    task->set_type(type);
    task->set_role(role);
    task->set_group(group);
    if (parent >= 0) task->set_parent_index(static_cast<std::uint32_t>(parent));
    return *this;
  }
  v1::TaskOutline& LastTask() { return *update_.mutable_flow()->mutable_tasks(update_.flow().tasks_size() - 1); }

  Scene& State(const History& history) {
    Put(update_.mutable_execution()->mutable_state(), history);
    const v1::State last = history.back().first;
    update_.mutable_execution()->set_closed(last >= v1::STATE_SUCCESS && last <= v1::STATE_CANCELLED);
    return *this;
  }
  Scene& Label(const std::string& key, const std::string& value) {
    v1::Label* label = update_.mutable_execution()->add_labels();
    label->set_key(key);
    label->set_value(value);
    return *this;
  }
  // Of the task with this id; its parent is a run's index.
  v1::TaskRun& Run(const std::string& task, const History& history, int parent = -1) {
    v1::TaskRun* run = update_.mutable_execution()->add_task_runs();
    run->set_index(static_cast<std::uint32_t>(update_.execution().task_runs_size() - 1));
    run->set_id("run-" + std::to_string(run->index()));
    run->set_task_id(task);
    for (const v1::TaskOutline& outline : update_.flow().tasks()) {
      if (outline.id() == task) run->set_task_type(outline.type());
    }
    run->set_attempt(1);
    run->set_delivery(1);
    if (parent >= 0) run->set_parent_index(static_cast<std::uint32_t>(parent));
    Put(run->mutable_state(), history);
    return *run;
  }

  const v1::WatchExecutionResponse& update() const { return update_; }
  v1::WatchExecutionResponse& update() { return update_; }

 private:
  v1::WatchExecutionResponse update_;
};

}  // namespace headrace::cli::scene
