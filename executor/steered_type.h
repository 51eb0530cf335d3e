// The seam of the task types that the executor itself runs: flowables, Subflow, Labels and their kin.
// One object a type, without state: everything it knows is in the execution. One file a type in executor/flowable.
// Threads: immutable.
#pragma once

#include <string_view>
#include <vector>

#include "common/model/event.h"
#include "common/model/spec.h"

namespace headrace::executor {

class Step;

class SteeredType {
 public:
  virtual ~SteeredType() = default;
  virtual model::TaskTypeSpec Spec() const = 0;
  // Its children are numbered by iteration, not by their place in the list.
  virtual bool by_value() const { return false; }

  // Begins: a flowable is RUNNING and starts children, an executable is SUBMITTED, an updating task RUNNING.
  virtual void Start(Step& step, model::TaskRunIndex self) const = 0;
  // A child of the main list ended. Here: as in a sequence.
  virtual void ChildEnded(Step& step, model::TaskRunIndex self, model::TaskRunIndex child) const;
  // An execution that a child of it asked for exists now.
  virtual void ChildBegan(Step&, model::TaskRunIndex) const {}
  // It is about to end, however that came about.
  virtual void Ending(Step&, model::TaskRunIndex) const {}
  // All lists are done. Here: what the main list comes to.
  virtual model::State Outcome(const Step& step, model::TaskRunIndex self) const;
  // Its own timer (kLoopInterval, kPause).
  virtual void TimerFired(Step&, model::TaskRunIndex) const {}
  // Waits for people while it is PAUSED; Resume is called for such types only.
  virtual bool resumable() const { return false; }
  virtual void Resume(Step&, model::TaskRunIndex, const model::ResumeRequested&) const {}
  // Children of it are RESTARTED, and so it is RUNNING again. Here: they all begin.
  virtual void Reopened(Step& step, model::TaskRunIndex self) const;
  // It had failed by itself, no child of it had, and is RUNNING again. Here: from the beginning.
  virtual void Restart(Step& step, model::TaskRunIndex self) const { Start(step, self); }
};

// nullptr when the executor does not run this type.
const SteeredType* FindSteeredType(std::string_view canonical_name);
const std::vector<const SteeredType*>& SteeredTypes();

}  // namespace headrace::executor
