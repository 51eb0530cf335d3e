// A session with several schedulers that a test plays: what goes to each is kept by link.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "worker/session.h"

namespace headrace::worker {

using namespace std::chrono_literals;
using wire::TaskKey;

// What the schedulers of a test are called, by link.
constexpr LinkId kAda = 0;
constexpr LinkId kBob = 1;
constexpr LinkId kCyd = 2;

class LinksPort : public SessionPort {
 public:
  void Send(LinkId link, wire::FromWorker message) override { sent[link].push_back(std::move(message)); }
  void StartTask(StartOrder order) override { begun.push_back(order.key); }
  void CancelTask(const TaskKey& key, Duration, const std::string&) override { cancelled.push_back(key); }
  void AbandonTask(const TaskKey& key) override { abandoned.push_back(key); }
  void DropResult(const TaskKey& key) override { dropped.push_back(key); }

  std::map<LinkId, std::vector<wire::FromWorker>> sent;
  std::vector<TaskKey> begun, cancelled, abandoned, dropped;
};

class LinksTest : public testing::Test {
 protected:
  LinksTest() { Make(4); }

  static TaskKey Key(std::uint32_t task_run, std::uint32_t delivery = 1) {
    return {ExecutionId("exec"), {task_run, 1, delivery}};
  }
  void Make(std::uint32_t capacity) {
    port = LinksPort();
    session = std::make_unique<WorkerSession>(
        SessionOptions{.worker = WorkerId("w1"), .incarnation = 7, .capacity = capacity}, port);
  }
  void Welcome(LinkId link, std::uint64_t number = 1, const std::string& name = "") {
    Tell(link, wire::Welcome{.scheduler = name.empty() ? "s" + std::to_string(link) : name, .session = number, .lease = 10s,
                             .heartbeat = 2s, .log_credit_bytes = 1'000'000});
  }
  // Welcomed by these, the first messages read.
  void Join(std::vector<LinkId> links) {
    for (const LinkId link : links) {
      session->OnConnected(link, now);
      Welcome(link);
    }
    Tick();
    Answer(links);
    port.sent.clear();
  }
  void Tell(LinkId link, wire::ToWorker message) { session->OnMessage(link, std::move(message), now); }
  void Tick() { session->OnTick(now); }
  void Advance(Duration by) {
    now += by;
    Tick();
  }
  void Assign(LinkId link, const TaskKey& key, std::uint64_t epoch = 1, std::uint32_t partition = 0) {
    Tell(link, wire::Assign{.key = key, .epoch = epoch, .spec_id = 5, .spec = wire::TaskSpec{.type = "t", .task_id = "check"},
                            .partition = partition});
    Tick();
  }
  void End(const TaskKey& key) { session->OnTaskEnded({.key = key}, now); }

  // What was sent to a link since it was last asked for.
  template <typename T>
  std::vector<T> Take(LinkId link) {
    std::vector<T> taken;
    auto& all = port.sent[link];
    for (const auto& message : all)
      if (const T* body = std::get_if<T>(&message)) taken.push_back(*body);
    std::erase_if(all, [](const auto& message) { return std::holds_alternative<T>(message); });
    return taken;
  }
  // The keys of the last heartbeat to a link.
  std::vector<TaskKey> LastBeat(LinkId link) {
    const auto beats = Take<wire::Heartbeat>(link);
    EXPECT_FALSE(beats.empty());
    return beats.empty() ? std::vector<TaskKey>() : beats.back().tasks;
  }
  std::vector<TaskKey> Resynced(LinkId link) {
    std::vector<TaskKey> keys;
    for (const wire::Resync& resync : Take<wire::Resync>(link)) {
      for (const auto& running : resync.running) keys.push_back(running.key);
      keys.insert(keys.end(), resync.unacked.begin(), resync.unacked.end());
    }
    return keys;
  }
  // These schedulers answer their last heartbeat and renew what they own; what they do not is elsewhere.
  void Answer(const std::vector<LinkId>& links) {
    for (const LinkId link : links) {
      const auto beats = Take<wire::Heartbeat>(link);
      if (beats.empty()) continue;
      wire::HeartbeatAck ack{.credit_seq = beats.back().credit_seq};
      for (const TaskKey& key : beats.back().tasks) {
        const auto owner = owners.find(key.fence.task_run);
        (owner != owners.end() && owner->second == link ? ack.renewed : ack.elsewhere).push_back(key);
      }
      Tell(link, std::move(ack));
    }
  }

  Duration now = 100s;
  LinksPort port;
  std::unique_ptr<WorkerSession> session;
  std::map<std::uint32_t, LinkId> owners;  // by task run
};

}  // namespace headrace::worker
