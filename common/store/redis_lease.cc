#include <algorithm>

#include "common/base/log.h"
#include "common/store/redis_core.h"
#include "common/store/redis_layout.h"
#include "common/store/redis_library.h"

namespace headrace::store {
namespace {

constexpr std::string_view kMembersKey = "{hr}:members";

std::int64_t Millis(Duration span) { return std::chrono::ceil<std::chrono::milliseconds>(span).count(); }

std::string MemberKey(const std::string& id) { return "{hr}:m:" + id; }

// Whoever asks has many partitions and does so again soon: all of them together wait no longer than a lease may last.
class RedisLeaseStore final : public LeaseStore {
 public:
  explicit RedisLeaseStore(RedisCorePtr core) : core_(std::move(core)) {}

  Result<std::optional<Epoch>> Acquire(PartitionId partition, const std::string& owner, Duration lease) override {
    return core_->Take(partition, owner, lease, false);
  }

  Status Renew(PartitionId partition, const std::string& owner, Epoch epoch, Duration lease) override {
    Command call = FunctionCall("renew", PartitionHead(partition));
    call.Add(owner).Add(std::uint64_t{epoch}).Add(Millis(lease));
    return Done(Call(std::move(call)), "the lease of partition " + std::to_string(partition));
  }

  // One round trip, and where each write is flushed to disk one flush.
  Status RenewAll(const std::string& owner, const std::vector<std::pair<PartitionId, Epoch>>& held, Duration lease) override {
    if (held.empty()) return {};
    std::vector<std::string> commands;
    for (const auto& [partition, epoch] : held) {
      Command call = FunctionCall("renew", PartitionHead(partition));
      call.Add(owner).Add(std::uint64_t{epoch}).Add(Millis(lease));
      commands.push_back(std::move(call).Take());
    }
    auto renewed = core_->lease_pool.Call(commands);
    if (renewed) return {};
    return Fail(std::move(renewed.error()).Wrap("the leases of " + std::to_string(held.size()) + " partitions"));
  }

  Status Release(PartitionId partition, const std::string& owner, Epoch epoch) override {
    Command call = FunctionCall("release", PartitionHead(partition));
    call.Add(owner).Add(std::uint64_t{epoch});
    return Done(Call(std::move(call)), "the lease of partition " + std::to_string(partition));
  }

  Result<std::vector<LeaseHolder>> Holders(const std::vector<PartitionId>& partitions) override {
    std::vector<LeaseHolder> holders;
    if (partitions.empty()) return holders;
    std::vector<std::string> questions;
    for (const PartitionId partition : partitions) questions.push_back(FunctionCall("holder", PartitionHead(partition)).Take());
    ASSIGN_OR_RETURN(const std::vector<Reply> replies, core_->lease_pool.Call(questions));
    for (std::size_t i = 0; i < replies.size(); ++i) {
      const std::vector<Reply>& items = replies[i].items;
      if (items.size() != 3) return Fail(Code::kInternal, "Redis gave no holder of partition " + std::to_string(partitions[i]));
      holders.push_back({partitions[i], items[0].text, static_cast<Epoch>(items[1].number()), std::chrono::milliseconds(items[2].number())});
    }
    return holders;
  }

  PartitionId partitions() const override { return kRedisPartitions; }

  Status Announce(const Member& member, Duration lifetime) override {
    Command call{"FCALL", FunctionName("announce"), "2", kMembersKey, MemberKey(member.id)};
    call.Add(member.id).Add(PackMember(member, lifetime)).Add(std::max<std::int64_t>(Millis(lifetime), 1));
    return Done(Call(std::move(call)), "scheduler " + member.id);
  }

  Status Leave(const std::string& id) override {
    Command call{"FCALL", FunctionName("leave"), "2", kMembersKey, MemberKey(id)};
    return Done(Call(std::move(call.Add(id))), "scheduler " + id);
  }

  Result<std::vector<Present>> Members() override {
    ASSIGN_OR_RETURN(const Reply there, Call(GuardedCall("members", kMembersKey)));
    std::vector<Present> members;
    for (std::size_t i = 0; i + 2 < there.items.size(); i += 3) {
      auto member = UnpackMember(there.items[i].text, there.items[i + 1].text, std::chrono::milliseconds(there.items[i + 2].number()));
      if (member) members.push_back(std::move(*member));
      else spdlog::error("{}; it is left out until it says again that it is there", member.error().message);
    }
    std::sort(members.begin(), members.end(), [](const Member& a, const Member& b) { return a.id < b.id; });
    return members;
  }

 private:
  Result<Reply> Call(Command call) { return core_->lease_pool.Call(std::move(call)); }

  static Status Done(Result<Reply> reply, const std::string& what) {
    if (reply) return {};
    return Fail(std::move(reply.error()).Wrap(what));
  }

  const RedisCorePtr core_;
};

}  // namespace

std::unique_ptr<LeaseStore> MakeRedisLeaseStore(RedisCorePtr core) { return std::make_unique<RedisLeaseStore>(std::move(core)); }

}  // namespace headrace::store
