// Random flows and random events for them, the same for the same seed.
// Threads: one owner.
#pragma once

#include "common/base/random.h"
#include "tests/unit/executor/flow_builder.h"
#include "tests/unit/executor/machine.h"

namespace headrace::executor_test {

FlowSpec RandomFlow(Random& random);

// What the world may do next: reports of workers, timers, ends of children, people. Now and then an event that is stale.
class RandomWorld {
 public:
  RandomWorld(Machine& machine, Random& random) : machine_(machine), random_(random) {}
  // Does one thing; false when nothing is left to happen. With `calm`, only what brings the execution to its end.
  bool Act(bool calm);

 private:
  void ActOn(const model::TaskRun& run, bool calm);
  void ActOnRunnable(const model::TaskRun& run, bool calm);
  void ActOnChild(const model::TaskRun& run, bool calm);
  model::State Outcome(bool calm);
  void ActAsPeople();
  void PostStale();

  Machine& machine_;
  Random& random_;
};

}  // namespace headrace::executor_test
