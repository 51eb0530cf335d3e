// A session whose outside is a list: what it sends and begins is kept for the test. One scheduler.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "worker/session.h"

namespace headrace::worker {

using namespace std::chrono_literals;
using wire::TaskKey;

inline TaskKey Key(std::uint32_t task_run, std::uint32_t delivery = 1, std::uint32_t attempt = 1) {
  return {ExecutionId("exec"), {task_run, attempt, delivery}};
}

constexpr LinkId kLink = 3;

// The outside of a session: keeps what is sent and begun.
class Port : public SessionPort {
 public:
  void Send(LinkId link, wire::FromWorker message) override {
    EXPECT_EQ(link, kLink);
    sent.push_back(std::move(message));
  }
  void StartTask(StartOrder order) override { begun.push_back(std::move(order)); }
  void CancelTask(const TaskKey& key, Duration, const std::string& reason) override {
    cancelled.push_back(key);
    reasons.push_back(reason);
  }
  void AbandonTask(const TaskKey& key) override { abandoned.push_back(key); }
  void DropResult(const TaskKey& key) override { dropped.push_back(key); }

  template <typename T>
  std::vector<T> Take() {
    std::vector<T> taken;
    for (const auto& message : sent)
      if (const T* body = std::get_if<T>(&message)) taken.push_back(*body);
    std::erase_if(sent, [](const auto& message) { return std::holds_alternative<T>(message); });
    return taken;
  }
  template <typename T>
  std::size_t Count() const {
    return static_cast<std::size_t>(
        std::count_if(sent.begin(), sent.end(), [](const auto& m) { return std::holds_alternative<T>(m); }));
  }

  std::vector<wire::FromWorker> sent;
  std::vector<StartOrder> begun;
  std::vector<TaskKey> cancelled;
  std::vector<std::string> reasons;
  std::vector<TaskKey> abandoned;
  std::vector<TaskKey> dropped;
};

class SessionTest : public testing::Test {
 protected:
  SessionTest() { Make(2); }

  void Make(std::uint32_t capacity) {
    port = Port();
    SessionOptions options{.worker = WorkerId("w1"), .incarnation = 7, .capacity = capacity};
    options.log_buffer_bytes = 4096;
    session = std::make_unique<WorkerSession>(options, port);
  }
  void Welcome(std::uint64_t id = 1, std::uint64_t log_credit = 1'000'000) {
    Tell(wire::Welcome{.session = id, .lease = 10s, .heartbeat = 2s, .log_credit_bytes = log_credit});
  }
  // Connected and welcomed, the first messages read.
  void Connect() {
    session->OnConnected(kLink, now);
    Welcome();
    Tick();
    port.sent.clear();
  }
  void Tell(wire::ToWorker message) { session->OnMessage(kLink, std::move(message), now); }
  void Tick() { session->OnTick(now); }
  void Advance(Duration by) {
    now += by;
    Tick();
  }
  void Assign(const TaskKey& key, std::uint64_t epoch = 1, bool with_spec = true) {
    wire::Assign assign{.key = key, .epoch = epoch, .spec_id = 5};
    if (with_spec) assign.spec = wire::TaskSpec{.type = "t", .task_id = "check"};
    Tell(std::move(assign));
  }
  void End(const TaskKey& key, model::State state = model::State::kSuccess) {
    session->OnTaskEnded({.key = key, .outcome = state}, now);
  }
  // The heartbeat that is due is answered for these keys.
  void Renew(std::vector<TaskKey> keys) {
    const auto beats = port.Take<wire::Heartbeat>();
    ASSERT_FALSE(beats.empty());
    Tell(wire::HeartbeatAck{.renewed = std::move(keys), .credit_seq = beats.back().credit_seq});
  }

  Duration now = 100s;
  Port port;
  std::unique_ptr<WorkerSession> session;
};

}  // namespace headrace::worker
