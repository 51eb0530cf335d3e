// One contract, every kind of queue.
#include <gtest/gtest.h>

#include <poll.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <thread>

#include "common/queue/memory_queue.h"
#include "common/queue/zmq_queue.h"

namespace headrace::queue {
namespace {

constexpr Duration kBriefly = std::chrono::milliseconds(20);
constexpr Duration kLong = std::chrono::seconds(60);
// A connection comes and goes in its own time; a test that waits longer than this has found a fault.
constexpr int kTriesMax = 1'500;

enum class Kind { kMemory, kZmq, kCurve };

// Of one scheduler, and of all its workers.
struct Keys {
  Keys() {
    std::ofstream(path) << worker.public_key << " workers\n";
    authorized = *AuthorizedKeys::Open(path);
  }
  ~Keys() { std::filesystem::remove(path); }
  const std::string path = (std::filesystem::temp_directory_path() / ("headrace-queue-" + std::to_string(getpid()))).string();
  KeyPair scheduler = *MakeKeyPair();
  KeyPair worker = *MakeKeyPair();
  std::shared_ptr<AuthorizedKeys> authorized;
};

class QueueContract : public testing::TestWithParam<Kind> {
 protected:
  QueueContract() { StartServer(); }

  void StartServer() {
    if (GetParam() == Kind::kMemory) {
      server_ = memory_.MakeServer();
      return;
    }
    ZmqOptions options;
    if (GetParam() == Kind::kCurve) options.server_keys = ServerKeys{keys_.scheduler, keys_.authorized};
    auto bound = BindZmq(endpoint_, options);
    if (!bound) {
      ADD_FAILURE() << bound.error().ToString();
      std::abort();
    }
    server_ = std::move(*bound);
    endpoint_ = server_->endpoint();
  }
  std::unique_ptr<ClientQueue> Client() {
    if (GetParam() == Kind::kMemory) return memory_.MakeClient();
    ZmqOptions options;
    if (GetParam() == Kind::kCurve) options.client_keys = ClientKeys{keys_.worker, keys_.scheduler.public_key};
    return std::move(*ConnectZmq(endpoint_, options));
  }

  // Until the connection stands, a frame is refused, not lost.
  static void SendSoon(ClientQueue& client, const std::string& bytes) {
    for (int tries = 0; tries < kTriesMax; ++tries) {
      const Status status = client.Send(bytes);
      if (status) return;
      ASSERT_EQ(status.error().code, Code::kUnavailable);
      Poll(client);
    }
    FAIL() << "no connection";
  }
  // Lets time pass without a busy loop; frames that come are kept.
  static void Poll(ClientQueue& client) {
    std::vector<std::string> none;
    client.Receive(none, 0, kBriefly);
  }
  Frame ServerReceives() {
    std::vector<Frame> frames;
    for (int tries = 0; tries < kTriesMax && frames.empty(); ++tries) server_->Receive(frames, 1, kBriefly);
    EXPECT_EQ(frames.size(), 1U);
    return frames.empty() ? Frame{} : frames.front();
  }
  static std::string ClientReceives(ClientQueue& client) {
    std::vector<std::string> frames;
    for (int tries = 0; tries < kTriesMax && frames.empty(); ++tries) client.Receive(frames, 1, kBriefly);
    EXPECT_EQ(frames.size(), 1U);
    return frames.empty() ? "" : frames.front();
  }
  // The peer name of a client that has said one frame.
  std::string Greet(ClientQueue& client) {
    SendSoon(client, "hello");
    return ServerReceives().peer;
  }

