// Concurrency limits, what people ask of executions, retries as new executions, questions of steering expressions.
#include "tests/unit/scheduler/core_fixture.h"

namespace headrace::scheduler {
namespace {

using model::State;

constexpr const char* kLimited = R"(
id: limited
namespace: t
concurrency: {limit: 2, behavior: QUEUE}
tasks:
  - {id: one, type: test.Task}
)";

class OperationsTest : public CoreTest {
 protected:
  // Ends what is assigned; how many that were.
  std::size_t FinishAssigned(State outcome = State::kSuccess) {
    const auto assigned = Take<wire::Assign>();
    for (const wire::Assign& assign : assigned) FromWorker(wire::TaskResult{.key = assign.key, .outcome = outcome});
    CommitAll();
    return assigned.size();
  }
  std::size_t CountIn(State state) {
    std::size_t count = 0;
    for (const auto& reply : replies_) count += StateOf(reply->id) == state ? 1 : 0;
    return count;
  }
  model::Execution Read(const ExecutionId& id) {
    const auto stored = store_.Read(id);
    EXPECT_TRUE(stored);
    auto execution = wire::DecodeExecution(stored->record);
    for (const std::string& record : stored->task_runs) execution->task_runs.push_back(*wire::DecodeTaskRun(record));
    return *execution;
  }
  std::function<void(Status)> Into(Status& status) {
    return [&status](Status answer) { status = std::move(answer); };
  }
};

TEST_F(OperationsTest, ABurstNeverExceedsTheLimitAndNobodyIsForgotten) {
  Apply(kLimited);
  Join();
  constexpr std::size_t kBurst = 9;
  for (std::size_t i = 0; i < kBurst; ++i) Submit("", {}, "limited");
  CommitAll();
  EXPECT_EQ(CountIn(State::kRunning), 2u);
  EXPECT_EQ(CountIn(State::kQueued), kBurst - 2);
  std::size_t done = 0;
  while (done < kBurst) {
    const std::size_t ended = FinishAssigned();
    ASSERT_GT(ended, 0u) << "after " << done;
    ASSERT_LE(ended, 2u);
    done += ended;
    EXPECT_LE(CountIn(State::kRunning), 2u);
  }
  EXPECT_EQ(CountIn(State::kSuccess), kBurst);
}

TEST_F(OperationsTest, TheQueueIsInOrderAndOutlivesTheProcess) {
  Apply(kLimited);
  for (int i = 0; i < 4; ++i) {
    now_.wall += std::chrono::seconds(1);
    Submit("", {}, "limited");
  }
  CommitAll();
  Boot();
  Join();
  now_.monotonic += std::chrono::seconds(13);  // nobody claims what ran before
  Join();
  CommitAll();
  EXPECT_EQ(FinishAssigned(), 2u);
  EXPECT_EQ(StateOf(replies_[2]->id), State::kRunning);
  EXPECT_EQ(StateOf(replies_[3]->id), State::kRunning);
}

TEST_F(OperationsTest, AKilledExecutionGivesItsPlaceInTheQueueUp) {
  Apply(kLimited);
  for (int i = 0; i < 4; ++i) Submit("", {}, "limited");
  CommitAll();
  Status status;
  core_->Post(replies_[2]->id, model::KillRequested{}, Into(status), now_);
  core_->Post(replies_[0]->id, model::KillRequested{}, Into(status), now_);
  Tick();
  CommitAll();
  EXPECT_EQ(StateOf(replies_[2]->id), State::kKilled);
  EXPECT_EQ(StateOf(replies_[3]->id), State::kRunning);
}

TEST_F(OperationsTest, ALimitMayTurnExecutionsAway) {
  Apply("id: one\nnamespace: t\nconcurrency: {limit: 1, behavior: CANCEL}\ntasks:\n  - {id: a, type: test.Task}\n");
  Submit("", {}, "one");
  Submit("", {}, "one");
  CommitAll();
  EXPECT_EQ(StateOf(replies_[1]->id), State::kCancelled);
  Join();
  EXPECT_EQ(FinishAssigned(), 1u);
  Submit("", {}, "one");
  CommitAll();
  EXPECT_EQ(StateOf(replies_[2]->id), State::kRunning);
}

TEST_F(OperationsTest, ARestartOfAQueuedExecutionLeavesItOnePlaceInTheQueue) {
  Apply(kLimited);
  for (int i = 0; i < 3; ++i) Submit("", {}, "limited");
  CommitAll();
  now_.wall += std::chrono::seconds(1);
  Status status;
  core_->Restart(replies_[2]->id, Into(status), now_);
  Tick();
  CommitAll();
  EXPECT_EQ(StateOf(replies_[2]->id), State::kQueued);
  Join();
  std::size_t done = 0;
  while (done < 3) {
    const std::size_t ended = FinishAssigned();
    ASSERT_GT(ended, 0u) << "after " << done;
    done += ended;
  }
  EXPECT_EQ(CountIn(State::kSuccess), 3u);
}

TEST_F(OperationsTest, APauseOfAValueWithADurationIsResumedByAPerson) {
  Apply(R"(
id: each
namespace: t
tasks:
  - id: values
    type: io.kestra.plugin.core.flow.ForEach
    values: [x]
    tasks:
      - {id: wait, type: io.kestra.plugin.core.flow.Pause, pauseDuration: PT1H}
)");
  Submit("", {}, "each");
  CommitAll();
  EXPECT_EQ(StateOf(replies_[0]->id), State::kPaused);
  Status status = Fail(Code::kUnknown, "no answer");
  core_->Resume(replies_[0]->id, {}, Into(status), now_);
  Tick();
  CommitAll();
  EXPECT_TRUE(status) << status.error().message;
  EXPECT_EQ(StateOf(replies_[0]->id), State::kSuccess);
}

TEST_F(OperationsTest, AQueuedExecutionCanBeForced) {
  Apply(kLimited);
  for (int i = 0; i < 3; ++i) Submit("", {}, "limited");
  CommitAll();
  Status status = Fail(Code::kUnknown, "no answer");
  core_->Unqueue(replies_[2]->id, model::Admission::kRun, Into(status), now_);
  Tick();
  CommitAll();
  EXPECT_TRUE(status);
  EXPECT_EQ(CountIn(State::kRunning), 3u);
  core_->Unqueue(replies_[2]->id, model::Admission::kRun, Into(status), now_);
  EXPECT_EQ(status.error().code, Code::kFailedPrecondition);
}

TEST_F(OperationsTest, ARestartWaitsForASlotToo) {
  Apply(kLimited);
  Join();
  for (int i = 0; i < 3; ++i) Submit("", {}, "limited");
  CommitAll();
  EXPECT_EQ(FinishAssigned(State::kFailed), 2u);
  Submit("", {}, "limited");
  CommitAll();
  EXPECT_EQ(CountIn(State::kRunning), 2u);
  Status status;
  core_->Restart(replies_[0]->id, Into(status), now_);
  Tick();
  CommitAll();
  EXPECT_TRUE(status);
  EXPECT_EQ(StateOf(replies_[0]->id), State::kQueued);
  EXPECT_EQ(FinishAssigned(), 2u);
  EXPECT_EQ(StateOf(replies_[0]->id), State::kRunning);
}

TEST_F(OperationsTest, APauseIsResumedWithItsInputs) {
  Apply(R"(
id: approve
namespace: t
tasks:
  - id: p
    type: io.kestra.plugin.core.flow.Pause
    onResume:
      - {id: ok, type: BOOLEAN}
)");
  Submit("", {}, "approve");
  CommitAll();
  const ExecutionId id = replies_[0]->id;
  EXPECT_EQ(StateOf(id), State::kPaused);
  Status status;
  core_->Resume(id, {}, Into(status), now_);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().violations.at(0).field, "inputs.ok");
  core_->Resume(id, {.inputs = {{"ok", "true"}}, .by = "alice"}, Into(status), now_);
  Tick();
  CommitAll();
  EXPECT_TRUE(status);
  EXPECT_EQ(StateOf(id), State::kSuccess);
  EXPECT_EQ(ToJson(Read(id).task_runs[0].outputs.at("onResume")), "{\"ok\":true}");
  core_->Resume(id, {}, Into(status), now_);
  EXPECT_EQ(status.error().code, Code::kFailedPrecondition);
}

