// Tasks that ask the engine, behind a door that holds executions and logs in memory.
#include <algorithm>
#include <fstream>

#include "tests/unit/worker/fake_door.h"
#include "tests/unit/worker/task_fixture.h"
#include "worker/engine_door.h"
#include "worker/files/execution_files.h"

namespace headrace::worker {
namespace {

class EngineTask : public TaskTest {
 protected:
  EngineTask() {
    engine_ = &door_;
    Add("A1", "a.b", "flow", State::kSuccess, "2026-01-01T00:00:00Z");
    Add("A2", "a.b", "flow", State::kFailed, "2026-01-02T00:00:00Z");
    Add("A3", "a.b", "other", State::kFailed, "2026-01-03T00:00:00Z");
    Add("A4", "a.b.c", "flow", State::kFailed, "2026-01-04T00:00:00Z");
    Add("A5", "a.bc", "flow", State::kFailed, "2026-01-05T00:00:00Z");
    Add("EXEC", "a.b", "flow", State::kRunning, "2026-01-06T00:00:00Z");
  }
  void Add(const std::string& id, const std::string& ns, const std::string& flow, State state, const std::string& created) {
    const Timestamp at = *ParseInstant(created);
    door_.executions.push_back({{ExecutionId(id), ns, flow, model::IsTerminal(state)}, state, at,
                                {{at, "INFO", "begins " + id, "one", "RUN1", 1}, {at + 1s, "ERROR", "fails " + id, "two", "RUN2", 2}}});
  }
  Ran Core(const std::string& name, const std::string& properties) { return Run("io.kestra.plugin.core." + name, Json(properties)); }
  std::string Left() const {
    std::string ids;
    for (const auto& kept : door_.executions) ids += kept.seen.id.str() + " ";
    return ids;
  }
  // A file as an execution stored it at some time.
  std::string StoreOf(const std::string& folder, const std::string& modified) {
    PutFile("other.txt", "x");
    const std::string place = folder + "/tasks/t/RUN/1-1/file.txt";
    EXPECT_TRUE(storage_->Write(place, "x"));
    fs::last_write_time(root_ / "storage" / place, fs::file_time_type::clock::from_sys(*ParseInstant(modified)));
    return place;
  }

  FakeDoor door_;
};

TEST_F(EngineTask, CountTellsNamedFlowsAlsoWithoutExecutions) {
  const Ran ran = Core("execution.Count", R"({"flows": [{"namespace": "a.b", "flowId": "flow"}, {"namespace": "a.b", "flowId": "none"}],
                                             "startDate": "2026-01-01T00:00:00Z", "expression": "{{ count >= 0 }}"})");
  EXPECT_EQ(ran.state, State::kSuccess) << ran.message;
  EXPECT_EQ(ToJson(*Member(ran.outputs, "results")),
            R"([{"namespace":"a.b","flowId":"flow","count":3},{"namespace":"a.b","flowId":"none","count":0}])");
  EXPECT_EQ(ran.Out("total"), "3");
}

TEST_F(EngineTask, CountFiltersByStatesDatesAndExpression) {
  const Ran ran = Core("execution.Count", R"({"namespaces": ["a.b", "a.bc"], "states": ["FAILED"], "startDate": "2026-01-02T01:00:00+01:00[Europe/Paris]",
                                             "endDate": "2026-01-05T00:00:00Z", "expression": "{{ count == 1 }}"})");
  EXPECT_EQ(ran.Out("total"), "3") << ran.message;
  const Ran none = Core("execution.Count", R"({"namespaces": ["a.b"], "startDate": "2026-01-01T00:00:00Z", "expression": "{{ count > 9 }}"})");
  EXPECT_EQ(ToJson(none.outputs), R"({"results":[],"total":0})") << none.message;
  EXPECT_EQ(Core("execution.Count", R"({"startDate": "2026-01-01T00:00:00Z", "expression": "true"})").Out("total"), "6");
  EXPECT_NE(Core("execution.Count", R"({"states": ["NONE"], "startDate": "2026-01-01T00:00:00Z", "expression": "true"})").message.find("states: 'NONE'"),
            std::string::npos);
  EXPECT_NE(Core("execution.Count", R"({"startDate": "yesterday", "expression": "true"})").message.find("startDate"), std::string::npos);
}

