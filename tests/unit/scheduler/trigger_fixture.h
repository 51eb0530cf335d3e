// A core whose flows have triggers, and a clock that the test moves.
// Threads: the test's.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "tests/unit/scheduler/core_fixture.h"

namespace headrace::scheduler {

class TriggerCoreTest : public CoreTest {
 protected:
  TriggerCoreTest() {
    now_.wall = *ParseInstant("2026-01-01T00:30:00Z");
    Boot();
  }

  void Deploy(const std::string& source) {
    const auto applied = registry_->Apply(source, "flow.yaml", now_.wall);
    ASSERT_TRUE(applied) << applied.error().ToString();
    const model::Flow& flow = applied->program->flow();
    With([&](TriggerRunner& runner) {
      runner.FollowFlow(flow.ns, flow.id, now_.wall);
      return Status();
    });
  }
  Status With(const Shard::TriggerWork& work) {
    Status result;
    core_->WithTriggers(0, work, [&](Status status) { result = std::move(status); }, now_);
    Settle();
    return result;
  }
  void Settle() {
    Tick();
    CommitAll();
  }
  void Pass(Duration time) {
    now_.wall += time;
    now_.monotonic += time;
    Settle();
  }
  void SetTime(const std::string& text) { Pass(*ParseInstant(text) - now_.wall); }
  std::vector<model::Execution> Of(const std::string& flow_id) {
    const auto page = store_.List({.flow_id = flow_id, .limit = 1000});
    std::vector<model::Execution> executions;
    for (const std::string& record : page->records) executions.insert(executions.begin(), *wire::DecodeExecution(record));
    return executions;
  }
  model::Trigger Row(const model::TriggerName& name) {
    model::Trigger row;
    With([&](TriggerRunner& runner) {
      if (const model::Trigger* found = runner.book().Find(name)) row = *found;
      return Status();
    });
    return row;
  }
  void Kill(const ExecutionId& id) {
    core_->Post(id, model::KillRequested{}, [](const Status&) {}, now_);
    Settle();
  }
  // Ends an execution that has no work for a worker on its way.
  void Finish(const ExecutionId& id, model::State state) {
    Kill(id);
    core_->Post(id, model::StatusChanged{state}, [](const Status&) {}, now_);
    Settle();
  }
};

}  // namespace headrace::scheduler
