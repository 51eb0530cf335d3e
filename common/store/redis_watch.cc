#include "common/store/redis_watch.h"

#include <array>
#include <charconv>

#include "common/base/log.h"
#include "common/store/redis_errors.h"

namespace headrace::store {
namespace {

constexpr std::chrono::seconds kPause(1);

std::uint64_t Number(const std::string& text) {
  std::uint64_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

}  // namespace

std::string InfoValue(std::string_view info, std::string_view name) {
  for (std::size_t at = 0; at < info.size();) {
    const std::size_t end = std::min(info.find("\r\n", at), info.size());
    const std::string_view line = info.substr(at, end - at);
    if (line.starts_with(name) && line.size() > name.size() && line[name.size()] == ':') return std::string(line.substr(name.size() + 1));
    at = end + 2;
  }
  return "";
}

RedisWatch::RedisWatch(const RedisLocator& locator, double memory_most, Duration timeout, std::function<void()> on_other_master)
    : locator_(locator), memory_most_(memory_most), timeout_(timeout), on_other_master_(std::move(on_other_master)) {
  Look();
  thread_ = std::thread([this] { Loop(); });
}

RedisWatch::~RedisWatch() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void RedisWatch::Loop() {
  std::unique_lock lock(mutex_);
  while (!changed_.wait_for(lock, kPause, [this] { return stopping_; })) {
    lock.unlock();
    Look();
    lock.lock();
  }
}

void RedisWatch::Look() {
  LookForMaster();
  if (const Status looked = LookAtMemory(); !looked) link_.reset();  // whoever commits says so
}

Status RedisWatch::LookAtMemory() {
  if (!link_) {
    ASSIGN_OR_RETURN(link_, locator_.Connect(timeout_));
  }
  const std::array<std::string, 2> questions{Command{"INFO", "memory"}.Take(), Command{"INFO", "replication"}.Take()};
  ASSIGN_OR_RETURN(const std::vector<Reply> replies, link_->Exchange(questions, timeout_));
  for (const Reply& reply : replies) {
    if (reply.error()) return Fail(ErrorOf(reply.text, link_->place()));
  }
  const std::uint64_t most = Number(InfoValue(replies[0].text, "maxmemory"));
  // Without a bound of its own it has the machine's.
  limit_ = most != 0 ? most : Number(InfoValue(replies[0].text, "total_system_memory"));
  used_ = Number(InfoValue(replies[0].text, "used_memory"));
  replicas_ = static_cast<int>(Number(InfoValue(replies[1].text, "connected_slaves")));
  return {};
}

void RedisWatch::LookForMaster() {
  if (!locator_.address().sentinel()) return;
  const auto found = locator_.FindMaster(timeout_);
  if (!found) return;
  const std::string place = found->ToString();
  if (!master_.empty() && place != master_) {
    spdlog::warn("the sentinels say that the master is {} now, not {}", place, master_);
    link_.reset();
    on_other_master_();
  }
  master_ = place;
}

Status RedisWatch::HasRoom() const {
  const std::uint64_t limit = limit_;
  const std::uint64_t used = used_;
  if (limit == 0 || static_cast<double>(used) <= memory_most_ * static_cast<double>(limit)) return {};
  return Fail(Code::kResourceExhausted,
              "Redis uses " + std::to_string(used >> 20) + " of " + std::to_string(limit >> 20) + " MiB, and nothing new is begun above " +
                  std::to_string(static_cast<int>(memory_most_ * 100)) + " %: purge executions, or raise its maxmemory");
}

}  // namespace headrace::store
