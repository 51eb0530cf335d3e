#include "common/store/redis_gate.h"

namespace headrace::store {
namespace {

constexpr std::chrono::seconds kDoubtEvery(1);

}  // namespace

void RedisGate::Compare(const std::string& server) {
  std::lock_guard lock(mutex_);
  compared_ = server;
}

void RedisGate::Open(const std::string& server) {
  std::lock_guard lock(mutex_);
  compared_ = open_ = server;
}

void RedisGate::Shut(const Error& error) {
  std::lock_guard lock(mutex_);
  failure_ = error;
}

void RedisGate::OnDoubt(std::function<void()> on_doubt) {
  std::lock_guard lock(mutex_);
  on_doubt_ = std::move(on_doubt);
}

Status RedisGate::MayRead(const std::string& server) {
  std::unique_lock lock(mutex_);
  if (server == open_) return {};
  if (failure_) return Fail(*failure_);
  const auto now = std::chrono::steady_clock::now();
  const bool doubt = server != compared_ && !compared_.empty() && on_doubt_ && (!doubted_ || now - *doubted_ >= kDoubtEvery);
  if (doubt) doubted_ = now;
  const std::function<void()> tell = doubt ? on_doubt_ : nullptr;
  lock.unlock();
  if (tell) tell();
  return Fail(Code::kUnavailable, "Redis may have forgotten commits in a restart or a failover, and what is missing is not written again yet");
}

RedisGate& RedisGates::Make(PartitionId partition) {
  std::lock_guard lock(mutex_);
  std::unique_ptr<RedisGate>& gate = gates_[partition];
  if (!gate) gate = std::make_unique<RedisGate>();
  return *gate;
}

Status RedisGates::MayRead(PartitionId partition, const std::string& server) {
  RedisGate* gate = nullptr;
  {
    std::lock_guard lock(mutex_);
    const auto found = gates_.find(partition);
    if (found == gates_.end()) return {};
    gate = found->second.get();
  }
  return gate->MayRead(server);
}

}  // namespace headrace::store
