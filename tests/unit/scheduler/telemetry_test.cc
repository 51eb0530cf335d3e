// What a core tells of its work: queues, ends, states. Only of what is durable, and once.
#include "scheduler/telemetry.h"

#include "scheduler/peer_calls.h"
#include "scheduler/queue_book.h"
#include "tests/unit/scheduler/core_fixture.h"

namespace headrace::scheduler {
namespace {

using std::chrono::seconds;

class NotingTelemetry final : public Telemetry {
 public:
  void ExecutionEnded(const std::string& ns, const std::string& flow_id, model::State state, Duration took) override {
    Note(ns + "/" + flow_id + " " + std::string(model::StateName(state)), took);
  }
  void ExecutionClosed(const ExecutionId& id) override { closed.push_back(id); }
  std::string TraceParent(const model::Execution& execution, const model::TaskRun& run) override {
    return execution.id.str() + "/" + run.id.str() + "/" + std::to_string(run.attempt);
  }
  void TaskRunEnded(const std::string& type, model::State state, Duration took) override {
    Note(type + " " + std::string(model::StateName(state)), took);
  }
  void TaskBegun(const std::string& group, Duration waited) override { Note("begun '" + group + "'", waited); }
  void Passed(std::optional<Duration>, Duration) override {}
  void Messages(std::uint64_t, std::uint64_t) override {}
  void TriggerFired(Duration late) override { Note("fired", late); }

  std::vector<std::string> Take() { return std::exchange(notes_, {}); }
  std::vector<ExecutionId> closed{};

 private:
  void Note(const std::string& what, Duration took) {
    notes_.push_back(what + " " + std::to_string(std::chrono::duration_cast<seconds>(took).count()));
  }
  std::vector<std::string> notes_;
};

using Notes = std::vector<std::string>;

class TelemetryTest : public CoreTest {
 protected:
  TelemetryTest() {
    core_options_.telemetry = &telemetry_;
    Boot();
  }
  void Pass(seconds by) {
    now_.wall += by;
    now_.monotonic += by;
  }
  QueueView Queue(const std::string& group = "") {
    for (const QueueView& queue : core_->Sample(now_).queues) {
      if (queue.group == group) return queue;
    }
    return {};
  }
  std::uint64_t In(model::State state) { return core_->Sample(now_).executions[state]; }
  wire::TaskKey Given() {
    const auto assigned = Take<wire::Assign>();
    EXPECT_EQ(assigned.size(), 1U);
    return assigned.at(0).key;
  }

