// The laws, each watched from outside: what is durable and what leaves a process. The first break is kept.
// Place: SimStore shows every batch as it becomes durable; the nodes show what they send and run.
// Threads: one. Source: DESIGN section 3; FAILURES 6.1.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "common/store/store.h"
#include "common/wire/messages.h"
#include "common/wire/records.h"

namespace headrace::sim {

class Laws {
 public:
  const std::optional<std::string>& broken() const { return broken_; }
  void Break(const std::string& law, const std::string& what);

  // ---- what is durable ----
  void OnDurable(const store::WriteBatch& batch);
  // ---- what leaves a scheduler ----
  void OnSubmitReply(const ExecutionId& id);
  void OnPurgeReply(const ExecutionId& id);
  void OnAssignSent(const wire::Assign& assign);
  void OnEpochSent(const wire::Assign& assign);
  void OnResultAcked(const wire::TaskKey& key, wire::Verdict verdict);
  // ---- what happens on workers ----
  void OnRunBegins(const wire::TaskKey& key, int worker);
  void OnRunEnds(const wire::TaskKey& key, int worker);
  // A worker that is stopped cannot keep its promise; its runs count for nothing until it goes on.
  void OnWorkerFrozen(int worker, bool frozen);

  // ---- looks of a polling trigger ----
  // What the look of this key sees, in every history.
  static bool Fires(const wire::TaskKey& look);
  std::size_t looks_that_started() const { return started_by_look_.size(); }

  // Also those that were purged.
  const std::map<ExecutionId, model::Execution>& executions() const { return executions_; }
  const std::set<ExecutionId>& acknowledged() const { return acknowledged_; }
  const model::TaskRun* FindTaskRun(const ExecutionId& id, model::TaskRunIndex index) const;
  std::vector<model::TaskRun> TaskRunsOf(const ExecutionId& id) const;

 private:
  using Place = std::pair<ExecutionId, model::TaskRunIndex>;
  struct Run {
    wire::TaskKey key;
    int worker = 0;
  };
  void CheckTaskRun(const model::TaskRun& before, const model::TaskRun& after, const ExecutionId& id);
  void CheckExecution(const model::Execution& before, const model::Execution& after);
  void CheckLooked(const model::Execution& execution);

  std::optional<std::string> broken_;
  std::map<ExecutionId, model::Execution> executions_;  // heads
  std::map<Place, model::TaskRun> task_runs_;
  std::set<ExecutionId> acknowledged_;
  std::set<ExecutionId> purged_;
  std::map<store::PartitionId, store::Epoch> epochs_;
  std::map<std::string, ExecutionId> started_by_look_;
  ExecutionId last_looked_;
  std::map<Place, std::vector<Run>> running_;
  std::set<int> frozen_;
};

}  // namespace headrace::sim
