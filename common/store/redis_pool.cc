#include "common/store/redis_pool.h"

#include <algorithm>
#include <thread>

#include "common/store/redis_errors.h"
#include "common/store/redis_library.h"

namespace headrace::store {
namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr std::size_t kRestingMax = 16;
constexpr Duration kFirstPause = std::chrono::milliseconds(5);
constexpr Duration kLongestPause = std::chrono::milliseconds(500);
// A call that is late already asks once, and a server far away must have the time to answer …
constexpr Duration kLeast = std::chrono::milliseconds(500);
// … but not every call: of many that come one after the other only the first waits for a server that hangs.
constexpr Duration kAskAgain = std::chrono::milliseconds(200);
// So long after the last call that failed nobody knows whether Redis is away still.
constexpr Duration kOutageKnown = std::chrono::seconds(5);

// Where there is no cluster.
const std::string kOnly;

}  // namespace

Duration RedisPool::UpTo(Duration most, Deadline deadline) {
  return std::clamp(std::chrono::duration_cast<Duration>(deadline - SteadyClock::now()), kLeast, std::max(most, kLeast));
}

Result<RedisPool::Resting> RedisPool::Take(const std::string& place, const RedisEndpoint* master, Deadline deadline) {
  std::uint64_t age = 0;
  {
    std::lock_guard lock(mutex_);
    std::vector<Resting>& resting = servers_[place].resting;
    if (!resting.empty()) {
      Resting taken = std::move(resting.back());
      resting.pop_back();
      return taken;
    }
    age = age_;
  }
  const Duration timeout = UpTo(patience_.connect, deadline);
  ASSIGN_OR_RETURN(auto link, master != nullptr ? locator_.ConnectTo(*master, timeout) : locator_.Connect(timeout));
  if (gates_ != nullptr && master == nullptr) RETURN_IF_ERROR(gates_->whole().MayRead(link->server()));
  return Resting{std::move(link), age};
}

void RedisPool::GiveBack(const std::string& place, Resting resting) {
  std::lock_guard lock(mutex_);
  std::vector<Resting>& others = servers_[place].resting;
  if (resting.age == age_ && others.size() < kRestingMax) others.push_back(std::move(resting));
}

void RedisPool::Forget() {
  std::vector<std::vector<Resting>> old;
  std::lock_guard lock(mutex_);
  ++age_;
  for (auto& [place, server] : servers_) old.push_back(std::exchange(server.resting, {}));
}

void RedisPool::Hurry(Duration most) {
  std::lock_guard lock(mutex_);
  const Deadline deadline = SteadyClock::now() + most;
  hurry_ = std::min(hurry_.value_or(deadline), deadline);
}

Deadline RedisPool::GivesUp(const std::string& place, Deadline began, Duration total) {
  std::lock_guard lock(mutex_);
  const Server& server = servers_[place];
  const bool away = patience_.together && server.away_since && SteadyClock::now() - server.away_at <= kOutageKnown;
  const Deadline deadline = (away ? std::min(began, *server.away_since) : began) + total;
  return std::min(deadline, hurry_.value_or(deadline));
}

std::optional<Error> RedisPool::KnownAway(const std::string& place, Duration total) {
  std::lock_guard lock(mutex_);
  const Server& server = servers_[place];
  const Deadline now = SteadyClock::now();
  const bool known = patience_.together && server.away_since && now - *server.away_since > total && now - server.away_at < kAskAgain;
  return known ? std::optional(server.away_why) : std::nullopt;
}

void RedisPool::NoteOutcome(const std::string& place, const std::optional<Error>& away) {
  std::lock_guard lock(mutex_);
  Server& server = servers_[place];
  const Deadline now = SteadyClock::now();
  if (!away) return server.away_since.reset();
  if (!server.away_since || now - server.away_at > kOutageKnown) server.away_since = now;
  server.away_at = now;
  if (clustered()) server.resting.clear();
  server.away_why = *away;
}

Result<std::vector<Reply>> RedisPool::Try(std::span<const std::string> commands, Deadline deadline) {
  ASSIGN_OR_RETURN(Resting taken, Take(kOnly, nullptr, deadline));
  const Duration timeout = UpTo(patience_.reply, deadline);
  ASSIGN_OR_RETURN(std::vector<Reply> replies, taken.link->Exchange(commands, timeout));
  for (const Reply& reply : replies) {
    if (!reply.error()) continue;
    const Trouble trouble = ReadTrouble(reply.text).trouble;
    if (trouble == Trouble::kLoad) RETURN_IF_ERROR(LoadFunctions(*taken.link, timeout));
    Error error = ErrorOf(reply.text, taken.link->place());
    if (trouble != Trouble::kElsewhere) GiveBack(kOnly, std::move(taken));
    return Fail(std::move(error));
  }
  GiveBack(kOnly, std::move(taken));
  return replies;
}

Result<std::vector<Reply>> RedisPool::Call(std::span<const std::string> commands, Duration total) {
  const Deadline began = SteadyClock::now();
  std::string where;
  if (auto away = clustered() ? std::nullopt : KnownAway(kOnly, total)) return Fail(std::move(*away));
  Duration pause = kFirstPause;
  while (true) {
    auto replies = clustered() ? TryInCluster(commands, began, total, where) : Try(commands, GivesUp(kOnly, began, total));
    const bool away = !replies && replies.error().code == Code::kUnavailable;
    if (!clustered()) {
      NoteOutcome(kOnly, away ? std::optional(replies.error()) : std::nullopt);
      if (away) Forget();
    }
    if (!away || SteadyClock::now() + pause > GivesUp(where, began, total)) return replies;
    std::this_thread::sleep_for(pause);
    pause = std::min(pause * 2, kLongestPause);
  }
}

Result<Reply> RedisPool::Call(Command command, Duration total) {
  const std::string bytes = std::move(command).Take();
  ASSIGN_OR_RETURN(std::vector<Reply> replies, Call(std::span(&bytes, 1), total));
  return std::move(replies.front());
}

}  // namespace headrace::store
