// Who may run: the concurrency limits of flows, counted exactly.
// Place: asked by Core before an execution is created or restarted, told when one has ended durably.
// Shapes: a flow is known from its first question on; what stood before is read from the store then.
// Threads: loop thread only. Cost: O(log n) an execution of a flow with a limit, nothing for others.
// Source: FLOWS 1.3 (concurrency), FAILURES row 60.
#pragma once

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "common/model/event.h"
#include "common/store/store.h"

namespace headrace::scheduler {

class Admissions {
 public:
  // Of the flows that are kept in this partition.
  Admissions(store::Store& store, store::PartitionId partition) : store_(store), partition_(partition) {}

  struct Decision {
    model::Admission admission = model::Admission::kRun;
    std::string reason{};
  };
  // Counts the execution as running or queued, as the flow's limit says; one that is turned away is not counted.
  Result<Decision> Ask(const model::Flow& flow, const ExecutionId& id, Timestamp at);
  // Runs whatever the limit says.
  void Force(const std::string& ns, const std::string& flow_id, const ExecutionId& id);
  // It has ended, running or queued.
  void Ended(const std::string& ns, const std::string& flow_id, const ExecutionId& id);
  // The queued ones that the limit lets run now, oldest first; they count as running. No limit (0) lets all run.
  std::vector<ExecutionId> TakeReady(const model::Flow& latest);
  bool HasQueue(const std::string& ns, const std::string& flow_id) const;
  // Flows with executions that were queued when the last owner stopped.
  Result<std::vector<std::pair<std::string, std::string>>> Recover();

 private:
  using FlowName = std::pair<std::string, std::string>;
  struct Book {
    std::set<ExecutionId> running;
    // Those of one moment in the order they came; what a store gives back has that of its ids.
    using Place = std::pair<Timestamp, std::uint64_t>;
    std::map<Place, ExecutionId> queued;
    std::map<ExecutionId, Place> queued_at;
    std::uint64_t came = 0;
  };
  Result<Book*> BookOf(const FlowName& name);
  static void Queue(Book& book, const ExecutionId& id, Timestamp since);
  static void Unqueue(Book& book, const ExecutionId& id);

  store::Store& store_;
  const store::PartitionId partition_;
  std::map<FlowName, Book> books_;
};

}  // namespace headrace::scheduler
