// One worker and several schedulers over real queues: it works for all, learns of more, and outlives each of them.
#include "worker/channel_set.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <iterator>
#include <list>
#include <map>
#include <thread>
#include <utility>

#include "common/queue/zmq_queue.h"
#include "worker/loop.h"

namespace headrace::worker {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

const std::string kShell = "io.kestra.plugin.scripts.shell.Commands";
const std::string kReturn = "io.kestra.plugin.core.debug.Return";

// A scheduler that a test plays, at an address of its own.
class Scheduler {
 public:
  explicit Scheduler(std::string name, const std::string& endpoint = "tcp://127.0.0.1:0") : name_(std::move(name)) {
    auto bound = queue::BindZmq(endpoint);
    if (!bound) ADD_FAILURE() << bound.error().message;
    else server_ = std::move(*bound);
  }
  std::string endpoint() const { return server_->endpoint(); }
  void Send(wire::ToWorker message) { EXPECT_TRUE(server_->Send(peer_, wire::EncodeToWorker({std::move(message)}))); }
  void Welcome(std::uint64_t session, std::vector<std::string> schedulers = {}, Duration lease = 60s) {
    Await<wire::Hello>();
    Send(wire::Welcome{.scheduler = name_, .session = session, .lease = lease, .heartbeat = lease / 3,
                       .log_credit_bytes = 1'000'000, .schedulers = std::move(schedulers)});
    Await<wire::Resync>();
  }
  void Assign(std::uint32_t n, const std::string& type, const std::string& properties) {
    Send(wire::Assign{.key = Key(n), .epoch = 1, .spec_id = n, .spec = wire::TaskSpec{.type = type, .task_id = "t", .properties_json = properties},
                      .context_json = "{}", .task_run = TaskRunId("R" + std::to_string(n)), .ns = "a", .flow_id = "f", .partition = n});
  }
  static wire::TaskKey Key(std::uint32_t n) { return {ExecutionId("EXEC"), {n, 1, 1}}; }

  // Answers what a living scheduler answers, until it has heard so many heartbeats.
  void Serve(int heartbeats, const std::vector<std::string>& schedulers, Duration lease) {
    for (std::uint64_t session = 100; heartbeats > 0; ++session) {
      for (wire::FromWorker& message : std::exchange(inbox_, {})) {
        if (std::holds_alternative<wire::Hello>(message)) {
          Send(wire::Welcome{.scheduler = name_, .session = session, .lease = lease, .heartbeat = lease / 3, .schedulers = schedulers});
        } else if (const auto* beat = std::get_if<wire::Heartbeat>(&message)) {
          --heartbeats;
          Send(wire::HeartbeatAck{.credit_seq = beat->credit_seq, .schedulers = schedulers});
        }
      }
      if (heartbeats > 0) Read();
    }
  }

  template <typename T>
  T Await() {
    const auto give_up = std::chrono::steady_clock::now() + 60s;
    while (std::chrono::steady_clock::now() < give_up) {
      for (auto at = inbox_.begin(); at != inbox_.end(); ++at) {
        if (T* body = std::get_if<T>(&*at)) {
          T found = std::move(*body);
          inbox_.erase(at);
          return found;
        }
      }
      Read();
    }
    ADD_FAILURE() << name_ << " did not hear what it waits for";
    return {};
  }

 private:
  void Read() {
    std::vector<queue::Frame> frames;
    server_->Receive(frames, 64, 1s);
    for (const queue::Frame& frame : frames) {
      peer_ = frame.peer;
      auto messages = wire::DecodeFromWorker(frame.bytes);
      if (!messages) ADD_FAILURE() << messages.error().message;
      else for (auto& message : *messages) inbox_.push_back(std::move(message));
    }
  }

  const std::string name_;
  std::unique_ptr<queue::ServerQueue> server_;
  std::string peer_;
  std::list<wire::FromWorker> inbox_;
};

class ChannelsTest : public testing::Test {
 protected:
  static void SetUpTestSuite() { supervisor = std::move(*Supervisor::Start()); }
  static void TearDownTestSuite() { supervisor.reset(); }
  ChannelsTest() : root(fs::temp_directory_path() / ("headrace-channels-" + std::to_string(getpid()))) {}
  ~ChannelsTest() override {
    End();
    fs::remove_all(root);
  }
  void End() {
    if (!thread.joinable()) return;
    loop->Abort();
    thread.join();
    loop.reset();
  }

