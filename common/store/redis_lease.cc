#include "common/store/redis_core.h"
#include "common/store/redis_layout.h"
#include "common/store/redis_library.h"

namespace headrace::store {
namespace {

std::int64_t Millis(Duration span) { return std::chrono::ceil<std::chrono::milliseconds>(span).count(); }

class RedisLeaseStore final : public LeaseStore {
 public:
  explicit RedisLeaseStore(RedisCorePtr core) : core_(std::move(core)) {}

  Result<std::optional<Epoch>> Acquire(PartitionId partition, const std::string& owner, Duration lease) override {
    return core_->Take(partition, owner, lease, false);
  }

  Status Renew(PartitionId partition, const std::string& owner, Epoch epoch, Duration lease) override {
    Command call = FunctionCall("renew", PartitionHead(partition));
    call.Add(owner).Add(std::uint64_t{epoch}).Add(Millis(lease));
    return Done(core_->pool.Call(std::move(call)), partition);
  }

  Status Release(PartitionId partition, const std::string& owner, Epoch epoch) override {
    Command call = FunctionCall("release", PartitionHead(partition));
    call.Add(owner).Add(std::uint64_t{epoch});
    return Done(core_->pool.Call(std::move(call)), partition);
  }

  Result<std::vector<LeaseHolder>> Holders(const std::vector<PartitionId>& partitions) override {
    std::vector<LeaseHolder> holders;
    if (partitions.empty()) return holders;
    std::vector<std::string> questions;
    for (const PartitionId partition : partitions) questions.push_back(FunctionCall("holder", PartitionHead(partition)).Take());
    ASSIGN_OR_RETURN(const std::vector<Reply> replies, core_->pool.Call(questions));
    for (std::size_t i = 0; i < replies.size(); ++i) {
      const std::vector<Reply>& items = replies[i].items;
      if (items.size() != 3) return Fail(Code::kInternal, "Redis gave no holder of partition " + std::to_string(partitions[i]));
      holders.push_back({partitions[i], items[0].text, static_cast<Epoch>(items[1].number()), std::chrono::milliseconds(items[2].number())});
    }
    return holders;
  }

 private:
  static Status Done(Result<Reply> reply, PartitionId partition) {
    if (reply) return {};
    return Fail(std::move(reply.error()).Wrap("the lease of partition " + std::to_string(partition)));
  }

  const RedisCorePtr core_;
};

}  // namespace

std::unique_ptr<LeaseStore> MakeRedisLeaseStore(RedisCorePtr core) { return std::make_unique<RedisLeaseStore>(std::move(core)); }

}  // namespace headrace::store
