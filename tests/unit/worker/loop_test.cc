// A worker over the memory queue: a hand-made scheduler assigns, and everything comes back over real frames.
#include "worker/loop.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <list>
#include <set>
#include <thread>

#include "common/queue/memory_queue.h"

namespace headrace::worker {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

class LoopTest : public testing::Test {
 protected:
  static void SetUpTestSuite() { supervisor = std::move(*Supervisor::Start()); }
  static void TearDownTestSuite() { supervisor.reset(); }

  LoopTest() : root(fs::temp_directory_path() / ("headrace-loop-" + std::to_string(getpid()))) {}
  ~LoopTest() override {
    if (thread.joinable()) {
      loop->Abort();
      thread.join();
    }
    loop.reset();
    fs::remove_all(root);
  }

  void Start(WorkerOptions options) {
    options.id = WorkerId("w1");
    options.tmp_dir = root;
    options.environment = {{"PATH", getenv("PATH")}};
    server = exchange.MakeServer();
    auto opened = WorkerLoop::Open(std::move(options), registry, *supervisor, exchange.MakeClient(), clock);
    ASSERT_TRUE(opened) << opened.error().message;
    loop = std::move(*opened);
    thread = std::thread([this] { ended = loop->Run(); });
    Await<wire::Hello>();
    Send(wire::Welcome{.session = 1, .lease = 60s, .heartbeat = 20s, .log_credit_bytes = 1'000'000'000});
    Await<wire::Resync>();
  }
  void Send(wire::ToWorker message) { ASSERT_TRUE(server->Send(peer, wire::EncodeToWorker({std::move(message)}))); }

  // The next message of this kind; others are kept for later.
  template <typename T>
  T Await() {
    const auto give_up = std::chrono::steady_clock::now() + 60s;
    for (;;) {
      for (auto at = inbox.begin(); at != inbox.end(); ++at) {
        if (T* body = std::get_if<T>(&*at)) {
          T found = std::move(*body);
          inbox.erase(at);
          return found;
        }
      }
      if (std::chrono::steady_clock::now() > give_up) {
        ADD_FAILURE() << "the message did not come";
        return {};
      }
      std::vector<queue::Frame> frames;
      server->Receive(frames, 64, 1s);
      for (const queue::Frame& frame : frames) {
        peer = frame.peer;
        auto messages = wire::DecodeFromWorker(frame.bytes);
        EXPECT_TRUE(messages) << messages.error().message;
        for (auto& message : *messages) inbox.push_back(std::move(message));
      }
    }
  }
  wire::TaskKey Key(std::uint32_t n) { return {ExecutionId("EXEC"), {n, 1, 1}}; }
  void Assign(std::uint32_t n, const std::string& type, const std::string& properties, std::uint64_t spec_id = 0) {
    Send(wire::Assign{.key = Key(n), .epoch = 1, .spec_id = spec_id == 0 ? n + 1 : spec_id,
                      .spec = wire::TaskSpec{.type = type, .task_id = "t", .properties_json = properties},
                      .context_json = R"({"n":)" + std::to_string(n) + "}", .task_run = TaskRunId("R" + std::to_string(n)), .ns = "a", .flow_id = "f"});
  }
  wire::TaskResult Result() {
    auto result = Await<wire::TaskResult>();
    Send(wire::ResultAck{.key = result.key});
    return result;
  }

  static inline std::unique_ptr<Supervisor> supervisor;
  fs::path root;
  SystemClock clock;
  const Registry registry = BuiltInRegistry();
  queue::MemoryQueue exchange;
  std::unique_ptr<queue::ServerQueue> server;
  std::unique_ptr<WorkerLoop> loop;
  std::thread thread;
  Status ended;
  std::string peer;
  std::list<wire::FromWorker> inbox;
};

const std::string kShell = "io.kestra.plugin.scripts.shell.Commands";
const std::string kSleep = "io.kestra.plugin.core.flow.Sleep";

TEST_F(LoopTest, QuickTasksAndScriptsComeBack) {
  Start({.slots = 4});
  Assign(1, "io.kestra.plugin.core.debug.Return", R"({"format":"v{{ n }}"})");
  const auto quick = Result();
  EXPECT_EQ(quick.outputs_json, R"({"value":"v1"})");
  EXPECT_EQ(quick.outcome, model::State::kSuccess);
  EXPECT_LE(quick.started, quick.ended);
  Assign(2, kShell, R"({"runner":"PROCESS","commands":["echo hello {{ n }}"]})");
  EXPECT_EQ(Await<wire::Started>().key, Key(2));
  EXPECT_EQ(Result().outcome, model::State::kSuccess);
  bool heard = false;
  while (!heard)
    for (const auto& entry : Await<wire::Logs>().entries) heard = heard || entry.message == "hello 2";
  Assign(3, "no.such.Type", "{}");
  EXPECT_EQ(Result().outcome, model::State::kFailed);
}

TEST_F(LoopTest, TasksInsideOneJobComeBackWithIt) {
  Start({.slots = 1});
  wire::TaskSpec spec{.type = "io.kestra.plugin.core.flow.WorkingDirectory", .task_id = "together", .properties_json = "{}"};
  spec.children.push_back({.type = kShell, .task_id = "write", .properties_json = R"({"runner":"PROCESS","commands":["echo {{ n }} > a"]})"});
  spec.children.push_back({.type = kShell, .task_id = "read", .properties_json = R"({"runner":"PROCESS","commands":["grep 1 a"]})"});
  spec.children.push_back({.type = kSleep, .task_id = "skipped", .properties_json = "{}", .run_if = "false"});
  Send(wire::Assign{.key = Key(1), .epoch = 1, .spec_id = 2, .spec = spec, .context_json = R"({"n":1})", .task_run = TaskRunId("R1"),
                    .ns = "a", .flow_id = "f"});
  const auto result = Result();
  EXPECT_EQ(result.outcome, model::State::kSuccess) << result.message;
  ASSERT_EQ(result.nested.size(), 3u);
  EXPECT_EQ(result.nested[1].task_id, "read");
  EXPECT_EQ(result.nested[1].outputs_json, R"({"vars":{},"exitCode":0,"outputFiles":{}})");
  EXPECT_EQ(result.nested[2].outcome, model::State::kSkipped);
}

TEST_F(LoopTest, SleepHoldsNoThreadAndWakes) {
  Start({.slots = 8});
  for (std::uint32_t n = 0; n < 8; ++n) Assign(n, kSleep, R"({"duration":"PT0.02S"})");
  std::set<std::uint32_t> woken;
  for (int i = 0; i < 8; ++i) woken.insert(Result().key.fence.task_run);
  EXPECT_EQ(woken.size(), 8u);
}

TEST_F(LoopTest, CancelEndsScriptsSleepersAndThoseThatWaitForASlot) {
  Start({.slots = 1, .prefetch = 3});
  Assign(1, kShell, R"({"runner":"PROCESS","commands":["sleep 1000"]})");
  Await<wire::Started>();
  Assign(2, kShell, R"({"runner":"PROCESS","commands":["sleep 1000"]})");
  Assign(3, kSleep, R"({"duration":"PT1H"})");
  Await<wire::Started>();
  for (const std::uint32_t n : {2u, 3u, 1u}) {
    Send(wire::Cancel{.key = Key(n), .grace = 1s, .reason = "killed by ada"});
    EXPECT_EQ(Await<wire::CancelAck>().key, Key(n));
    const auto result = Result();
    EXPECT_EQ(result.key, Key(n));
    EXPECT_EQ(result.outcome, model::State::kKilled);
    EXPECT_EQ(result.message, "killed by ada");
  }
}

TEST_F(LoopTest, NewerDeliveryKillsTheOlderSilently) {
  Start({.slots = 2});
  Assign(1, kShell, R"({"runner":"PROCESS","commands":["sleep 1000"]})");
  Await<wire::Started>();
  wire::Assign newer{.key = Key(1), .epoch = 1, .spec_id = 9,
                     .spec = wire::TaskSpec{.type = "io.kestra.plugin.core.debug.Return", .task_id = "t"}};
  newer.key.fence.delivery = 2;
  Send(newer);
  const auto result = Result();
  EXPECT_EQ(result.key.fence.delivery, 2u);
  // Both slots are free again: the older one has really ended.
  while (Await<wire::Credit>().free_slots != 2) {}
  for (const auto& message : inbox) EXPECT_FALSE(std::holds_alternative<wire::TaskResult>(message));
}

TEST_F(LoopTest, StopDrains) {
  Start({.slots = 2});
  Assign(1, kSleep, R"({"duration":"PT0.05S"})");
  Await<wire::Started>();
  loop->Stop();
  Await<wire::Draining>();
  EXPECT_EQ(Result().outcome, model::State::kSuccess);
  Await<wire::Bye>();
  thread.join();
  EXPECT_TRUE(ended);
}

TEST_F(LoopTest, DrainThatTakesTooLongEndsWhatRuns) {
  Start({.slots = 2, .drain_timeout = 20ms});
  Assign(1, kShell, R"({"runner":"PROCESS","commands":["sleep 1000"]})");
  Await<wire::Started>();
  loop->Stop();
  Await<wire::Bye>();
  thread.join();
  EXPECT_TRUE(ended);
  for (const auto& message : inbox) EXPECT_FALSE(std::holds_alternative<wire::TaskResult>(message));
}

TEST_F(LoopTest, RefusedForGoodEndsRunWithTheReason) {
  Start({.slots = 2});
  Send(wire::Refused{.reason = "speak version 9", .permanent = true});
  thread.join();
  ASSERT_FALSE(ended);
  EXPECT_NE(ended.error().message.find("speak version 9"), std::string::npos);
}

TEST_F(LoopTest, BrokenFramesAreDropped) {
  Start({.slots = 2});
  ASSERT_TRUE(server->Send(peer, "not a frame"));
  Assign(1, "io.kestra.plugin.core.debug.Return", "{}");
  EXPECT_EQ(Result().outcome, model::State::kSuccess);
}

TEST_F(LoopTest, FloodOfLogsReachesTheSchedulerAndTheEndComesLast) {
  Start({.slots = 2});
  Assign(1, kShell, R"({"runner":"PROCESS","commands":["seq 1 200000"]})");
  const auto result = Result();
  EXPECT_EQ(result.outcome, model::State::kSuccess);
  std::uint64_t next = 0;
  std::string last;
  std::uint64_t lines = 0;
  for (const auto& message : inbox) {
    const auto* logs = std::get_if<wire::Logs>(&message);
    if (logs == nullptr) continue;
    EXPECT_EQ(logs->seq, next);
    next += logs->entries.size();
    for (const auto& entry : logs->entries) {
      if (entry.level != "INFO") continue;
      last = entry.message;
      ++lines;
    }
  }
  EXPECT_EQ(last, "200000");
  EXPECT_GT(lines, 1000u);
}

TEST_F(LoopTest, ThousandsOfQuickTasks) {
  Start({.slots = 1000});
  constexpr std::uint32_t kTasks = 20'000;
  std::uint32_t next = 0;
  std::set<std::uint32_t> done;
  std::vector<wire::ToWorker> batch;
  const auto assign = [&] {
    wire::Assign message{.key = Key(next), .epoch = 1, .spec_id = 1, .context_json = R"({"n":)" + std::to_string(next) + "}"};
    if (next == 0) message.spec = wire::TaskSpec{.type = "io.kestra.plugin.core.debug.Return", .task_id = "t", .properties_json = R"({"format":"{{ n }}"})"};
    batch.push_back(std::move(message));
    ++next;
  };
  while (next < 1000) assign();
  while (done.size() < kTasks) {
    if (!batch.empty()) {
      ASSERT_TRUE(server->Send(peer, wire::EncodeToWorker(batch)));
    }
    batch.clear();
    std::vector<queue::Frame> frames;
    server->Receive(frames, 64, 10s);
    ASSERT_FALSE(frames.empty());
    for (const queue::Frame& frame : frames) {
      auto messages = wire::DecodeFromWorker(frame.bytes);
      ASSERT_TRUE(messages);
      for (auto& message : *messages) {
        EXPECT_FALSE(std::holds_alternative<wire::AssignNack>(message));
        auto* result = std::get_if<wire::TaskResult>(&message);
        if (result == nullptr) continue;
        EXPECT_TRUE(done.insert(result->key.fence.task_run).second);
        EXPECT_EQ(result->outputs_json, R"({"value":")" + std::to_string(result->key.fence.task_run) + "\"}");
        batch.push_back(wire::ResultAck{.key = result->key});
        if (next < kTasks) assign();
      }
    }
  }
}

}  // namespace
}  // namespace headrace::worker