  void Start(const std::vector<std::string>& endpoints, bool spool = false) {
    auto channels = ChannelSet::Open(endpoints, [](const std::string& at) { return queue::ConnectZmq(at); });
    ASSERT_TRUE(channels) << channels.error().message;
    WorkerOptions options{.id = WorkerId("w1"), .slots = 2, .tmp_dir = root, .spool = spool};
    options.environment = {{"PATH", getenv("PATH")}};
    auto opened = WorkerLoop::Open(std::move(options), registry, *supervisor, std::move(*channels), clock);
    ASSERT_TRUE(opened) << opened.error().message;
    loop = std::move(*opened);
    thread = std::thread([this] { ended = loop->Run(); });
  }

  static inline std::unique_ptr<Supervisor> supervisor;
  fs::path root;
  SystemClock clock;
  const Registry registry = BuiltInRegistry();
  std::unique_ptr<WorkerLoop> loop;
  std::thread thread;
  Status ended;
};

TEST_F(ChannelsTest, WorksForAllThatAreNamed) {
  Scheduler ada("ada"), bob("bob");
  Start({ada.endpoint(), bob.endpoint(), ada.endpoint()});
  ada.Welcome(1);
  bob.Welcome(1);
  for (std::uint32_t n = 1; n <= 50; ++n) {
    Scheduler& giver = n % 2 == 0 ? ada : bob;
    giver.Assign(n, n % 10 == 0 ? kShell : kReturn, n % 10 == 0 ? R"({"runner":"PROCESS","commands":["true"]})" : R"({"format":"x"})");
    const auto result = giver.Await<wire::TaskResult>();
    EXPECT_EQ(result.key, Scheduler::Key(n));
    EXPECT_EQ(result.outcome, model::State::kSuccess) << result.message;
    giver.Send(wire::ResultAck{.key = result.key});
  }
  loop->Stop();
  ada.Await<wire::Bye>();
  bob.Await<wire::Bye>();
  thread.join();
  EXPECT_TRUE(ended);
}

TEST_F(ChannelsTest, LearnsOfTheOthersAndATaskOutlivesItsScheduler) {
  auto ada = std::make_unique<Scheduler>("ada");
  Scheduler bob("bob");
  Start({ada->endpoint()});
  ada->Welcome(1, {ada->endpoint(), bob.endpoint()});
  bob.Welcome(1, {ada->endpoint(), bob.endpoint()});
  ada->Assign(1, kShell, R"({"runner":"PROCESS","commands":["while [ ! -e )" + root.string() + R"(/go ]; do sleep 0.02; done"]})");
  ada->Await<wire::Started>();
  ada.reset();
  // Its connection broke: the other one is asked at once, not after a lease.
  const auto resync = bob.Await<wire::Resync>();
  ASSERT_EQ(resync.running.size(), 1U);
  EXPECT_EQ(resync.running[0].key, Scheduler::Key(1));
  bob.Send(wire::HeartbeatAck{.renewed = {Scheduler::Key(1)}});
  fs::create_directories(root);
  std::filesystem::create_directory(root / "go");
  const auto result = bob.Await<wire::TaskResult>();
  EXPECT_EQ(result.key, Scheduler::Key(1));
  EXPECT_EQ(result.outcome, model::State::kSuccess) << result.message;
}

TEST_F(ChannelsTest, ASchedulerThatCameBackIsGreetedAtOnce) {
  auto ada = std::make_unique<Scheduler>("ada");
  Scheduler bob("bob");
  const std::string endpoint = ada->endpoint();
  Start({endpoint, bob.endpoint()});
  ada->Welcome(1);
  bob.Welcome(1);
  ada.reset();
  ada = std::make_unique<Scheduler>("ada", endpoint);
  ada->Welcome(1);
  ada->Assign(1, kReturn, R"({"format":"x"})");
  EXPECT_EQ(ada->Await<wire::TaskResult>().key, Scheduler::Key(1));
}

// A connection that a test makes come and go; it is never readable.
class FakeQueue final : public queue::ClientQueue {
 public:
  explicit FakeQueue(std::uint64_t& changes) : changes_(changes) {}
  Status Send(std::string) override { return {}; }
  void Receive(std::vector<std::string>&, std::size_t, Duration) override { told_ = changes_; }
  void Wake() override {}
  std::vector<int> PollFds() override { return {}; }
  bool connected() const override { return told_ % 2 == 1; }
  std::uint64_t changes() const override { return told_; }