  NotingTelemetry telemetry_;
};

TEST_F(TelemetryTest, ATaskWaitsUntilAWorkerHasBegunIt) {
  Submit("a");
  EXPECT_EQ(Queue().waiting, 0U) << "not durable yet";
  CommitAll();
  Pass(seconds(5));
  EXPECT_EQ(Queue().waiting, 1U);
  EXPECT_EQ(Queue().oldest, seconds(5));
  Join();
  const wire::TaskKey key = Given();
  EXPECT_EQ(Queue().waiting, 1U) << "given, not begun";
  EXPECT_EQ(Queue().running, 1U);
  FromWorker(wire::AssignNack{.key = key});
  EXPECT_EQ(Queue().waiting, 1U) << "turned away, it still waits";
  EXPECT_EQ(Queue().running, 0U);
  FromWorker(wire::Credit{4, 2});
  Pass(seconds(2));
  FromWorker(wire::Started{.key = Given(), .at = now_.wall});
  EXPECT_EQ(Queue().waiting, 0U);
  EXPECT_EQ(Queue().oldest, seconds(0));
  EXPECT_EQ(Queue().running, 1U);
  EXPECT_EQ(telemetry_.Take(), Notes{"begun '' 7"});
}

TEST_F(TelemetryTest, EndsAreToldOnceAndWhenTheyAreDurable) {
  Join();
  Submit("a");
  CommitAll();
  EXPECT_EQ(In(model::State::kRunning), 1U);
  for (const int took : {3, 4}) {
    const wire::TaskKey key = Given();
    FromWorker(wire::Started{.key = key, .at = now_.wall});
    CommitAll();
    telemetry_.Take();
    const Timestamp started = now_.wall;
    Pass(seconds(took));
    FromWorker(wire::TaskResult{.key = key, .outputs_json = R"({"value":1})", .started = started, .ended = now_.wall});
    EXPECT_EQ(telemetry_.Take(), Notes{}) << "not durable yet";
    CommitAll();
    const Notes told = telemetry_.Take();
    ASSERT_FALSE(told.empty());
    EXPECT_EQ(told[0], "test.Task SUCCESS " + std::to_string(took));
    if (took == 4) {
      EXPECT_EQ(told, (Notes{"test.Task SUCCESS 4", "t/f SUCCESS 7"}));
    }
    FromWorker(wire::TaskResult{.key = key, .outputs_json = R"({"value":1})", .started = started, .ended = now_.wall});
    CommitAll();
    EXPECT_EQ(telemetry_.Take(), Notes{}) << "it came twice";
  }
  for (const auto& [state, count] : core_->Sample(now_).executions) EXPECT_EQ(count, 0U) << model::StateName(state);
}

TEST_F(TelemetryTest, WhoTracesGivesEachAttemptItsParentAndLearnsOfEveryEndOnce) {
  Join();
  Submit("a");
  CommitAll();
  const ExecutionId id = replies_.at(0)->id;
  for (int task = 0; task < 2; ++task) {
    const auto assigned = Take<wire::Assign>();
    ASSERT_EQ(assigned.size(), 1U);
    EXPECT_EQ(assigned[0].trace_parent, id.str() + "/" + assigned[0].task_run.str() + "/1");
    FromWorker(wire::TaskResult{.key = assigned[0].key, .outputs_json = R"({"value":1})", .started = now_.wall, .ended = now_.wall});
    EXPECT_TRUE(telemetry_.closed.empty()) << "not durable yet";
    CommitAll();
  }
  EXPECT_EQ(telemetry_.closed, std::vector<ExecutionId>{id});
}

TEST_F(TelemetryTest, AKillOfWhatWaitsEndsTheWaiting) {
  Submit("a");
  CommitAll();
  EXPECT_EQ(Queue().waiting, 1U);
  core_->Post(replies_.at(0)->id, model::KillRequested{"enough"}, [](const Status&) {}, now_);
  Tick();
  CommitAll();
  EXPECT_EQ(Queue().waiting, 0U);
  const Notes told = telemetry_.Take();
  EXPECT_EQ(told, (Notes{"test.Task KILLED 0", "t/f KILLED 0"})) << "nothing was begun";
}

TEST_F(TelemetryTest, ARestartCountsFromTheNextStateOn) {
  Join();
  Submit("a");
  CommitAll();
  const wire::TaskKey key = Given();
  FromWorker(wire::Started{.key = key, .at = now_.wall});
  CommitAll();
  Pass(seconds(1));
  Boot();
  EXPECT_EQ(In(model::State::kRunning), 0U) << "what it was before is not read";
  Join();
  telemetry_.Take();
  FromWorker(wire::TaskResult{.key = key, .outcome = model::State::kFailed, .started = now_.wall, .ended = now_.wall});
  CommitAll();
  EXPECT_EQ(telemetry_.Take(), (Notes{"test.Task FAILED 1", "t/f FAILED 1"}));
  EXPECT_EQ(core_->Sample(now_).partitions, 1U);
  EXPECT_EQ(core_->Sample(now_).owed, 0U);
}

wire::TaskKey Key(const std::string& execution) { return {ExecutionId(execution), {0, 1, 1}}; }

TEST(QueueBookTest, TheOldestIsKnownWhoeverLeaves) {
  QueueBook book;
  for (int i = 0; i < 5; ++i) book.Add(Key("e" + std::to_string(i)), i % 2 == 0 ? "even" : "odd", seconds(i));
  book.Add(Key("e0"), "odd", seconds(9));
  ASSERT_EQ(book.Queues(seconds(10)).size(), 2U);
  EXPECT_EQ(book.Queues(seconds(10))[0].oldest, seconds(10));
  EXPECT_EQ(book.Queues(seconds(10))[0].waiting, 3U);
  EXPECT_EQ(book.Remove(Key("e0"))->since, seconds(0));
  EXPECT_FALSE(book.Remove(Key("e0")).has_value());
  book.Remove(Key("e4"));
  EXPECT_EQ(book.Queues(seconds(10))[0].oldest, seconds(8));
  book.RemoveIf([](const wire::TaskKey& key) { return key.execution.str() != "e3"; });
  EXPECT_EQ(book.Queues(seconds(10))[0].waiting, 0U);
  EXPECT_EQ(book.Queues(seconds(10))[1].oldest, seconds(7));
}

TEST(QueueBookTest, QueuesOfOtherSchedulersAreAddedByGroup) {
  std::vector<QueueView> queues = {{.group = "a", .waiting = 1, .running = 2, .oldest = seconds(3)}};
  peer::AddQueues(Value(peer::FromQueues({{.group = "a", .waiting = 10, .running = 20, .oldest = seconds(1)}, {.group = "b", .oldest = seconds(4)}})),
                  queues);
  ASSERT_EQ(queues.size(), 2U);
  EXPECT_EQ(queues[0].waiting, 11U);
  EXPECT_EQ(queues[0].running, 22U);
  EXPECT_EQ(queues[0].oldest, seconds(3));
  EXPECT_EQ(queues[1].group, "b");
  EXPECT_EQ(queues[1].oldest, seconds(4));
  peer::AddQueues(Value("no object"), queues);
  peer::AddQueues(Value(Object{{"queues", Array{1, "x"}}}), queues);
  EXPECT_EQ(queues.size(), 2U);
}

}  // namespace
}  // namespace headrace::scheduler
