#include "common/store/redis_writers.h"

#include <vector>

namespace headrace::store {
namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr std::chrono::seconds kWarnAgain(10);
constexpr std::size_t kWarnedMax = 64;

}  // namespace

RedisWriters::RedisWriters(const RedisLocator& locator, RedisWriterOptions options, RedisGates& gates)
    : locator_(locator), options_(std::move(options)), gates_(gates) {
  if (locator_.cluster() != nullptr) return;
  RedisWriterOptions one = options_;
  one.gate = &gates_.whole();
  only_ = std::make_unique<RedisWriter>(locator_, std::move(one));
  gates_.whole().OnDoubt([writer = only_.get()] { writer->Reconnect(); });
}

RedisWriters::~RedisWriters() {
  for (const auto& [partition, writer] : of_partition_) writer->Stop();
}

RedisWriter& RedisWriters::Of(PartitionId partition) {
  if (only_) return *only_;
  {
    std::shared_lock lock(mutex_);
    const auto found = of_partition_.find(partition);
    if (found != of_partition_.end()) return *found->second;
  }
  std::unique_lock lock(mutex_);
  const auto found = of_partition_.find(partition);
  return found != of_partition_.end() ? *found->second : Make(partition);
}

RedisWriter& RedisWriters::Make(PartitionId partition) {
  RedisGate& gate = gates_.Make(partition);
  RedisWriterOptions its = options_;
  its.slot = SlotOfPartition(partition);
  its.gate = &gate;
  its.may_warn = [this](const std::string& text) { return MayWarn(text); };
  // Connections for reads find out by themselves: their gate knows which server is compared.
  its.on_connected = nullptr;
  std::unique_ptr<RedisWriter>& writer = of_partition_[partition];
  writer = std::make_unique<RedisWriter>(locator_, std::move(its));
  if (hurried_) writer->Hurry();
  gate.OnDoubt([raw = writer.get()] { raw->Reconnect(); });
  return *writer;
}

bool RedisWriters::MayWarn(const std::string& text) {
  std::lock_guard lock(warned_mutex_);
  const auto now = SteadyClock::now();
  if (warned_.size() >= kWarnedMax) warned_.clear();
  Deadline& until = warned_[text];
  if (now < until) return false;
  until = now + kWarnAgain;
  return true;
}

template <typename Do>
void RedisWriters::ForEach(Do each) {
  if (only_) return each(*only_);
  std::vector<RedisWriter*> all;  // none ever goes before the end
  {
    std::shared_lock lock(mutex_);
    for (const auto& [partition, writer] : of_partition_) all.push_back(writer.get());
  }
  for (RedisWriter* writer : all) each(*writer);
}

void RedisWriters::Drain() {
  ForEach([](RedisWriter& writer) { writer.Drain(); });
}

void RedisWriters::Reconnect() {
  ForEach([](RedisWriter& writer) { writer.Reconnect(); });
}

void RedisWriters::Hurry() {
  {
    std::unique_lock lock(mutex_);
    hurried_ = true;
  }
  ForEach([](RedisWriter& writer) { writer.Hurry(); });
}

}  // namespace headrace::store