TEST_F(OperationsTest, AReplayIsANewExecutionFromTheChosenTask) {
  Join();
  Submit("", {{"who", "me"}});
  CommitAll();
  FinishAssigned();
  FinishAssigned();
  const ExecutionId id = replies_[0]->id;
  ASSERT_EQ(StateOf(id), State::kSuccess);
  Result<SubmitReply> reply = Fail(Code::kUnknown, "no answer");
  core_->Replay(id, {.task_run = Read(id).task_runs[1].id}, [&](Result<SubmitReply> answer) { reply = std::move(answer); },
                now_);
  Tick();
  CommitAll();
  ASSERT_TRUE(reply) << reply.error().message;
  const model::Execution replayed = Read(reply->id);
  EXPECT_EQ(replayed.original_id, id);
  EXPECT_EQ(ToText(replayed.inputs.at("who")), "me");
  EXPECT_EQ(replayed.task_runs[0].state.current(), State::kSuccess);
}

TEST_F(OperationsTest, ARetryAsANewExecutionTakesTheOldOnesPlaceAtItsParent) {
  Apply(R"(
id: child
namespace: t
retry: {type: constant, interval: PT1S, maxAttempts: 2, behavior: CREATE_NEW_EXECUTION}
tasks:
  - {id: one, type: test.Task}
)");
  Apply(R"(
id: parent
namespace: t
tasks:
  - {id: call, type: io.kestra.plugin.core.flow.Subflow, namespace: t, flowId: child}
)");
  Join();
  Submit("", {}, "parent");
  CommitAll();
  const ExecutionId parent = replies_[0]->id;
  const std::string first = ToText(Read(parent).task_runs[0].outputs.at("executionId"));
  EXPECT_EQ(FinishAssigned(State::kFailed), 1u);
  now_.wall += std::chrono::seconds(2);
  Tick();
  CommitAll();
  EXPECT_EQ(StateOf(ExecutionId(first)), State::kRetried);
  const std::string second = ToText(Read(parent).task_runs[0].outputs.at("executionId"));
  EXPECT_NE(second, first);
  EXPECT_EQ(Read(ExecutionId(second)).attempt_number, 2);
  EXPECT_EQ(FinishAssigned(), 1u);
  EXPECT_EQ(StateOf(parent), State::kSuccess);
}

