// Executions that are deleted: which may go, who learns of it, and what a crash leaves.
#include "scheduler/purge.h"

#include "tests/unit/scheduler/core_fixture.h"

namespace headrace::scheduler {
namespace {

using model::State;

constexpr const char* kParent = R"(
id: parent
namespace: t
tasks:
  - {id: call, type: io.kestra.plugin.core.flow.Subflow, namespace: t, flowId: f, wait: true, transmitFailed: true}
)";

class PurgeTest : public CoreTest {
 protected:
  // Runs `f` to its end.
  ExecutionId Ended(State outcome = State::kSuccess) {
    Join();
    Submit("");
    CommitAll();
    FinishAll(outcome);
    return replies_.back()->id;
  }
  void FinishAll(State outcome = State::kSuccess) {
    for (auto assigned = Take<wire::Assign>(); !assigned.empty(); assigned = Take<wire::Assign>()) {
      for (const wire::Assign& assign : assigned) {
        FromWorker(wire::TaskResult{.key = assign.key, .outcome = outcome, .outputs_json = R"({"value":"x"})"});
        FromWorker(wire::Credit{4, ++credits_});
      }
      CommitAll();
    }
  }
  // Decides, but does not commit.
  void Delete(const ExecutionId& id) {
    deleted_.reset();
    core_->Delete({id}, [this](Result<std::vector<ExecutionId>> gone) { deleted_ = std::move(gone); }, now_);
    Tick();
  }
  std::size_t DeletedNow(const ExecutionId& id) {
    Delete(id);
    CommitAll();
    return deleted_ && *deleted_ ? (*deleted_)->size() : 0;
  }
  Code RestartNow(const ExecutionId& id) {
    Status status;
    core_->Restart(id, [&](Status answer) { status = std::move(answer); }, now_);
    Tick();
    CommitAll();
    return status ? Code::kOk : status.error().code;
  }
  bool Exists(const ExecutionId& id) { return store_.Read(id).has_value(); }

