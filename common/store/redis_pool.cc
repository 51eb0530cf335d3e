#include "common/store/redis_pool.h"

#include <thread>

#include "common/store/redis_errors.h"
#include "common/store/redis_library.h"

namespace headrace::store {
namespace {

constexpr std::size_t kRestingMax = 16;
constexpr Duration kFirstPause = std::chrono::milliseconds(5);
constexpr Duration kLongestPause = std::chrono::milliseconds(500);

}  // namespace

Result<RedisPool::Resting> RedisPool::Take() {
  std::uint64_t age = 0;
  {
    std::lock_guard lock(mutex_);
    if (!resting_.empty()) {
      Resting taken = std::move(resting_.back());
      resting_.pop_back();
      return taken;
    }
    age = age_;
  }
  ASSIGN_OR_RETURN(auto link, locator_.Connect(patience_.connect));
  return Resting{std::move(link), age};
}

void RedisPool::GiveBack(Resting resting) {
  std::lock_guard lock(mutex_);
  if (resting.age == age_ && resting_.size() < kRestingMax) resting_.push_back(std::move(resting));
}

void RedisPool::Forget() {
  std::vector<Resting> old;
  std::lock_guard lock(mutex_);
  ++age_;
  old.swap(resting_);
}

Result<std::vector<Reply>> RedisPool::Try(std::span<const std::string> commands) {
  ASSIGN_OR_RETURN(Resting taken, Take());
  ASSIGN_OR_RETURN(std::vector<Reply> replies, taken.link->Exchange(commands, patience_.reply));
  for (const Reply& reply : replies) {
    if (!reply.error()) continue;
    const Trouble trouble = ReadTrouble(reply.text).trouble;
    if (trouble == Trouble::kLoad) RETURN_IF_ERROR(LoadFunctions(*taken.link, patience_.reply));
    Error error = ErrorOf(reply.text, taken.link->place());
    if (trouble != Trouble::kElsewhere) GiveBack(std::move(taken));
    return Fail(std::move(error));
  }
  GiveBack(std::move(taken));
  return replies;
}

Result<std::vector<Reply>> RedisPool::Call(std::span<const std::string> commands) {
  const Deadline deadline = std::chrono::steady_clock::now() + patience_.total;
  Duration pause = kFirstPause;
  while (true) {
    auto replies = Try(commands);
    if (replies || replies.error().code != Code::kUnavailable) return replies;
    if (std::chrono::steady_clock::now() + pause > deadline) return replies;
    Forget();
    std::this_thread::sleep_for(pause);
    pause = std::min(pause * 2, kLongestPause);
  }
}

Result<Reply> RedisPool::Call(Command command) {
  const std::string bytes = std::move(command).Take();
  ASSIGN_OR_RETURN(std::vector<Reply> replies, Call(std::span(&bytes, 1)));
  return std::move(replies.front());
}

}  // namespace headrace::store