TEST_F(OperationsTest, QuestionsOfConditionsAreAnswered) {
  core_options_.answerer = [](const executor::LiveExecution&, const model::Event&, const model::Lookup& lookup) {
    return model::Answer{Value(lookup.key() == "kv[\"go\"]{}"), {}};
  };
  Boot();
  Apply(R"(
id: ask
namespace: t
tasks:
  - id: if
    type: io.kestra.plugin.core.flow.If
    condition: "{{ kv('go') }}"
    then:
      - {id: went, type: test.Task}
)");
  Join();
  Submit("", {}, "ask");
  CommitAll();
  EXPECT_EQ(FinishAssigned(), 1u);
  EXPECT_EQ(StateOf(replies_[0]->id), State::kSuccess);
}

TEST_F(OperationsTest, ACheckMayBlockOrFail) {
  Apply(R"(
id: checked
namespace: t
inputs:
  - {id: n, type: INT}
checks:
  - {condition: "{{ inputs.n < 10 }}", message: too large}
  - {condition: "{{ inputs.n > 0 }}", message: too small, behavior: FAIL_EXECUTION}
tasks:
  - {id: one, type: test.Task}
)");
  const auto blocked = PrepareSubmission(*registry_, {.ns = "t", .flow_id = "checked", .inputs = {{"n", 11}}}, now_.wall, random_);
  ASSERT_FALSE(blocked);
  EXPECT_EQ(blocked.error().message, "too large");
  Submit("", {{"n", 0}}, "checked");
  CommitAll();
  EXPECT_EQ(StateOf(replies_[0]->id), State::kFailed);
}

}  // namespace
}  // namespace headrace::scheduler