  Keys keys_{};
  MemoryQueue memory_;
  std::string endpoint_ = "tcp://127.0.0.1:0";
  std::unique_ptr<ServerQueue> server_;
};

TEST_P(QueueContract, FramesGoThereAndBack) {
  const auto client = Client();
  SendSoon(*client, std::string("a\0b", 3));
  const Frame frame = ServerReceives();
  EXPECT_EQ(frame.bytes, std::string("a\0b", 3));
  EXPECT_FALSE(frame.peer.empty());
  ASSERT_TRUE(server_->Send(frame.peer, "answer"));
  EXPECT_EQ(ClientReceives(*client), "answer");
}

// Who waits on several clients polls their descriptors.
TEST_P(QueueContract, SeveralAreWaitedForAtOnce) {
  const auto one = Client();
  const auto two = Client();
  const auto poll_all = [&](int millis) {
    std::vector<pollfd> all;
    for (const auto& client : {one.get(), two.get()})
      for (const int fd : client->PollFds()) all.push_back({.fd = fd, .events = POLLIN, .revents = 0});
    return poll(all.data(), all.size(), millis) > 0;
  };
  const auto take = [](ClientQueue& client) {
    std::vector<std::string> frames;
    client.Receive(frames, 10, Duration::zero());
    return frames;
  };
  // What it had to do is done after a few rounds: then there is nothing to wake up for.
  const auto settles = [&] {
    for (int tries = 0; tries < kTriesMax; ++tries) {
      take(*one);
      take(*two);
      if (!poll_all(1)) return true;
    }
    return false;
  };
  Greet(*one);
  const std::string peer = Greet(*two);
  EXPECT_TRUE(settles());
  for (int round = 0; round < 20; ++round) {
    ASSERT_TRUE(server_->Send(peer, "answer"));
    std::vector<std::string> frames;
    while (frames.empty()) {
      ASSERT_TRUE(poll_all(60'000));
      EXPECT_TRUE(take(*one).empty());
      frames = take(*two);
    }
    EXPECT_EQ(frames, std::vector<std::string>{"answer"});
  }
  EXPECT_TRUE(settles());
  std::thread waker([&] { one->Wake(); });
  EXPECT_TRUE(poll_all(60'000));
  waker.join();
  EXPECT_TRUE(settles());
}

TEST_P(QueueContract, AClientKnowsWhetherItIsConnected) {
  const auto client = Client();
  Greet(*client);
  for (int tries = 0; tries < kTriesMax && !client->connected(); ++tries) Poll(*client);
  EXPECT_TRUE(client->connected());
  if (GetParam() == Kind::kMemory) return;  // always
  server_.reset();
  for (int tries = 0; tries < kTriesMax && client->connected(); ++tries) Poll(*client);
  EXPECT_FALSE(client->connected());
  StartServer();
  for (int tries = 0; tries < kTriesMax && !client->connected(); ++tries) Poll(*client);
  EXPECT_TRUE(client->connected());
}

// A refused frame is tried again when Receive comes back: it must not wait for a change that the refusal has seen.
TEST_P(QueueContract, AChangeThatSendHasSeenEndsTheNextWait) {
  if (GetParam() == Kind::kMemory) return;  // always connected
  const auto client = Client();
  Greet(*client);
  Poll(*client);
  const std::uint64_t changes = client->changes();
  server_.reset();
  // Other than Receive, Send takes no notice of time.
  for (int tries = 0; tries < kTriesMax && client->connected(); ++tries) {
    (void)client->Send("lost");
    std::this_thread::sleep_for(kBriefly);
  }
  ASSERT_FALSE(client->connected());
  EXPECT_EQ(client->changes(), changes + 1);
  const auto begun = std::chrono::steady_clock::now();
  std::vector<std::string> frames;
  client->Receive(frames, 1, std::chrono::seconds(20));
  EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(10));
}

TEST_P(QueueContract, AnEmptyFrameIsAFrame) {
  const auto client = Client();
  SendSoon(*client, "");
  EXPECT_EQ(ServerReceives().bytes, "");
}

TEST_P(QueueContract, OrderIsKeptPerPeer) {
  const auto one = Client();
  const auto two = Client();
  const std::string peer_one = Greet(*one);
  const std::string peer_two = Greet(*two);
  EXPECT_NE(peer_one, peer_two);
  constexpr int kFrames = 1'000;
  for (int i = 0; i < kFrames; ++i) {
    ASSERT_TRUE(one->Send("1:" + std::to_string(i)));
    ASSERT_TRUE(two->Send("2:" + std::to_string(i)));
    ASSERT_TRUE(server_->Send(peer_one, std::to_string(i)));
    ASSERT_TRUE(server_->Send(peer_two, std::to_string(-i)));
  }
  int from_one = 0;
  int from_two = 0;
  while (from_one < kFrames || from_two < kFrames) {
    const Frame frame = ServerReceives();
    if (frame.peer == peer_one) ASSERT_EQ(frame.bytes, "1:" + std::to_string(from_one++));
    else ASSERT_EQ(frame.bytes, "2:" + std::to_string(from_two++));
  }
  for (int i = 0; i < kFrames; ++i) {
    ASSERT_EQ(ClientReceives(*one), std::to_string(i));
    ASSERT_EQ(ClientReceives(*two), std::to_string(-i));
  }
}

TEST_P(QueueContract, ReceiveTakesAtMostWhatWasAskedAndAppends) {
  const auto client = Client();
  Greet(*client);
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(client->Send(std::to_string(i)));
  std::vector<Frame> frames(1);
  while (frames.size() < 11) {
    const std::size_t before = frames.size();
    server_->Receive(frames, std::min<std::size_t>(4, 11 - before), kBriefly);
    ASSERT_LE(frames.size(), before + 4);
  }
  for (int i = 0; i < 10; ++i) EXPECT_EQ(frames[static_cast<std::size_t>(i) + 1].bytes, std::to_string(i));
}

TEST_P(QueueContract, WithoutFramesReceiveComesBackEmpty) {
  const auto client = Client();
  std::vector<Frame> frames;
  server_->Receive(frames, 10, Duration::zero());
  server_->Receive(frames, 10, std::chrono::milliseconds(1));
  EXPECT_TRUE(frames.empty());
  std::vector<std::string> texts;
  client->Receive(texts, 10, Duration::zero());
  client->Receive(texts, 10, std::chrono::milliseconds(1));
  EXPECT_TRUE(texts.empty());
}

TEST_P(QueueContract, AnUnknownPeerIsUnavailable) {
  for (const std::string peer : {"", "nobody", "00000000", "zz", "x"}) {
    const Status status = server_->Send(peer, "lost");
    ASSERT_FALSE(status) << peer;
    EXPECT_EQ(status.error().code, Code::kUnavailable);
  }
}

TEST_P(QueueContract, APeerThatWentAwayIsUnavailable) {
  auto client = Client();
  const std::string peer = Greet(*client);
  client.reset();
  Status status;
  std::vector<Frame> frames;
  for (int tries = 0; tries < kTriesMax && status; ++tries) {
    server_->Receive(frames, 1, kBriefly);
    status = server_->Send(peer, "lost");
  }
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, Code::kUnavailable);
}

TEST_P(QueueContract, ANewConnectionIsANewPeer) {
  auto client = Client();
  const std::string first = Greet(*client);
  client = Client();
  EXPECT_NE(Greet(*client), first);
}

TEST_P(QueueContract, AClientFindsTheServerAgain) {
  const auto client = Client();
  Greet(*client);
  server_.reset();
  Status status;
  for (int tries = 0; tries < kTriesMax && status; ++tries) {
    Poll(*client);
    status = client->Send("lost");
  }
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, Code::kUnavailable);
  StartServer();
  const std::string peer = Greet(*client);
  ASSERT_TRUE(server_->Send(peer, "welcome"));
  EXPECT_EQ(ClientReceives(*client), "welcome");
}

TEST_P(QueueContract, WithoutAServerSendingIsUnavailable) {
  server_.reset();
  const auto client = Client();
  const Status status = client->Send("nobody there");
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, Code::kUnavailable);
}

TEST_P(QueueContract, WakeFromAnotherThreadEndsTheWait) {
  const auto client = Client();
  for (int round = 0; round < 50; ++round) {
    std::thread waker([&] {
      server_->Wake();
      client->Wake();
    });
    std::vector<Frame> frames;
    std::vector<std::string> texts;
    // Without the wake each of these would outlast the test's time limit.
    server_->Receive(frames, 1, kLong);
    client->Receive(texts, 1, kLong);
    waker.join();
    EXPECT_TRUE(frames.empty());
    EXPECT_TRUE(texts.empty());
  }
}

TEST_P(QueueContract, AWakeBeforeTheWaitIsNotForgotten) {
  server_->Wake();
  server_->Wake();
  std::vector<Frame> frames;
  server_->Receive(frames, 1, kLong);
  EXPECT_TRUE(frames.empty());
}

TEST_P(QueueContract, WorkThatIsPostedBeforeAWakeIsSeenAfterIt) {
  std::atomic<int> posted{0};
  constexpr int kPosts = 3'000;
  std::thread poster([&] {
    for (int i = 0; i < kPosts; ++i) {
      ++posted;
      server_->Wake();
    }
  });
  std::vector<Frame> frames;
  // Ends only if no wake is lost between the owner's look and its wait.
  while (posted.load() < kPosts) server_->Receive(frames, 1, kLong);
  poster.join();
  EXPECT_EQ(posted.load(), kPosts);
}

TEST_P(QueueContract, FramesUpToTheCapGoThrough) {
  const auto client = Client();
  std::string large(kFrameBytesMax, 'x');
  large.front() = 'a';
  large.back() = 'z';
  SendSoon(*client, large);
  const Frame frame = ServerReceives();
  ASSERT_EQ(frame.bytes.size(), large.size());
  EXPECT_TRUE(frame.bytes == large);
  ASSERT_TRUE(server_->Send(frame.peer, large));
  EXPECT_TRUE(ClientReceives(*client) == large);
}

TEST_P(QueueContract, FramesOverTheCapAreRefused) {
  const auto client = Client();
  const std::string peer = Greet(*client);
  const std::string large(kFrameBytesMax + 1, 'x');
  EXPECT_EQ(client->Send(large).error().code, Code::kInvalidArgument);
  EXPECT_EQ(server_->Send(peer, large).error().code, Code::kInvalidArgument);
  ASSERT_TRUE(client->Send("still there"));
  EXPECT_EQ(ServerReceives().bytes, "still there");
}

TEST_P(QueueContract, APeerThatDoesNotReadIsSlowNotBlocking) {
  const auto client = Client();
  const std::string peer = Greet(*client);
  const std::string frame(64, 'x');
  Status status;
  for (int sent = 0; sent < 50'000'000 && status; ++sent) status = server_->Send(peer, frame);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, Code::kResourceExhausted);
  // Another peer is served all the same.
  const auto other = Client();
  ASSERT_TRUE(server_->Send(Greet(*other), "for you"));
  EXPECT_EQ(ClientReceives(*other), "for you");
}

TEST_P(QueueContract, AServerThatDoesNotReadIsSlowNotBlocking) {
  const auto client = Client();
  Greet(*client);
  Status status;
  for (int sent = 0; sent < 50'000'000 && status; ++sent) status = client->Send(std::string(64, 'x'));
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, Code::kResourceExhausted);
}

INSTANTIATE_TEST_SUITE_P(Every, QueueContract, testing::Values(Kind::kMemory, Kind::kZmq, Kind::kCurve),
                         [](const auto& kind) { return kind.param == Kind::kMemory ? "Memory" : kind.param == Kind::kZmq ? "Zmq" : "Curve"; });

}  // namespace
}  // namespace headrace::queue