TEST_F(EngineTask, ResumeGoesToTheOwnExecutionOrTheOneThatIsNamed) {
  EXPECT_EQ(Core("execution.Resume", "{}").state, State::kSuccess);
  EXPECT_EQ(Core("execution.Resume", R"({"executionId": "A1", "namespace": "a.b", "flowId": "flow", "inputs": {"ok": "{{ 1 == 1 }}"}})").state,
            State::kSuccess);
  EXPECT_EQ(door_.resumed, (std::vector<std::string>{"EXEC {}", R"(A1 {"ok":true})"}));
  const auto message = [&](const std::string& properties) { return Core("execution.Resume", properties).message; };
  EXPECT_NE(message(R"({"executionId": "RUNS"})").find("is not paused"), std::string::npos);
  EXPECT_NE(message(R"({"executionId": "A1", "namespace": "a.b", "flowId": "other"})").find("not of a.b.other"), std::string::npos);
  EXPECT_NE(message(R"({"executionId": "A1", "flowId": "flow"})").find("`namespace` is required"), std::string::npos);
  EXPECT_NE(message(R"({"namespace": "a.b", "flowId": "flow"})").find("`executionId` is required"), std::string::npos);
}

TEST_F(EngineTask, ToggleSwitchesATriggerOfTheOwnFlowOrOfTheOneThatIsNamed) {
  const auto toggle = [&](const std::string& properties) { return Core("trigger.Toggle", properties).state; };
  EXPECT_EQ(toggle(R"({"trigger": "night"})"), State::kSuccess);
  EXPECT_EQ(toggle(R"({"trigger": "{{ 'day' }}", "namespace": "a.b", "flowId": "other", "enabled": true})"), State::kSuccess);
  EXPECT_EQ(toggle("{}"), State::kFailed);
  ASSERT_EQ(door_.toggled.size(), 2u);
  EXPECT_TRUE(door_.toggled[0].ends_with("/night off")) << door_.toggled[0];
  EXPECT_EQ(door_.toggled[1], "a.b/other/day on");
}

TEST_F(EngineTask, FetchWritesOneDocumentALine) {
  const Ran ran = Core("log.Fetch", "{}");
  EXPECT_EQ(ran.Out("size"), "2") << ran.message;
  const std::string text = ReadUri(ran.Out("uri"));
  const Value first = Json(text.substr(0, text.find('\n')));
  EXPECT_EQ(ToJson(first), R"({"tenantId":"main","namespace":"a.b","flowId":"flow","taskId":"one","executionId":"EXEC","taskRunId":"RUN1",)"
                           R"("attemptNumber":0,"timestamp":"2026-01-06T00:00:00.000000Z","level":"INFO","message":"begins EXEC"})");
  const Ran other = Core("log.Fetch", R"({"executionId": "A4", "tasksId": ["two", "one"], "level": "INFO"})");
  EXPECT_EQ(other.Out("size"), "2");
  EXPECT_LT(ReadUri(other.Out("uri")).find("fails A4"), ReadUri(other.Out("uri")).find("begins A4"));
  EXPECT_EQ(Core("log.Fetch", R"({"level": "WARN"})").Out("size"), "1");
  EXPECT_NE(Core("log.Fetch", R"({"executionId": "nobody"})").message.find("there is no execution nobody"), std::string::npos);
}

TEST_F(EngineTask, PurgeLogsKnowsNamespacesLevelsAndDates) {
  EXPECT_EQ(Core("log.PurgeLogs", R"({"namespace": "a.b", "flowId": "flow", "logLevels": ["ERROR"], "endDate": "2026-01-02T00:00:00Z"})").Out("count"), "1");
  EXPECT_EQ(Core("log.PurgeLogs", R"({"namespace": "a.b", "endDate": "2026-01-04T00:00:00Z"})").Out("count"), "6");
  EXPECT_EQ(Core("log.PurgeLogs", R"({"executionId": "A5", "namespace": "a.b", "endDate": "2026-02-01T00:00:00Z"})").Out("count"), "0");
  EXPECT_EQ(Core("log.PurgeLogs", R"({"executionId": "A5", "startDate": "2026-01-05T00:00:01Z", "endDate": "2026-02-01T00:00:00Z"})").Out("count"), "1");
  EXPECT_NE(Core("log.PurgeLogs", R"({"logLevels": ["LOUD"], "endDate": "2026-02-01T00:00:00Z"})").message.find("'LOUD'"), std::string::npos);
  EXPECT_NE(Core("log.PurgeLogs", R"({"flowId": "flow", "endDate": "2026-02-01T00:00:00Z"})").message.find("`namespace` is required"), std::string::npos);
}