 private:
  std::uint64_t& changes_;
  std::uint64_t told_ = 0;
};

// The look before the wait takes what would have ended it: the wait must not begin.
TEST_F(ChannelsTest, WhatTheLookBeforeAWaitHasTakenIsNotSleptOver) {
  std::uint64_t ada = 0, bob = 0;
  auto channels = ChannelSet::Open({"ada", "bob"}, [&](const std::string& at) -> Result<std::unique_ptr<queue::ClientQueue>> {
    return std::make_unique<FakeQueue>(at == "ada" ? ada : bob);
  });
  ASSERT_TRUE(channels);
  const auto comes_back = [&] {
    const auto begun = std::chrono::steady_clock::now();
    std::vector<ChannelSet::Arrival> frames;
    channels->Receive(frames, 10, 10s);
    return std::chrono::steady_clock::now() - begun < 5s;
  };
  const auto changes = [&] {
    std::vector<std::pair<LinkId, bool>> all;
    for (const auto& change : channels->TakeChanges()) all.emplace_back(change.link, change.connected);
    return all;
  };
  using Changes = std::vector<std::pair<LinkId, bool>>;
  ada = bob = 1;
  EXPECT_TRUE(comes_back());
  EXPECT_EQ(changes(), (Changes{{0, true}, {1, true}}));
  bob = 2;
  EXPECT_TRUE(comes_back());
  EXPECT_EQ(changes(), (Changes{{1, false}}));
  // Gone and back between two looks: a new connection, which has to be greeted.
  ada = 3;
  EXPECT_TRUE(comes_back());
  EXPECT_EQ(changes(), (Changes{{0, true}}));
  EXPECT_EQ(changes(), Changes{});
  channels->Wake();
  EXPECT_TRUE(comes_back());
}

TEST_F(ChannelsTest, WhoIsNotToldOfAnyMoreAndDoesNotAnswerIsLeft) {
  // A connection has threads of its own.
  const auto threads = [] { return std::distance(fs::directory_iterator("/proc/self/task"), fs::directory_iterator()); };
  Scheduler ada("ada");
  const Duration lease = 300ms;
  Start({ada.endpoint()});
  ada.Welcome(1, {}, lease);
  const auto alone = threads();
  auto bob = std::make_unique<Scheduler>("bob");
  ada.Serve(1, {ada.endpoint(), bob->endpoint()}, lease);
  bob->Welcome(1, {}, lease);
  bob.reset();
  ada.Serve(1, {ada.endpoint()}, lease);
  EXPECT_GT(threads(), alone);
  const auto give_up = std::chrono::steady_clock::now() + 60s;
  while (threads() > alone && std::chrono::steady_clock::now() < give_up) ada.Serve(1, {ada.endpoint()}, lease);
  EXPECT_EQ(threads(), alone);
}

// Killed between the end of a task and the ack of its result: the next process in its folder reports it, and nothing runs again.
TEST_F(ChannelsTest, AResultOutlivesItsWorker) {
  Scheduler ada("ada");
  Start({ada.endpoint()}, true);
  ada.Welcome(1);
  ada.Assign(1, kShell, R"({"runner":"PROCESS","commands":["echo ran >> )" + root.string() + R"(/ran"]})");
  const auto first = ada.Await<wire::TaskResult>();
  EXPECT_EQ(first.outcome, model::State::kSuccess) << first.message;
  End();  // no ack, no farewell
  Start({ada.endpoint()}, true);
  ada.Await<wire::Hello>();
  ada.Send(wire::Welcome{.scheduler = "ada", .session = 2, .lease = 60s, .heartbeat = 20s});
  EXPECT_EQ(ada.Await<wire::Resync>().unacked, std::vector<wire::TaskKey>{Scheduler::Key(1)});
  EXPECT_EQ(ada.Await<wire::TaskResult>(), first);
  ada.Send(wire::ResultAck{.key = Scheduler::Key(1)});
  loop->Stop();
  ada.Await<wire::Bye>();
  thread.join();
  loop.reset();
  EXPECT_EQ(fs::file_size(root / "ran"), 4U);
  Start({ada.endpoint()}, true);
  ada.Await<wire::Hello>();
  ada.Send(wire::Welcome{.scheduler = "ada", .session = 3, .lease = 60s, .heartbeat = 20s});
  EXPECT_TRUE(ada.Await<wire::Resync>().unacked.empty());
}

TEST_F(ChannelsTest, AnAddressThatCannotBeIsRefusedAndOneThatIsToldOfIsLeftOut) {
  const auto open = [](const std::string& at) { return queue::ConnectZmq(at); };
  const auto refused = ChannelSet::Open({"tcp://127.0.0.1:5570", "tcp://10.1.2.3:5570"}, open);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("10.1.2.3"), std::string::npos);
  auto channels = ChannelSet::Open({"tcp://localhost:5570"}, open);
  ASSERT_TRUE(channels);
  EXPECT_EQ(channels->Learn({"tcp://127.0.0.1:5570", "tcp://10.1.2.3:5570", "nonsense", "tcp://127.0.0.1:5571"}, 1s), std::vector<LinkId>{1});
  EXPECT_EQ(channels->NotToldSince(1s), std::vector<LinkId>());
  EXPECT_EQ(channels->NotToldSince(2s), std::vector<LinkId>{1});
}

}  // namespace
}  // namespace headrace::worker
