#include "common/queue/zmq_queue.h"

#include <gtest/gtest.h>
#include <zmq.h>

namespace headrace::queue {
namespace {

bool Contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

TEST(ZmqQueue, PortZeroPicksAPortAndTellsIt) {
  for (const char* endpoint : {"tcp://127.0.0.1:0", "tcp://127.0.0.1:*", "tcp://localhost:0"}) {
    const auto server = BindZmq(endpoint);
    ASSERT_TRUE(server) << server.error().ToString();
    const std::string bound = (*server)->endpoint();
    ASSERT_TRUE(bound.starts_with("tcp://127.0.0.1:")) << bound;
    EXPECT_GT(std::stoi(bound.substr(bound.rfind(':') + 1)), 1023);
    EXPECT_TRUE(ConnectZmq(bound));
  }
}

TEST(ZmqQueue, AnAddressInUseIsNamedWithTheRemedy) {
  const auto first = BindZmq("tcp://127.0.0.1:0");
  ASSERT_TRUE(first);
  const std::string address = (*first)->endpoint();
  const auto second = BindZmq(address);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Code::kAlreadyExists);
  EXPECT_TRUE(Contains(second.error().message, address)) << second.error().message;
  EXPECT_TRUE(Contains(second.error().message, "another port")) << second.error().message;
}

TEST(ZmqQueue, AddressesThatOthersCanReachAreRefused) {
  for (const char* endpoint : {"tcp://0.0.0.0:5555", "tcp://*:5555", "tcp://10.1.2.3:5555", "tcp://example.org:5555",
                               "tcp://127.0.0.1.example.org:5555", "tcp://[::]:5555", "tcp://eth0:5555"}) {
    const auto server = BindZmq(endpoint);
    ASSERT_FALSE(server) << endpoint;
    EXPECT_EQ(server.error().code, Code::kPermissionDenied) << endpoint;
    EXPECT_TRUE(Contains(server.error().message, endpoint)) << server.error().message;
    EXPECT_TRUE(Contains(server.error().message, "loopback")) << server.error().message;
    const auto client = ConnectZmq(endpoint);
    ASSERT_FALSE(client) << endpoint;
    EXPECT_EQ(client.error().code, Code::kPermissionDenied) << endpoint;
  }
}

TEST(ZmqQueue, WhatIsNoAddressIsRefused) {
  for (const char* endpoint : {"", "127.0.0.1:5555", "tcp://", "tcp://127.0.0.1", "tcp://127.0.0.1:", "tcp://:5555",
                               "tcp://127.0.0.1:x", "tcp://127.0.0.1:70000", "ipc://", "udp://127.0.0.1:5", "tcp://127.0.0.1:-1"}) {
    const auto server = BindZmq(endpoint);
    ASSERT_FALSE(server) << endpoint;
    EXPECT_EQ(server.error().code, Code::kInvalidArgument) << endpoint;
    EXPECT_TRUE(Contains(server.error().message, "example")) << server.error().message;
  }
  EXPECT_EQ(ConnectZmq("tcp://127.0.0.1:0").error().code, Code::kInvalidArgument);
}

// A peer that speaks ZeroMQ but not our protocol.
class RawPeer {
 public:
  explicit RawPeer(const std::string& endpoint) : context_(zmq_ctx_new()), socket_(zmq_socket(context_, ZMQ_DEALER)) {
    EXPECT_EQ(zmq_connect(socket_, endpoint.c_str()), 0);
  }
  ~RawPeer() {
    const int linger = 0;
    zmq_setsockopt(socket_, ZMQ_LINGER, &linger, sizeof(linger));
    zmq_close(socket_);
    zmq_ctx_term(context_);
  }
  void Send(const std::string& part, bool more) const {
    EXPECT_GE(zmq_send(socket_, part.data(), part.size(), more ? ZMQ_SNDMORE : 0), 0);
  }
  void NameItself(const std::string& id, const std::string& endpoint) {
    zmq_close(socket_);
    socket_ = zmq_socket(context_, ZMQ_DEALER);
    zmq_setsockopt(socket_, ZMQ_ROUTING_ID, id.data(), id.size());
    EXPECT_EQ(zmq_connect(socket_, endpoint.c_str()), 0);
  }

 private:
  void* context_;
  void* socket_;
};

TEST(ZmqQueue, PartsBeyondTheFirstAreDroppedAndCounted) {
  const auto server = BindZmq("tcp://127.0.0.1:0");
  ASSERT_TRUE(server);
  const RawPeer peer((*server)->endpoint());
  peer.Send("first", true);
  peer.Send("beyond", true);
  peer.Send("further beyond", false);
  peer.Send("second", false);
  std::vector<Frame> frames;
  for (int tries = 0; tries < 1'500 && frames.size() < 2; ++tries) {
    (*server)->Receive(frames, 10, std::chrono::milliseconds(20));
  }
  ASSERT_EQ(frames.size(), 2U);
  EXPECT_EQ(frames[0].bytes, "first");
  EXPECT_EQ(frames[1].bytes, "second");
  EXPECT_EQ((*server)->parts_dropped(), 2U);
}

TEST(ZmqQueue, APeerThatNamesItselfIsNotHeard) {
  const auto server = BindZmq("tcp://127.0.0.1:0");
  ASSERT_TRUE(server);
  RawPeer imposter((*server)->endpoint());
  imposter.NameItself("admin", (*server)->endpoint());
  const RawPeer other((*server)->endpoint());
  std::vector<Frame> frames;
  // Both keep talking, so the imposter has had its turn long before the other's hundredth frame.
  for (int sent = 0; sent < 100; ++sent) {
    imposter.Send("from the imposter", false);
    other.Send("from another", false);
  }
  for (int tries = 0; tries < 1'500 && frames.size() < 100; ++tries) {
    (*server)->Receive(frames, 10, std::chrono::milliseconds(20));
  }
  ASSERT_GE(frames.size(), 100U);
  for (const Frame& frame : frames) EXPECT_EQ(frame.bytes, "from another");
}

TEST(ZmqQueue, Ipv6LoopbackWorks) {
  const auto server = BindZmq("tcp://[::1]:0");
  if (!server) GTEST_SKIP() << "no IPv6 here: " << server.error().message;
  EXPECT_TRUE((*server)->endpoint().starts_with("tcp://[::1]:")) << (*server)->endpoint();
  const auto client = ConnectZmq((*server)->endpoint());
  ASSERT_TRUE(client);
  std::vector<std::string> none;
  Status status = (*client)->Send("hello");
  for (int tries = 0; tries < 1'500 && !status; ++tries) {
    (*client)->Receive(none, 1, std::chrono::milliseconds(20));
    status = (*client)->Send("hello");
  }
  EXPECT_TRUE(status);
}

TEST(ZmqQueue, AFrameThatIsTooLargeCostsThePeerItsConnectionOnly) {
  const auto server = BindZmq("tcp://127.0.0.1:0");
  ASSERT_TRUE(server);
  const RawPeer rude((*server)->endpoint());
  rude.Send(std::string(kFrameBytesMax + 1, 'x'), false);
  const RawPeer polite((*server)->endpoint());
  polite.Send("hello", false);
  std::vector<Frame> frames;
  for (int tries = 0; tries < 1'500 && frames.empty(); ++tries) (*server)->Receive(frames, 10, std::chrono::milliseconds(20));
  ASSERT_EQ(frames.size(), 1U);
  EXPECT_EQ(frames[0].bytes, "hello");
}

}  // namespace
}  // namespace headrace::queue
