// An execution driven by a script of plain words, with its reactions as text: what unit and golden tests speak.
//   submit {"k":"v"} | start TASK | finish TASK STATE {"out":1} message | lose TASK | fire KIND TASK | wait PT5M
//   look-later TASK PT5M {"memo":1} | wake TASK
//   child-started TASK | child-rejected TASK message | child-ended TASK STATE {"out":1} | child-restarted TASK
//   kill | restart | pause | resume {"k":"v"} somebody | mark TASK STATE | status STATE | unqueue
//   again (the last event once more); fire start 0 and fire sla N are the execution's own timers
// Shapes: TASK is the newest run of a task that counts, TASK[value] that of a loop's value, #3 the run of that index.
// Laws checked after every event: the delta names exactly what changed; what was kept beside the execution equals what
//   Restore makes of it; armed timers and deliveries are those that the commands set.
#pragma once

#include <memory>
#include <set>
#include <map>
#include <string>
#include <string_view>

#include "executor/apply.h"

namespace headrace::executor_test {

class Machine {
 public:
  explicit Machine(model::FlowPtr flow, bool check_laws = true);

  // One line of a script; what happened because of it, as text.
  std::string Do(std::string_view line);
  // Several lines; the text of the last one.
  std::string DoAll(std::initializer_list<std::string_view> lines);
  // Whatever it asks of the world is answered with true.
  executor::Applied Post(model::EventBody body);

  const model::Execution& execution() const { return live_->execution(); }
  const executor::LiveExecution& live() const { return *live_; }
  const model::Flow& flow() const { return live_->program().flow(); }
  std::string State() const { return std::string(model::StateName(execution().state.current())); }
  // "-" when the task has no run that counts.
  std::string StateOf(std::string_view task) const;
  const model::TaskRun& Newest(std::string_view task) const;
  bool Has(std::string_view task) const;
  // Every state of the history: "CREATED SUBMITTED RUNNING".
  static std::string History(const model::StateHistory& history);
  Timestamp now() const { return now_; }
  void Wait(Duration duration) { now_ += duration; }
  const std::map<model::TimerId, Timestamp>& timers() const { return timers_; }
  // What the laws found wrong so far; empty is good.
  const std::string& faults() const { return faults_; }

 private:
  std::optional<model::TaskRunIndex> Find(std::string_view task) const;
  model::TaskRunIndex Require(std::string_view task) const;
  model::EventBody Parse(std::string_view line);
  model::EventBody Fire(std::string_view kind, std::string_view task);
  std::string Describe(const model::Execution& before, const executor::Applied& applied) const;
  std::string Describe(const model::Command& command) const;
  std::string NameOf(model::TaskRunIndex run) const;
  executor::Applied Answered(model::Event event);
  void CheckBooks();
  void CheckLaws(const model::Execution& before, const executor::Applied& applied);
  void Fault(const std::string& what);

  std::unique_ptr<executor::LiveExecution> live_;
  bool check_laws_;
  Timestamp now_;
  model::EventBody last_{};
  std::map<model::TimerId, Timestamp> timers_;
  std::string faults_;
  std::size_t events_ = 0;
};

}  // namespace headrace::executor_test
