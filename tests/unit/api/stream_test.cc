// The streams through a real server and channel.
#include <condition_variable>
#include <future>
#include <set>
#include <thread>

#include "tests/unit/api/rig.h"

namespace headrace::api {
namespace {

using testing::LoopExecution;
using testing::LoopFlow;

class StreamTest : public testing::Rig {
 protected:
  using WatchReader = std::unique_ptr<grpc::ClientReader<v1::WatchExecutionResponse>>;
  using LogReader = std::unique_ptr<grpc::ClientReader<v1::FollowLogsResponse>>;

  WatchReader Watch(v1::WatchExecutionRequest request, const std::string& id = "e1") {
    request.set_id(id);
    return executions->WatchExecution(&context, request);
  }
  scheduler::WatchUpdate Delta(model::State state, std::uint64_t version) {
    scheduler::WatchUpdate update{false, nullptr, LoopExecution("e1")};
    update.task_runs.push_back(update.execution.task_runs[2]);
    update.execution.task_runs.clear();
    update.execution.version = version;
    update.execution.state.Enter(state, FromMicros(9'000'000));
    update.execution.closed = model::IsTerminal(state);
    return update;
  }

  grpc::ClientContext context;
};

TEST_F(StreamTest, AWatchBeginsWithTheWholeAndEndsWithTheExecution) {
  engine.Put({LoopFlow(), LoopExecution("e1")});
  v1::WatchExecutionRequest request;
  request.set_until_terminal(true);
  const WatchReader reader = Watch(request);
  v1::WatchExecutionResponse update;
  ASSERT_TRUE(reader->Read(&update));
  EXPECT_TRUE(update.snapshot());
  EXPECT_EQ(update.execution().task_runs_size(), 3);
  EXPECT_EQ(update.execution().task_runs(2).parent_task_run_id(), "run0");
  EXPECT_EQ(update.flow().tasks(0).id(), "poll");
  const auto subscription = engine.AwaitWatch(ExecutionId("e1"));
  subscription->Push(Delta(model::State::kRunning, 8));
  ASSERT_TRUE(reader->Read(&update));
  EXPECT_FALSE(update.snapshot());
  EXPECT_EQ(update.execution().cursor(), 8u);
  EXPECT_EQ(update.execution().task_runs(0).task_id(), "check");
  EXPECT_EQ(update.execution().task_runs(0).parent_task_run_id(), "run0");
  subscription->Push(Delta(model::State::kSuccess, 9));
  ASSERT_TRUE(reader->Read(&update));
  EXPECT_EQ(update.execution().state().current(), v1::STATE_SUCCESS);
  EXPECT_FALSE(reader->Read(&update));
  EXPECT_TRUE(reader->Finish().ok());
}

TEST_F(StreamTest, AWatchResumesBehindItsCursor) {
  engine.Put({LoopFlow(), LoopExecution("e1")});
  v1::WatchExecutionRequest request;
  request.set_cursor(7);
  request.set_until_terminal(true);
  const WatchReader reader = Watch(request);
  engine.AwaitWatch(ExecutionId("e1"))->Push(Delta(model::State::kFailed, 8));
  v1::WatchExecutionResponse update;
  ASSERT_TRUE(reader->Read(&update));
  EXPECT_FALSE(update.snapshot());
  EXPECT_EQ(update.execution().task_runs(0).parent_index(), 0u);
  EXPECT_EQ(engine.watched_after, std::vector<std::uint64_t>{7});
  EXPECT_FALSE(reader->Read(&update));
}

TEST_F(StreamTest, AWatchThatHasSeenTheEndIsOverAtOnce) {
  model::Execution ended = LoopExecution("e1");
  ended.state.Enter(model::State::kSuccess, FromMicros(9'000'000));
  ended.closed = true;
  engine.Put({LoopFlow(), ended});
  v1::WatchExecutionRequest request;
  request.set_cursor(ended.version);
  request.set_until_terminal(true);
  const WatchReader reader = Watch(request);
  v1::WatchExecutionResponse update;
  EXPECT_FALSE(reader->Read(&update));
  EXPECT_TRUE(reader->Finish().ok());
}

TEST_F(StreamTest, ALargeExecutionTravelsInParts) {
  model::Execution execution = LoopExecution("e1");
  for (model::TaskRun& run : execution.task_runs) run.outputs["text"] = std::string(1u << 20, 'x');
  engine.Put({LoopFlow(), execution});
  v1::WatchExecutionRequest request;
  request.set_snapshot_only(true);
  const WatchReader reader = Watch(request);
  v1::WatchExecutionResponse update;
  for (int part = 0; part < 3; ++part) {
    ASSERT_TRUE(reader->Read(&update));
    EXPECT_EQ(update.snapshot(), part == 0);
    EXPECT_EQ(update.more(), part < 2);
    EXPECT_EQ(update.execution().cursor(), part < 2 ? 0u : 7u);
    EXPECT_EQ(update.execution().task_runs(0).index(), static_cast<unsigned>(part));
  }
  EXPECT_FALSE(reader->Read(&update));
  EXPECT_TRUE(reader->Finish().ok());
}

TEST_F(StreamTest, AReaderThatDoesNotReadLeavesTheRestWithTheEngine) {
  engine.Put({LoopFlow(), LoopExecution("e1")});
  const WatchReader reader = Watch({});
  v1::WatchExecutionResponse update;
  ASSERT_TRUE(reader->Read(&update));
  const auto subscription = engine.AwaitWatch(ExecutionId("e1"));
  scheduler::WatchUpdate big = Delta(model::State::kRunning, 8);
  big.task_runs[0].outputs["text"] = std::string(1u << 20, 'x');
  constexpr int kUpdates = 64;
  for (int i = 0; i < kUpdates; ++i) subscription->Push(big);
  // What HTTP/2's windows take is far less than 64 MiB, so most updates stay where the engine bounds them.
  EXPECT_GT(subscription->waiting(), static_cast<std::size_t>(kUpdates / 2));
  for (int i = 0; i < kUpdates; ++i) ASSERT_TRUE(reader->Read(&update));
  EXPECT_EQ(subscription->waiting(), 0u);
  context.TryCancel();
}

TEST_F(StreamTest, ErrorsOfTheEngineEndTheStream) {
  v1::WatchExecutionResponse update;
  const WatchReader reader = Watch({}, "unknown");
  EXPECT_FALSE(reader->Read(&update));
  EXPECT_EQ(reader->Finish().error_code(), grpc::NOT_FOUND);
  engine.Put({LoopFlow(), LoopExecution("e1")});
  grpc::ClientContext second;
  v1::WatchExecutionRequest request;
  request.set_id("e1");
  const auto broken = executions->WatchExecution(&second, request);
  ASSERT_TRUE(broken->Read(&update));
  engine.AwaitWatch(ExecutionId("e1"))->Break(Error{Code::kDataLoss, "a record does not fit its flow"});
  EXPECT_FALSE(broken->Read(&update));
  EXPECT_EQ(broken->Finish().error_code(), grpc::DATA_LOSS);
}

TEST_F(StreamTest, LogsAreReadFromAnOffsetWithoutFollowing) {
  engine.Put({LoopFlow(), LoopExecution("e1")});
  for (int i = 0; i < 1200; ++i) engine.Log({ExecutionId("e1"), 2, "check", 1, FromMicros(i), "INFO", std::to_string(i)});
  v1::FollowLogsRequest request;
  request.set_execution_id("e1");
  request.set_after_offset(100);
  const LogReader reader = executions->FollowLogs(&context, request);
  v1::FollowLogsResponse page;
  std::vector<std::uint64_t> offsets;
  while (reader->Read(&page)) {
    for (const auto& entry : page.entries()) offsets.push_back(entry.offset());
  }
  EXPECT_TRUE(reader->Finish().ok());
  ASSERT_EQ(offsets.size(), 1100u);
  EXPECT_EQ(offsets.front(), 101u);
  EXPECT_EQ(offsets.back(), 1200u);
}

TEST_F(StreamTest, FollowingEndsAfterTheLastLineOfAnEndedExecution) {
  engine.Put({LoopFlow(), LoopExecution("e1")});
  v1::FollowLogsRequest request;
  request.set_execution_id("e1");
  request.set_follow(true);
  request.set_level_min(v1::LOG_LEVEL_WARN);
  const LogReader reader = executions->FollowLogs(&context, request);
  const auto state = engine.AwaitWatch(ExecutionId("e1"));
  engine.Log({ExecutionId("e1"), 2, "check", 1, FromMicros(1), "INFO", "not asked for"});
  engine.Log({ExecutionId("e1"), 2, "check", 1, FromMicros(2), "WARN", "bytes \xFF"});
  v1::FollowLogsResponse page;
  ASSERT_TRUE(reader->Read(&page));
  EXPECT_EQ(page.entries(0).message(), "bytes \xEF\xBF\xBD");
  EXPECT_EQ(page.entries(0).level(), v1::LOG_LEVEL_WARN);
  EXPECT_EQ(page.entries(0).task_run_index(), 2u);
  {
    // Written before the end, told after it: it must not be lost.
    std::lock_guard lock(engine.mutex);
    engine.logs.push_back({ExecutionId("e1"), {}, "", 0, FromMicros(3), "WARN", "last words"});
  }
  state->Push(Delta(model::State::kSuccess, 8));
  ASSERT_TRUE(reader->Read(&page));
  EXPECT_EQ(page.entries(0).message(), "last words");
  EXPECT_FALSE(reader->Read(&page));
  EXPECT_TRUE(reader->Finish().ok());
}

TEST_F(StreamTest, StreamedSubmissionsAreAllAnsweredByTheirNumber) {
  engine.submit = [](const scheduler::SubmitRequest& request, const scheduler::Engine::SubmitDone& done) {
    if (request.flow_id == "f7") done(NotFound("flow f7 does not exist"));
    else done(scheduler::SubmitReply{ExecutionId(request.flow_id)});
  };
  constexpr int kCount = 3000;  // about three windows
  const auto stream = executions->StreamSubmitExecutions(&context);
  std::thread writer([&] {
    for (int i = 0; i < kCount; ++i) {
      v1::StreamSubmitExecutionsRequest request;
      request.set_sequence(static_cast<std::uint64_t>(i));
      request.mutable_request()->set_namespace_("release");
      if (i != 3) request.mutable_request()->set_flow_id("f" + std::to_string(i));
      stream->Write(request);
    }
    stream->WritesDone();
  });
  std::set<std::uint64_t> seen;
  v1::StreamSubmitExecutionsResponse answer;
  while (stream->Read(&answer)) {
    seen.insert(answer.sequence());
    if (answer.sequence() == 3) EXPECT_EQ(answer.result().error().code(), grpc::INVALID_ARGUMENT);
    else if (answer.sequence() == 7) EXPECT_EQ(answer.result().error().code(), grpc::NOT_FOUND);
    else EXPECT_EQ(answer.result().submitted().id(), "f" + std::to_string(answer.sequence()));
  }
  writer.join();
  EXPECT_TRUE(stream->Finish().ok());
  EXPECT_EQ(seen.size(), static_cast<std::size_t>(kCount));
}

TEST_F(StreamTest, AFullWindowStopsReading) {
  std::mutex mutex;
  std::condition_variable more;
  std::vector<scheduler::Engine::SubmitDone> held;
  std::promise<void> full;
  engine.submit = [&](const scheduler::SubmitRequest&, scheduler::Engine::SubmitDone done) {
    std::lock_guard lock(mutex);
    held.push_back(std::move(done));
    more.notify_one();
    if (held.size() == 1024) full.set_value();
  };
  const auto stream = executions->StreamSubmitExecutions(&context);
  v1::StreamSubmitExecutionsRequest request;
  request.mutable_request()->set_namespace_("release");
  request.mutable_request()->set_flow_id("f");
  for (int i = 0; i < 1030; ++i) ASSERT_TRUE(stream->Write(request));
  full.get_future().wait();
  stream->WritesDone();
  {
    std::lock_guard lock(mutex);
    EXPECT_EQ(held.size(), 1024u);
  }
  v1::StreamSubmitExecutionsResponse answer;
  for (std::size_t i = 0; i < 1030; ++i) {
    // Each answer that was written makes room for one more.
    std::unique_lock lock(mutex);
    more.wait(lock, [&] { return i < held.size(); });
    const scheduler::Engine::SubmitDone done = held[i];
    lock.unlock();
    done(scheduler::SubmitReply{ExecutionId("e")});
    ASSERT_TRUE(stream->Read(&answer));
  }
  EXPECT_FALSE(stream->Read(&answer));
  EXPECT_TRUE(stream->Finish().ok());
}

TEST_F(StreamTest, TheEndOfTheServerEndsEveryStream) {
  engine.Put({LoopFlow(), LoopExecution("e1")});
  const WatchReader reader = Watch({});
  v1::WatchExecutionResponse update;
  ASSERT_TRUE(reader->Read(&update));
  grpc::ClientContext submitting;
  const auto submits = executions->StreamSubmitExecutions(&submitting);
  submits->Write({});
  v1::StreamSubmitExecutionsResponse refused;
  ASSERT_TRUE(submits->Read(&refused));
  std::thread stopper([&] { server->Shutdown(); });
  EXPECT_FALSE(reader->Read(&update));
  EXPECT_EQ(reader->Finish().error_code(), grpc::UNAVAILABLE);
  EXPECT_FALSE(submits->Read(&refused));
  EXPECT_EQ(submits->Finish().error_code(), grpc::UNAVAILABLE);
  stopper.join();
}

class OneStream : public testing::Rig {
 protected:
  OneStream() : Rig({.streams_max = 1}) {}
};

TEST_F(OneStream, MoreStreamsThanAllowedAreRefused) {
  engine.Put({LoopFlow(), LoopExecution("e1")});
  v1::WatchExecutionRequest request;
  request.set_id("e1");
  v1::WatchExecutionResponse update;
  grpc::ClientContext first;
  const auto open = executions->WatchExecution(&first, request);
  ASSERT_TRUE(open->Read(&update));
  grpc::ClientContext second;
  const auto refused = executions->WatchExecution(&second, request);
  EXPECT_FALSE(refused->Read(&update));
  EXPECT_EQ(refused->Finish().error_code(), grpc::RESOURCE_EXHAUSTED);
  first.TryCancel();
}

}  // namespace
}  // namespace headrace::api
