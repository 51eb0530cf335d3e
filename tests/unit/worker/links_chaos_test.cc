// A hostile network between one worker and three schedulers that take partitions from each other: whatever is lost, late,
// repeated or believed wrongly, no grant runs twice and every result reaches the owner of its partition.
#include <array>
#include <map>
#include <set>

#include "common/base/random.h"
#include "tests/unit/worker/links_fixture.h"

namespace headrace::worker {
namespace {

constexpr LinkId kSchedulers = 3;
constexpr std::uint32_t kPartitions = 6;
constexpr std::uint32_t kCapacity = 3;

class LinksChaos {
 public:
  explicit LinksChaos(std::uint64_t seed)
      : random_(seed), session_({.worker = WorkerId("w1"), .incarnation = 1, .capacity = kCapacity}, port_) {
    for (std::uint32_t p = 0; p < kPartitions; ++p) {
      owner_[p] = p % kSchedulers;
      epoch_[p] = 1;
      for (LinkId link = 0; link < kSchedulers; ++link) believed_[link][p] = owner_[p] == link ? 1 : 0;
    }
    for (LinkId link = 0; link < kSchedulers; ++link) session_.OnConnected(link, now_);
  }

  void Run() {
    for (int step = 0; step < 3000; ++step) {
      now_ += Duration(random_.Below(150'000));
      Deliver();
      if (assigned_ < 300 && random_.Chance(0.3)) Assign();
      if (random_.Chance(0.01)) Move();
      if (random_.Chance(0.01)) Learn();
      if (random_.Chance(0.01)) Break();
      Step();
      if (testing::Test::HasFatalFailure()) return;
    }
    // The network heals, and everybody knows what is whose.
    lossy_ = false;
    while (LearnOne()) {}
    for (int step = 0; step < 600 && session_.held() > 0; ++step) {
      now_ += std::chrono::milliseconds(500);
      Deliver();
      Step();
    }
    EXPECT_EQ(session_.held(), 0U);
    for (const TaskKey& key : finished_) EXPECT_TRUE(accepted_.contains(key));
    EXPECT_GT(finished_.size(), 30U);
    EXPECT_GT(moves_, 5U);
  }

 private:
  static std::uint32_t PartitionOf(const TaskKey& key) { return key.fence.task_run % kPartitions; }
  bool Believes(LinkId link, const TaskKey& key) const { return believed_[link].at(PartitionOf(key)) > 0; }

  void Post(LinkId link, wire::ToWorker message) {
    if (lossy_ && random_.Chance(0.15)) return;
    const int copies = lossy_ && random_.Chance(0.15) ? 2 : 1;
    for (int i = 0; i < copies; ++i)
      network_.emplace(now_ + Duration(random_.Below(lossy_ ? 2'000'000 : 1'000)), std::pair(link, message));
  }
  void Deliver() {
    while (!network_.empty() && network_.begin()->first <= now_) {
      auto next = network_.extract(network_.begin());
      session_.OnMessage(next.mapped().first, std::move(next.mapped().second), now_);
    }
  }
  // By whoever believes to own its partition, with the epoch it had then.
  void Assign() {
    const TaskKey key{ExecutionId("exec"), {assigned_++, 1, 1}};
    for (LinkId link = 0; link < kSchedulers; ++link) {
      const std::uint64_t epoch = believed_[link].at(PartitionOf(key));
      if (epoch == 0) continue;
      Post(link, wire::Assign{.key = key, .epoch = epoch, .spec_id = 1, .spec = wire::TaskSpec{.type = "t"}, .partition = PartitionOf(key)});
    }
  }
  // Another one takes a partition; the former owner learns of it later.
  void Move() {
    const auto p = static_cast<std::uint32_t>(random_.Below(kPartitions));
    owner_[p] = (owner_[p] + 1 + static_cast<LinkId>(random_.Below(kSchedulers - 1))) % kSchedulers;
    believed_[owner_[p]][p] = ++epoch_[p];
    Post(owner_[p], wire::ResyncRequired{});
    ++moves_;
  }
  void Learn() { LearnOne(); }
  bool LearnOne() {
    for (LinkId link = 0; link < kSchedulers; ++link) {
      for (auto& [p, epoch] : believed_[link]) {
        if (epoch == 0 || owner_[p] == link) continue;
        epoch = 0;
        return true;
      }
    }
    return false;
  }
  void Break() {
    const auto link = static_cast<LinkId>(random_.Below(kSchedulers));
    session_.OnDisconnected(link, now_);
    session_.OnConnected(link, now_);
  }

  void Step() {
    session_.OnTick(now_);
    for (; begun_seen_ < port_.begun.size(); ++begun_seen_) {
      ASSERT_TRUE(begun_.insert(port_.begun[begun_seen_]).second) << "one delivery runs twice";
      running_.insert(port_.begun[begun_seen_]);
    }
    for (; abandoned_seen_ < port_.abandoned.size(); ++abandoned_seen_) {
      const TaskKey& key = port_.abandoned[abandoned_seen_];
      if (running_.erase(key) > 0) session_.OnTaskEnded({.key = key, .outcome = model::State::kKilled}, now_);
    }
    ASSERT_LE(running_.size(), kCapacity);
    while (!running_.empty() && (!lossy_ || random_.Chance(0.2))) {
      const TaskKey key = *running_.begin();
      running_.erase(running_.begin());
      finished_.insert(key);
      session_.OnTaskEnded({.key = key}, now_);
    }
    for (LinkId link = 0; link < kSchedulers; ++link)
      for (const auto& message : std::exchange(port_.sent[link], {})) Answer(link, message);
  }

  void Answer(LinkId link, const wire::FromWorker& message) {
    if (lossy_ && random_.Chance(0.15)) return;
    if (std::holds_alternative<wire::Hello>(message))
      Post(link, wire::Welcome{.scheduler = std::to_string(link), .session = ++sessions_, .lease = 10s, .heartbeat = 2s, .log_credit_bytes = 1000});
    wire::HeartbeatAck ack;
    const auto judge = [&](const TaskKey& key) { (Believes(link, key) ? ack.renewed : ack.elsewhere).push_back(key); };
    if (const auto* beat = std::get_if<wire::Heartbeat>(&message)) {
      ack.credit_seq = beat->credit_seq;
      for (const TaskKey& key : beat->tasks) judge(key);
      Post(link, ack);
    }
    if (const auto* resync = std::get_if<wire::Resync>(&message)) {
      for (const auto& running : resync->running) judge(running.key);
      Post(link, ack);
    }
    const auto* result = std::get_if<wire::TaskResult>(&message);
    if (result == nullptr) return;
    ASSERT_TRUE(finished_.contains(result->key));
    if (!Believes(link, result->key)) return Post(link, wire::ResultAck{.key = result->key, .verdict = wire::Verdict::kElsewhere});
    if (owner_[PartitionOf(result->key)] != link) return;  // its commit is refused: it says nothing
    accepted_.insert(result->key);
    Post(link, wire::ResultAck{.key = result->key});
  }

  struct Less {
    bool operator()(const TaskKey& a, const TaskKey& b) const { return a.fence.task_run < b.fence.task_run; }
  };
  using Keys = std::set<TaskKey, Less>;

  Random random_;
  Duration now_ = 100s;
  LinksPort port_;
  WorkerSession session_;
  bool lossy_ = true;
  std::multimap<Duration, std::pair<LinkId, wire::ToWorker>> network_;
  std::map<std::uint32_t, LinkId> owner_;
  std::map<std::uint32_t, std::uint64_t> epoch_;
  std::array<std::map<std::uint32_t, std::uint64_t>, kSchedulers> believed_;  // its epoch; 0: another's
  Keys begun_, running_, finished_, accepted_;
  std::size_t begun_seen_ = 0, abandoned_seen_ = 0, moves_ = 0;
  std::uint32_t assigned_ = 0;
  std::uint64_t sessions_ = 0;
};

TEST(LinksChaosTest, NoDeliveryRunsTwiceAndEveryResultReachesItsOwner) {
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    LinksChaos(seed).Run();
    if (testing::Test::HasFailure()) return;
  }
}

}  // namespace
}  // namespace headrace::worker
