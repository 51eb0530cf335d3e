// Three servers, one of them the master, and three sentinels that promote another when it dies.
// Threads: one owner.
#pragma once

#include "tests/unit/store/redis_server.h"

namespace headrace::store {

class RedisSentinels {
 public:
  RedisSentinels();
  std::string url() const;
  RedisServer& master();
  // Kills the master and waits until another one is, and the killed one follows it.
  void FailOver();
  // Only kills it; Heal starts it again as a replica.
  void KillMaster();
  void Heal();

 private:
  int MasterPort() const;
  // Waits until every sentinel sees one master and two replicas that follow it.
  void Settle() const;
  static bool Agrees(const RedisServer& sentinel, const std::string& master);
  std::vector<RedisServer> servers_;
  std::vector<RedisServer> sentinels_;
  std::size_t killed_ = 0;
};

}  // namespace headrace::store
