// A worker's way to the engine of another process, against a real server over a scripted engine.
#include "cli/client/remote_door.h"

#include "api/server.h"
#include "tests/unit/api/fake_engine.h"

#include <gtest/gtest.h>

namespace headrace::cli {
namespace {

using api::testing::LoopExecution;
using api::testing::LoopFlow;

class RemoteDoor : public ::testing::Test {
 protected:
  RemoteDoor() {
    api::ApiOptions options;
    options.address = "127.0.0.1:0";
    server = std::move(*api::ApiServer::Start(options, engine));
    door = MakeRemoteDoor(std::make_shared<Connection>("127.0.0.1:" + std::to_string(server->port())));
    model::Execution ended = LoopExecution("e1");
    ended.closed = true;
    engine.Put({LoopFlow(), ended});
    engine.Put({LoopFlow(), LoopExecution("e2")});
  }

  api::testing::FakeEngine engine;
  std::unique_ptr<api::ApiServer> server;
  std::unique_ptr<worker::EngineDoor> door;
};

TEST_F(RemoteDoor, FiltersReachTheEngine) {
  worker::ExecutionFilter filter{.ns_prefix = "release", .flow_id = "poll-it", .states = {model::State::kRunning}};
  filter.created_from = FromMicros(1'000'000);
  filter.created_before = FromMicros(2'000'001);
  const auto counts = door->Count(filter);
  ASSERT_TRUE(counts) << counts.error().ToString();
  ASSERT_EQ(counts->size(), 1u);
  EXPECT_EQ(counts->at(0).count, 2u);
  EXPECT_EQ(engine.last_query.ns_prefix, "release");
  EXPECT_EQ(engine.last_query.flow_id, "poll-it");
  EXPECT_EQ(engine.last_query.states, filter.states);
  EXPECT_EQ(engine.last_query.created_from, filter.created_from);
  EXPECT_EQ(engine.last_query.created_before, filter.created_before);
}

TEST_F(RemoteDoor, ListsPageByPageAndFindsOne) {
  const auto first = door->List({}, 1, "");
  ASSERT_TRUE(first) << first.error().ToString();
  ASSERT_EQ(first->executions.size(), 1u);
  EXPECT_EQ(first->executions[0].id, ExecutionId("e1"));
  EXPECT_TRUE(first->executions[0].ended);
  const auto second = door->List({}, 1, first->next);
  ASSERT_EQ(second->executions.size(), 1u);
  EXPECT_FALSE(second->executions[0].ended);
  EXPECT_TRUE(second->next.empty());
  EXPECT_EQ(door->Find(ExecutionId("e2"))->flow_id, "poll-it");
  EXPECT_EQ(door->Find(ExecutionId("e3")).error().code, Code::kNotFound);
}

TEST_F(RemoteDoor, WholeExecutionsComeWithWhatCounts) {
  model::Execution execution = LoopExecution("e4");
  ASSERT_GE(execution.task_runs.size(), 2u);
  execution.task_runs[1].superseded = true;
  execution.labels = {{"team", "data"}};
  execution.message = "why";
  std::size_t counting = 0;
  for (const model::TaskRun& run : execution.task_runs) counting += run.superseded ? 0 : 1;
  engine.Put({LoopFlow(), execution});
  const auto whole = door->FindWhole(ExecutionId("e4"));
  ASSERT_TRUE(whole) << whole.error().ToString();
  EXPECT_EQ(whole->seen.id, ExecutionId("e4"));
  EXPECT_EQ(whole->state, execution.state.current());
  EXPECT_EQ(whole->started, execution.state.started());
  EXPECT_EQ(whole->changed, execution.state.last_changed());
  EXPECT_EQ(whole->message, "why");
  ASSERT_EQ(whole->labels.size(), 1u);
  EXPECT_EQ(whole->labels[0].second, "data");
  ASSERT_EQ(whole->task_runs.size(), counting);
  EXPECT_EQ(whole->task_runs[0].id, execution.task_runs[0].id.str());
  EXPECT_EQ(whole->task_runs[0].task_id, LoopFlow()->task(execution.task_runs[0].task).id);
  EXPECT_EQ(whole->task_runs[0].state, execution.task_runs[0].state.current());
  EXPECT_EQ(door->FindWhole(ExecutionId("e5")).error().code, Code::kNotFound);
}

TEST_F(RemoteDoor, LogsComeWithTheirTaskRuns) {
  engine.Log({ExecutionId("e2"), 0, "poll", 1, FromMicros(5), "WARN", "one"});
  engine.Log({ExecutionId("e2"), {}, "", 0, FromMicros(6), "ERROR", "two"});
  engine.Log({ExecutionId("e2"), 0, "poll", 1, FromMicros(7), "DEBUG", "low"});
  std::vector<worker::SeenLog> seen;
  const auto take = [&](const worker::SeenLog& log) -> Status {
    seen.push_back(log);
    return {};
  };
  ASSERT_TRUE(door->ReadLogs({ExecutionId("e2"), "", ""}, take));
  ASSERT_EQ(seen.size(), 3u);
  EXPECT_EQ(seen[0].task_run_id, "run0");
  EXPECT_EQ(seen[0].level, "WARN");
  EXPECT_EQ(seen[0].at, FromMicros(5));
  EXPECT_EQ(seen[0].attempt, 1u);
  EXPECT_EQ(seen[1].message, "two");
  EXPECT_EQ(seen[1].task_run_id, "");
  seen.clear();
  ASSERT_TRUE(door->ReadLogs({ExecutionId("e2"), "poll", "DEBUG"}, take));
  EXPECT_EQ(seen.size(), 1u);
  const auto refuse = [](const worker::SeenLog&) -> Status { return Fail(Code::kCancelled, "enough"); };
  EXPECT_EQ(door->ReadLogs({ExecutionId("e2"), "", ""}, refuse).error().code, Code::kCancelled);
}

TEST_F(RemoteDoor, ResumesAndPurges) {
  EXPECT_TRUE(door->Resume(ExecutionId("e2"), {{"ok", true}}));
  EXPECT_EQ(engine.operations, std::vector<std::string>{R"(resume e2 {"ok":true} by )"});
  engine.Log({ExecutionId("e1"), 0, "poll", 1, FromMicros(5), "WARN", "one"});
  EXPECT_EQ(*door->PurgeLogs({{ExecutionId("e1")}, {"WARN"}, {}, FromMicros(9)}), 1u);
  EXPECT_EQ(engine.last_log_purge.levels, std::vector<std::string>{"WARN"});
  const auto purged = door->PurgeExecutions({ExecutionId("e1"), ExecutionId("e2")});
  ASSERT_TRUE(purged) << purged.error().ToString();
  EXPECT_EQ(purged->executions, 1u);
  EXPECT_FALSE(engine.executions.contains("e1"));
}

TEST_F(RemoteDoor, AnEngineThatIsNotThereIsNamed) {
  server->Shutdown();
  const auto found = door->Find(ExecutionId("e1"));
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code, Code::kUnavailable);
  EXPECT_NE(found.error().message.find("--server"), std::string::npos) << found.error().message;
}

}  // namespace
}  // namespace headrace::cli
