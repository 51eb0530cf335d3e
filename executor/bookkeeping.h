// What is derived from an execution and kept beside it, so that an event costs what it changes and not what there is.
// Shapes: a scope is a place that holds children: the execution itself, or a flowable's run. Superseded runs count nowhere.
//   Law: after every event, Rebuild(execution) equals what was kept (tests/unit/executor).
// Threads: owned with the execution. Cost: Rebuild O(n log n), the rest O(log n).
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "common/model/execution.h"
#include "executor/program.h"
#include "executor/task_program.h"

namespace headrace::executor {

using ScopeId = std::optional<model::TaskRunIndex>;  // nothing: the execution itself

// What a scope is about to do; the rest of it follows from its children.
struct ScopeHead {
  ListKind phase = ListKind::kMain;  // the list that runs or ran last
  std::uint32_t next = 0;            // the place in that list (or, by value, the value) to start next
  // Children whose end the scope has not reacted to yet: they still hold their place. Zero between two events.
  std::uint32_t unsettled = 0;
  bool operator==(const ScopeHead&) const = default;
};

struct Scope : ScopeHead {
  std::uint32_t open = 0;            // children that have not ended
  std::uint32_t submitted = 0;       // those of them that are SUBMITTED
  std::set<model::TaskRunIndex> restarted{};  // those of them that are RESTARTED and have not begun again
  // Ended children of the main list.
  std::uint32_t passed = 0;          // without failing
  std::uint32_t warned = 0;
  std::uint32_t failed = 0;
  std::uint32_t killed = 0;
  std::uint32_t cancelled = 0;
  std::vector<model::TaskRunIndex> children{};

  std::uint32_t at_work() const { return open + unsettled - static_cast<std::uint32_t>(restarted.size()); }
  bool idle() const { return open + unsettled == 0; }
  // A child of the main list failed, was killed or cancelled: no next one in a sequence.
  bool stopped() const { return failed + killed + cancelled > 0; }
  // What its main list comes to: KILLED, FAILED, CANCELLED, WARNING or SUCCESS.
  model::State Outcome() const;
  bool operator==(const Scope&) const = default;
};

// A worker has the run or may have it: one whose end is decided is out of its worker's hands, as one that waits.
bool IsWithWorker(const Program& program, const model::TaskRun& run);
// A runnable task between two looks.
bool IsBetweenLooks(const Program& program, const model::TaskRun& run);

struct Bookkeeping {
  Scope root{};
  std::unordered_map<model::TaskRunIndex, Scope> scopes{};
  std::vector<std::set<model::TaskRunIndex>> runs_of_task{};  // by task; the last one is the newest
  std::set<model::TaskRunIndex> open{};                       // runs that have not ended
  std::uint32_t in_flight = 0;                                // with a worker, or on the way to one
  std::uint32_t in_children = 0;                              // waiting for another execution
  std::uint32_t retrying = 0;
  std::uint32_t paused = 0;

  explicit Bookkeeping(const Program& program);
  static Bookkeeping Rebuild(const Program& program, const model::Execution& execution);

  Scope& at(ScopeId id) { return id ? scopes.at(*id) : root; }
  const Scope& at(ScopeId id) const { return id ? scopes.at(*id) : root; }

  // A new run.
  void Add(const Program& program, const model::TaskRun& run);
  void Moved(const Program& program, const model::TaskRun& run, model::State from, model::State to);
  // Its end is decided and waits for its own errors and finally.
  void Decide(const Program& program, model::TaskRun& run, model::State outcome);
  // It waits for its next look until then, or is looked at (nothing). REQUIRES: runnable and RUNNING.
  void SetLook(const Program& program, model::TaskRun& run, std::optional<Timestamp> due);
  // Takes back an Add, newest run first, and what was done to a run since it was `then`.
  void TakeBack(const Program& program, const model::TaskRun& run);
  void Return(const Program& program, const model::TaskRun& now, const model::TaskRun& then);
  // A run that counts no more. Its scope still lists it; the caller empties that list.
  void Remove(const Program& program, const model::TaskRun& run);

  // Of runs inside loops: the values around and of each, as one key; and by task and key the newest run. Follows from
  // the runs, and so no part of the law.
  std::unordered_map<model::TaskRunIndex, std::string> loop_keys{};
  std::unordered_map<model::TaskIndex, std::unordered_map<std::string, model::TaskRunIndex>> by_loop_key{};

  // Where each value of a ForEach stands among its values; made when first asked for, and no part of the law.
  std::unordered_map<model::TaskRunIndex, std::unordered_map<std::string, std::int32_t>> places_of_values{};

  bool operator==(const Bookkeeping& other) const;

 private:
  void Count(const Program& program, const model::TaskRun& run, model::State state, int by);
};

}  // namespace headrace::executor
