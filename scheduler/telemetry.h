// What a scheduler tells of its work while it works, for whoever measures it.
// Place: given in EngineOptions; without it nothing is told. What can be looked up instead is in EngineSample.
// Laws: told of what is durable, once; a call costs what counting costs, however many executions there are.
// Threads: the loop's, which must not wait. Source: UX section 7.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "common/base/time.h"
#include "common/model/execution.h"

namespace headrace::scheduler {

class Telemetry {
 public:
  virtual ~Telemetry() = default;
  // For good; `took` since it was created.
  virtual void ExecutionEnded(const std::string& ns, const std::string& flow_id, model::State state, Duration took) = 0;
  // Ended, and afterExecution with it: its record is whole.
  virtual void ExecutionClosed(const ExecutionId& /*id*/) {}
  // What the attempt that a worker is given now hands on as W3C traceparent; empty: nothing is traced.
  virtual std::string TraceParent(const model::Execution& /*execution*/, const model::TaskRun& /*run*/) { return {}; }
  // `took` since it ran last, or since it was created if it never did.
  virtual void TaskRunEnded(const std::string& type, model::State state, Duration took) = 0;
  // A worker of the group has begun what waited for it.
  virtual void TaskBegun(const std::string& group, Duration waited) = 0;
  // One pass of the loop; `lag`: how long the oldest call or commit had waited for it, if any did.
  virtual void Passed(std::optional<Duration> lag, Duration took) = 0;
  // Of the worker queue.
  virtual void Messages(std::uint64_t received, std::uint64_t sent) = 0;
  // A schedule's date starts an execution so long after it; told when that is decided.
  virtual void TriggerFired(Duration late) = 0;
};

}  // namespace headrace::scheduler
