#include "common/store/redis_watch.h"

#include <algorithm>
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

// Where a server does not say, it was asked when the store was opened.
bool Evicts(const std::string& policy) { return !policy.empty() && policy != "noeviction"; }

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

RedisWatch::RedisWatch(const RedisLocator& locator, double memory_most, Duration timeout, std::function<void()> on_other_master,
                       std::function<void(bool)> on_look)
    : locator_(locator), memory_most_(memory_most), timeout_(timeout), on_other_master_(std::move(on_other_master)),
      on_look_(std::move(on_look)) {
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
  const auto masters = LookForMasters();
  bool answer = masters.has_value();
  for (const RedisEndpoint& master : masters_) {
    const Status looked = LookAt(master);
    answer = answer && looked.has_value();
    if (looked) continue;
    std::lock_guard lock(mutex_);
    seen_[master.ToString()].link.reset();  // whoever commits says so
  }
  if (on_look_) on_look_(answer);
}

Status RedisWatch::LookAt(const RedisEndpoint& master) {
  const std::string place = master.ToString();
  std::unique_ptr<RedisLink> link;
  {
    std::lock_guard lock(mutex_);
    link = std::move(seen_[place].link);
  }
  if (!link) {
    ASSIGN_OR_RETURN(link, locator_.ConnectTo(master, timeout_));
  }
  const std::array<std::string, 2> questions{Command{"INFO", "memory"}.Take(), Command{"INFO", "replication"}.Take()};
  ASSIGN_OR_RETURN(const std::vector<Reply> replies, link->Exchange(questions, timeout_));
  for (const Reply& reply : replies) {
    if (reply.error()) return Fail(ErrorOf(reply.text, link->place()));
  }
  if (locator_.cluster() != nullptr && InfoValue(replies[1].text, "role") != "master") locator_.cluster()->Doubt();
  const std::uint64_t most = Number(InfoValue(replies[0].text, "maxmemory"));
  std::string policy(InfoValue(replies[0].text, "maxmemory_policy"));
  std::lock_guard lock(mutex_);
  if (Evicts(policy) && seen_[place].policy != policy) {
    spdlog::error("Redis at {} has maxmemory-policy {} now and may throw away what it holds: nothing new is begun until it is noeviction", place, policy);
  }
  // Without a bound of its own it has the machine's.
  seen_[place] = {std::move(link), Number(InfoValue(replies[0].text, "used_memory")),
                  most != 0 ? most : Number(InfoValue(replies[0].text, "total_system_memory")),
                  static_cast<int>(Number(InfoValue(replies[1].text, "connected_slaves"))), std::move(policy)};
  return {};
}

// Those that it knew stay while nobody says who they are.
Result<std::vector<RedisEndpoint>> RedisWatch::LookForMasters() {
  if (locator_.cluster() != nullptr) locator_.cluster()->Doubt();  // once a second it is asked anew
  auto found = locator_.FindMasters(timeout_);
  if (!found || *found == masters_) return found;
  if (!masters_.empty()) {
    std::string names;
    for (const RedisEndpoint& master : *found) names += (names.empty() ? "" : ", ") + master.ToString();
    if (locator_.address().sentinel()) spdlog::warn("the sentinels say that the master is {} now, not {}", names, masters_[0].ToString());
    else spdlog::warn("the masters of the cluster are {} now", names);
    on_other_master_();
  }
  masters_ = *found;
  std::lock_guard lock(mutex_);
  std::erase_if(seen_, [this](const auto& one) {
    return std::none_of(masters_.begin(), masters_.end(), [&](const RedisEndpoint& master) { return master.ToString() == one.first; });
  });
  return found;
}

int RedisWatch::replicas(const std::string& place) const {
  std::lock_guard lock(mutex_);
  const auto found = place.empty() ? seen_.begin() : seen_.find(place);
  return found == seen_.end() ? 0 : found->second.replicas;
}

Status RedisWatch::HasRoom() const {
  std::lock_guard lock(mutex_);
  for (const auto& [place, seen] : seen_) {
    if (Evicts(seen.policy)) {
      return Fail(Code::kResourceExhausted, "Redis at " + place + " has maxmemory-policy " + seen.policy +
                                                " and may throw away what it holds: nothing new is begun until it is noeviction");
    }
    if (seen.limit == 0 || static_cast<double>(seen.used) <= memory_most_ * static_cast<double>(seen.limit)) continue;
    return Fail(Code::kResourceExhausted,
                "Redis" + (seen_.size() > 1 ? " at " + place : "") + " uses " + std::to_string(seen.used >> 20) + " of " +
                    std::to_string(seen.limit >> 20) + " MiB, and nothing new is begun above " +
                    std::to_string(static_cast<int>(memory_most_ * 100)) + " %: purge executions, or raise its maxmemory");
  }
  return {};
}

}  // namespace headrace::store
