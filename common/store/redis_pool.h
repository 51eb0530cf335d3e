// Connections for everything but commits: taken, used and given back; calls are made again when that may help.
// Shapes: in a cluster each command goes to the master of its first key's slot, and one without a key where the one before it
//   went; what those for other masters did holds when one master is away.
// Errors: as redis_errors.h once `patience` is over; other refusals at once. REQUIRES of callers: a call that comes twice
//   does what it does once.
// Threads: any.
#pragma once

#include <map>
#include <mutex>
#include <optional>

#include "common/store/redis_gate.h"
#include "common/store/redis_locator.h"

namespace headrace::store {

struct RedisPatience {
  Duration connect = std::chrono::seconds(2);
  Duration reply = std::chrono::seconds(10);
  Duration total = std::chrono::seconds(20);
  // It counts from when Redis went away, for all callers together: whoever comes later is told so, and one of them asks now and
  // then. For who has much to ask.
  bool together = false;
};

class RedisPool {
 public:
  // `gates`: only servers that they let through are asked.
  RedisPool(const RedisLocator& locator, RedisPatience patience, RedisGates* gates = nullptr)
      : locator_(locator), patience_(patience), gates_(gates) {}
  // Whether the commands of one call may be applied one without the other.
  bool clustered() const { return locator_.cluster() != nullptr; }

  // One round trip for all; the first error reply is the answer.
  Result<std::vector<Reply>> Call(std::span<const std::string> commands) { return Call(commands, patience_.total); }
  Result<std::vector<Reply>> Call(std::span<const std::string> commands, Duration total);
  Result<Reply> Call(Command command) { return Call(std::move(command), patience_.total); }
  Result<Reply> Call(Command command, Duration total);
  // The master is another one: connections that rest are of no use.
  void Forget();
  // From now on no call takes longer than this, however patient it is: who ends does not wait for a Redis that is away.
  void Hurry(Duration most);

 private:
  struct Resting {
    std::unique_ptr<RedisLink> link;
    std::uint64_t age = 0;
  };
  struct Server {
    std::vector<Resting> resting;
    // Since when no call got through, and the latest that did not.
    std::optional<Deadline> away_since;
    Deadline away_at{};
    Error away_why{};
  };
  // What goes to one master of a cluster.
  struct Part {
    RedisEndpoint master;
    std::string place;
    std::vector<std::size_t> commands{};
    bool waits = false;
    Deadline deadline{};
    Resting taken{};
    std::optional<Error> error{};
  };
  static Duration UpTo(Duration most, Deadline deadline);
  // When one that is so patient and began then gives up on this server.
  Deadline GivesUp(const std::string& place, Deadline began, Duration total);
  // What is known of a Redis that nobody waits for any more, and that was asked just now.
  std::optional<Error> KnownAway(const std::string& place, Duration total);
  void NoteOutcome(const std::string& place, const std::optional<Error>& away);
  // `master`: of a cluster.
  Result<Resting> Take(const std::string& place, const RedisEndpoint* master, Deadline deadline);
  void GiveBack(const std::string& place, Resting resting);
  Result<std::vector<Reply>> Try(std::span<const std::string> commands, Deadline deadline);

  // redis_pool_cluster.cc. `where`: the server that is away, if one is.
  Result<std::vector<Reply>> TryInCluster(std::span<const std::string> commands, Deadline began, Duration total, std::string& where);
  Result<std::vector<Part>> Divide(std::span<const std::string> commands, Duration timeout) const;
  Status Begin(Part& part, std::span<const std::string> commands);
  void Broke(const Part& part, const Error& error);
  Status End(Part& part, std::span<const std::string> commands, std::vector<Reply>& replies);
  Status Answered(Part& part, const std::string& command, Reply& reply, bool& sound);
  Result<Reply> AskThere(const Part& part, const std::string& command, const std::string& told);

  const RedisLocator& locator_;
  const RedisPatience patience_;
  RedisGates* const gates_;
  std::mutex mutex_;
  std::map<std::string, Server> servers_;  // by place; one without a name where there is no cluster
  std::uint64_t age_ = 0;
  std::optional<Deadline> hurry_;
};

}  // namespace headrace::store
