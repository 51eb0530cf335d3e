// Whose the partitions are while one of those who are announced is silent. Looks are counted, not timed.
#include "scheduler/keeper.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <thread>

#include "common/store/memory_cluster.h"

namespace headrace::scheduler {
namespace {

constexpr std::chrono::milliseconds kLook(10);

// Leases of which another scheduler wants its share, too; it never takes any.
class WithOther final : public store::LeaseStore {
 public:
  struct Other {
    std::atomic<bool> there = false;
    std::atomic<bool> silent = false;
    std::atomic<int> looks = 0;
  };
  WithOther(std::unique_ptr<store::LeaseStore> real, Other& other) : real_(std::move(real)), other_(other) {}

  Result<std::optional<store::Epoch>> Acquire(store::PartitionId id, const std::string& owner, Duration lease) override {
    return real_->Acquire(id, owner, lease);
  }
  Status Renew(store::PartitionId id, const std::string& owner, store::Epoch epoch, Duration lease) override {
    return real_->Renew(id, owner, epoch, lease);
  }
  Status Release(store::PartitionId id, const std::string& owner, store::Epoch epoch) override { return real_->Release(id, owner, epoch); }
  Result<std::vector<store::LeaseHolder>> Holders(const std::vector<store::PartitionId>& ids) override { return real_->Holders(ids); }
  store::PartitionId partitions() const override { return real_->partitions(); }
  Status Announce(const store::Member& member, Duration lifetime) override { return real_->Announce(member, lifetime); }
  Status Leave(const std::string& id) override { return real_->Leave(id); }
  Result<std::vector<store::Present>> Members() override {
    ++other_.looks;
    ASSIGN_OR_RETURN(std::vector<store::Present> members, real_->Members());
    if (other_.there) members.push_back({{.id = "other"}, other_.silent ? Duration(kLook * 100) : Duration(0)});
    return members;
  }

 private:
  const std::unique_ptr<store::LeaseStore> real_;
  Other& other_;
};

class KeeperTest : public testing::Test {
 protected:
  void Start() {
    ClusterOptions options;
    options.id = "me";
    options.leases = std::make_unique<WithOther>(std::move(stores_.leases), other_);
    options.renew = options.look = kLook;
    const auto post = [this](const std::function<void(Core&, Moment)>&) {
      ++posts_;
      return true;
    };
    keeper_ = std::make_unique<Keeper>(std::move(options),
                                       Keeper::Around{*stores_.store, *stores_.flows, flows_, *hub_, post, "", [] { return false; },
                                                      [this] { return stuck_for_.load(); }});
    ASSERT_TRUE(keeper_->Start());
  }
  std::uint32_t Driven() const {
    const std::vector<SchedulerView> all = keeper_->Schedulers();
    const auto me = std::find_if(all.begin(), all.end(), [](const SchedulerView& one) { return one.self; });
    return me == all.end() ? 0 : me->partitions;
  }
  void AwaitLooks(int more) const {
    for (const int until = other_.looks + more; other_.looks < until;) std::this_thread::sleep_for(kLook / 2);
  }
  void AwaitAll() const {
    while (Driven() < 256) std::this_thread::sleep_for(kLook / 2);
  }

  const ManualClock clock_{};
  store::MemoryStores stores_ = store::MemoryCluster(clock_).Open();
  FlowRegistry flows_{std::make_shared<flow::Catalog>(), *stores_.flows};
  const std::shared_ptr<WatchHub> hub_ = std::make_shared<WatchHub>([](const ExecutionId&) -> Result<ExecutionView> { return NotFound("none"); });
  WithOther::Other other_;
  std::atomic<int> posts_ = 0;
  std::atomic<Duration> stuck_for_{Duration(0)};
  std::unique_ptr<Keeper> keeper_;
};

TEST_F(KeeperTest, WhatIsFreeDoesNotWaitForOneThatIsDead) {
  other_.there = other_.silent = true;
  Start();
  AwaitAll();
  EXPECT_LT(other_.looks, 10) << "what is free was left to one that is dead";
}

TEST_F(KeeperTest, NothingIsGivenToOneThatIsSilent) {
  Start();
  AwaitAll();
  other_.there = other_.silent = true;
  AwaitLooks(3);
  const int before = posts_;
  AwaitLooks(20);
  EXPECT_EQ(posts_, before);
}

TEST_F(KeeperTest, WhoseLoopHangsAsksForNothingMore) {
  stuck_for_ = std::chrono::hours(1);
  Start();
  const int looks = other_.looks;
  std::this_thread::sleep_for(kLook * 10);
  EXPECT_EQ(other_.looks, looks) << "it still says that it is there";
  stuck_for_ = std::chrono::seconds(0);
  AwaitLooks(2);
}

TEST_F(KeeperTest, WhoComesAndStaysIsGivenItsShare) {
  Start();
  AwaitAll();
  AwaitLooks(3);
  const int before = posts_;
  other_.there = true;
  AwaitLooks(20);
  EXPECT_GE(posts_, before + 128) << "each is a partition that is closed for it";
}

}  // namespace
}  // namespace headrace::scheduler