  std::optional<Result<std::vector<ExecutionId>>> deleted_;
  std::uint64_t credits_ = 1;
};

TEST_F(PurgeTest, OneThatHasEndedGoes) {
  const ExecutionId id = Ended();
  EXPECT_EQ(StateOf(id), State::kSuccess);
  EXPECT_EQ(DeletedNow(id), 1u);
  EXPECT_FALSE(Exists(id));
  EXPECT_EQ(DeletedNow(id), 0u);  // gone already is no error
  EXPECT_TRUE(*deleted_);
}

TEST_F(PurgeTest, OneThatRunsOrWaitsStays) {
  Join();
  Submit("");
  CommitAll();
  EXPECT_EQ(DeletedNow(replies_.back()->id), 0u);
  EXPECT_TRUE(Exists(replies_.back()->id));
  FinishAll();
  EXPECT_EQ(StateOf(replies_.back()->id), State::kSuccess);
}

TEST_F(PurgeTest, OneWhoseEndIsNotDurableStays) {
  Join();
  Submit("");
  CommitAll();
  for (int task = 0; task < 2; ++task) {
    CommitAll();
    const auto assigned = Take<wire::Assign>();
    ASSERT_EQ(assigned.size(), 1u);
    FromWorker(wire::TaskResult{.key = assigned[0].key, .outcome = State::kSuccess, .outputs_json = R"({"value":"x"})"});
  }
  Delete(replies_.back()->id);
  CommitAll();
  ASSERT_TRUE(deleted_ && *deleted_);
  EXPECT_TRUE((*deleted_)->empty());
  EXPECT_EQ(StateOf(replies_.back()->id), State::kSuccess);
}

TEST_F(PurgeTest, OnceItIsDecidedNothingBringsItBack) {
  const ExecutionId id = Ended(State::kFailed);
  Delete(id);
  EXPECT_FALSE(deleted_);  // an answer means durable
  EXPECT_TRUE(Exists(id));
  EXPECT_EQ(RestartNow(id), Code::kNotFound);
  EXPECT_EQ((*deleted_)->size(), 1u);
  EXPECT_FALSE(Exists(id));
  Boot();
  EXPECT_FALSE(Exists(id));
}

TEST_F(PurgeTest, ADeletionThatWasNotCommittedNeverWas) {
  const ExecutionId id = Ended(State::kFailed);
  Delete(id);
  Boot();
  EXPECT_TRUE(Exists(id));
  EXPECT_EQ(RestartNow(id), Code::kOk);
}

TEST_F(PurgeTest, WhoWatchesItLearnsOfIt) {
  const ExecutionId id = Ended();
  int told = 0;
  const auto watch = hub_->Watch(id, 0, [&] { ++told; });
  ASSERT_TRUE(watch);
  ASSERT_TRUE((*watch)->Next());
  EXPECT_EQ(DeletedNow(id), 1u);
  EXPECT_GT(told, 0);
  EXPECT_EQ((*watch)->Next().error().code, Code::kNotFound);
}

TEST_F(PurgeTest, ATimerOfOneThatIsGoneIsForgotten) {
  store::WriteBatch batch{.partition = 0, .epoch = core_->partition()->epoch()};
  batch.timers_set = {{ExecutionId("gone"), {model::TimerKind::kRetry, 0, 1}, now_.wall + std::chrono::seconds(1)}};
  store_.real->Commit(std::move(batch), {});
  Boot();
  now_.wall += std::chrono::seconds(2);
  Tick();
  CommitAll();
  EXPECT_TRUE(store_.Load(0)->timers.empty());
}

TEST_F(PurgeTest, AParentWhoseChildIsGoneFailsWhenItIsRestarted) {
  Apply(kParent);
  Join();
  Submit("", {}, "parent");
  CommitAll();
  FinishAll(State::kFailed);
  const ExecutionId parent = replies_.back()->id;
  ASSERT_EQ(StateOf(parent), State::kFailed);
  const auto children = store_.List({.parent = parent});
  ASSERT_EQ(children->records.size(), 1u);
  EXPECT_EQ(DeletedNow(wire::DecodeExecution(children->records[0])->id), 1u);
  EXPECT_EQ(RestartNow(parent), Code::kOk);
  CommitAll();
  EXPECT_EQ(StateOf(parent), State::kFailed);
}

TEST_F(PurgeTest, FilesAndLogsGoFirstAndWhatFailsCanBeRepeated) {
  const ExecutionId id = Ended();
  Join();
  Submit("");
  CommitAll();
  const ExecutionId running = replies_.back()->id;
  const auto logs = store::MakeMemoryLogStore();
  logs->Append({{id, {}, "", 0, {}, "INFO", "one"}, {id, {}, "", 0, {}, "INFO", "two"}, {running, {}, "", 0, {}, "INFO", "stays"}});
  std::vector<std::string> files;
  const ForgetFiles forget_files = [&](const std::string& ns, const std::string& flow_id, const ExecutionId& of) {
    files.push_back(ns + "/" + flow_id + "/" + of.str());
    return Result<std::uint64_t>(3);
  };
  bool broken = true;
  const PurgeParts parts{*store_.real, *logs, forget_files, [&](const std::vector<ExecutionId>& ids) -> Result<std::vector<ExecutionId>> {
                           if (broken) return Fail(Code::kUnavailable, "the scheduler is gone");
                           core_->Delete(ids, [this](Result<std::vector<ExecutionId>> gone) { deleted_ = std::move(gone); }, now_);
                           Tick();
                           CommitAll();
                           return *deleted_;
                         }};
  EXPECT_EQ(Purge(parts, {id}, true).error().code, Code::kUnavailable);
  EXPECT_TRUE(Exists(id));
  broken = false;
  logs->Append({{id, {}, "", 0, {}, "INFO", "three"}});
  const auto purged = Purge(parts, {id, running, ExecutionId("unknown")}, true);
  ASSERT_TRUE(purged) << purged.error().ToString();
  EXPECT_EQ(purged->executions, 1u);
  EXPECT_EQ(purged->logs, 1u);
  EXPECT_EQ(purged->files, 3u);
  EXPECT_EQ(purged->kept, std::vector{running});
  EXPECT_EQ(files, (std::vector<std::string>{"t/f/" + id.str(), "t/f/" + id.str()}));
  EXPECT_EQ(logs->Read({.execution = running})->rows.size(), 1u);
  EXPECT_FALSE(Exists(id));
}

}  // namespace
}  // namespace headrace::scheduler
