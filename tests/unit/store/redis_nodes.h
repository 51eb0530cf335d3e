// A Redis Cluster of the test's own: three masters, each with as many replicas as wanted.
// Threads: one owner.
#pragma once

#include <algorithm>

#include "common/store/redis_slots.h"
#include "tests/unit/store/redis_server.h"

namespace headrace::store {

class RedisNodes {
 public:
  // `settings` of every server.
  explicit RedisNodes(std::size_t replicas = 0, const std::vector<std::string>& settings = {});
  std::string url() const;
  // Who serves the slot, as the servers that run agree.
  RedisServer& MasterOf(RedisSlot slot);
  // A master that does not serve it.
  RedisServer& AnotherThan(RedisSlot slot);
  RedisServer& ReplicaOf(const RedisServer& master);
  void Emptied();
  void ForEachServer(const std::function<void(RedisServer&)>& each) { std::for_each(servers_.begin(), servers_.end(), each); }
  // Brings the slot to the other: first both say that it moves, then the keys go, then all know it.
  void BeginMove(RedisSlot slot, RedisServer& to);
  void MoveKeys(RedisSlot slot, RedisServer& from, RedisServer& to, int most = 1'000'000);
  void EndMove(RedisSlot slot, RedisServer& from, RedisServer& to);
  // Of one kind of error reply, in all servers.
  std::int64_t Told(const std::string& error);

 private:
  void Meet();
  bool Agree() const;
  std::string NameOf(const RedisServer& server) const;
  static std::string InfoOf(const RedisServer& server, const std::string& name);

  std::vector<RedisServer> servers_;  // the masters first
  std::vector<int> buses_;
};

}  // namespace headrace::store