TEST_F(EngineTask, PurgeTakesEndedExecutionsWithTheirFilesBatchByBatch) {
  const std::string gone = StoreOf("a/b/flow/executions/A1", "2026-01-01T00:00:00Z");
  const std::string kept = StoreOf("a/bc/flow/executions/A5", "2026-01-01T00:00:00Z");
  const Ran ran = Core("execution.PurgeExecutions", R"({"namespace": "a.b", "endDate": "2026-02-01T00:00:00Z", "batchSize": 3})");
  EXPECT_EQ(ran.state, State::kSuccess) << ran.message;
  EXPECT_EQ(ToJson(ran.outputs), R"({"executionsCount":4,"logsCount":8,"storagesCount":1,"metricsCount":0})");
  EXPECT_EQ(Left(), "A5 EXEC ");
  EXPECT_EQ(door_.batches, (std::vector<std::size_t>{3, 1}));
  EXPECT_FALSE(storage_->Exists(gone));
  EXPECT_TRUE(storage_->Exists(kept));
}

TEST_F(EngineTask, PurgeLeavesWhatItIsToldToLeave) {
  const std::string file = StoreOf("a/b/flow/executions/A2", "2026-01-01T00:00:00Z");
  const Ran logs = Run("io.kestra.plugin.core.storage.Purge", Json(R"({"namespace": "a.b", "flowId": "flow", "states": ["FAILED", "RUNNING"],
                       "endDate": "2026-02-01T00:00:00Z", "purgeExecution": false, "purgeStorage": false})"));
  EXPECT_EQ(ToJson(logs.outputs), R"({"executionsCount":0,"logsCount":2,"storagesCount":0,"metricsCount":0})") << logs.message;
  EXPECT_NE(logs.Lines("INFO").find("not ended, and kept: 1"), std::string::npos) << logs.Lines("INFO");
  EXPECT_TRUE(storage_->Exists(file));
  const Ran files = Core("execution.PurgeExecutions", R"({"namespace": "a.b", "flowId": "flow", "endDate": "2026-02-01T00:00:00Z",
                                                         "purgeExecution": false, "purgeLog": false})");
  EXPECT_EQ(files.Out("storagesCount"), "1");
  EXPECT_FALSE(storage_->Exists(file));
  EXPECT_EQ(Left(), "A1 A2 A3 A4 A5 EXEC ");
  EXPECT_NE(Core("execution.PurgeExecutions", R"({"endDate": "2026-02-01T00:00:00Z", "batchSize": 0})").message.find("batchSize"), std::string::npos);
}

TEST_F(EngineTask, PurgeStorageTakesOnlyFilesOfExecutionsThatAreGone) {
  const std::string orphan = StoreOf("a/b/flow/executions/GONE", "2026-01-01T00:00:00Z");
  const std::string young = StoreOf("a/b/flow/executions/YOUNG", "2026-03-01T00:00:00Z");
  const std::string known = StoreOf("a/b/flow/executions/A1", "2026-01-01T00:00:00Z");
  const std::string elsewhere = StoreOf("a/bc/flow/executions/GONE2", "2026-01-01T00:00:00Z");
  const std::string where = R"("namespace": "a.b", "endDate": "2026-02-01T00:00:00Z")";
  const Ran dry = Core("storage.PurgeStorage", "{" + where + "}");
  EXPECT_EQ(ToJson(dry.outputs), R"({"scannedCount":2,"purgedCount":1,"deletedFilesCount":0})") << dry.message;
  EXPECT_TRUE(storage_->Exists(orphan));
  door_.broken = true;  // an engine that does not answer is no reason to delete anything
  EXPECT_EQ(Core("storage.PurgeStorage", "{" + where + R"(, "dryRun": false})").state, State::kFailed);
  EXPECT_TRUE(storage_->Exists(orphan));
  door_.broken = false;
  const Ran ran = Core("storage.PurgeStorage", "{" + where + R"(, "dryRun": false})");
  EXPECT_EQ(ToJson(ran.outputs), R"({"scannedCount":2,"purgedCount":1,"deletedFilesCount":1})") << ran.message;
  EXPECT_FALSE(storage_->Exists(orphan));
  for (const std::string& stays : {young, known, elsewhere}) EXPECT_TRUE(storage_->Exists(stays)) << stays;
  EXPECT_EQ(Core("storage.PurgeStorage", R"({"endDate": "2026-02-01T00:00:00Z", "dryRun": false})").Out("purgedCount"), "1");
  EXPECT_FALSE(storage_->Exists(elsewhere));
}

TEST_F(EngineTask, WithoutAWayToTheEngineTheOptionIsNamed) {
  engine_ = nullptr;
  for (const std::string type : {"execution.Count", "execution.Resume", "execution.PurgeExecutions", "log.Fetch", "log.PurgeLogs", "storage.PurgeStorage"}) {
    const Ran ran = Core(type, R"({"endDate": "2026-02-01T00:00:00Z"})");
    EXPECT_EQ(ran.state, State::kFailed);
    EXPECT_NE(ran.message.find("--server HOST:PORT"), std::string::npos) << type << ": " << ran.message;
  }
}

}  // namespace
}  // namespace headrace::worker
