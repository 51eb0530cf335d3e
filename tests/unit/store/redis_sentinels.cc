#include "tests/unit/store/redis_sentinels.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>

namespace headrace::store {
namespace {

constexpr std::size_t kServers = 3;

std::string Config(int master) {
  const std::string port = std::to_string(master);
  return "sentinel monitor main 127.0.0.1 " + port +
         " 2\nsentinel down-after-milliseconds main 1000\nsentinel failover-timeout main 3000\nsentinel parallel-syncs main 2\n";
}

std::map<std::string, std::string> Fields(const Reply& reply) {
  std::map<std::string, std::string> fields;
  for (std::size_t i = 0; i + 1 < reply.items.size(); i += 2) fields[reply.items[i].text] = reply.items[i + 1].text;
  return fields;
}

}  // namespace

RedisSentinels::RedisSentinels() {
  for (std::size_t i = 0; i < kServers; ++i) {
    std::vector<std::string> settings{"--min-replicas-to-write", "1", "--min-replicas-max-lag", "10"};
    if (i > 0) settings.insert(settings.end(), {"--replicaof", "127.0.0.1", std::to_string(servers_[0].port())});
    servers_.emplace_back(std::move(settings));
  }
  for (std::size_t i = 0; i < kServers; ++i) {
    sentinels_.push_back(RedisServer::Sentinel(Config(servers_[0].port())));
    // They look and talk more often than they would, or every failover would take ten seconds to be known to all.
    EXPECT_FALSE(sentinels_[i].Do({"SENTINEL", "DEBUG", "info-period", "200", "publish-period", "200", "ask-period", "200", "ping-period",
                                   "200"}).error());
  }
  Settle();
}

void RedisSentinels::Settle() const {
  Eventually("servers and sentinels agree", [this] {
    const std::string master = std::to_string(MasterPort());
    return std::all_of(sentinels_.begin(), sentinels_.end(), [&](const RedisServer& sentinel) { return Agrees(sentinel, master); });
  });
}

bool RedisSentinels::Agrees(const RedisServer& sentinel, const std::string& master) {
  auto state = Fields(sentinel.Do({"SENTINEL", "MASTER", "main"}));
  if (state["port"] != master || state["flags"] != "master" || state["num-slaves"] != "2" || state["num-other-sentinels"] != "2") return false;
  const Reply replicas = sentinel.Do({"SENTINEL", "REPLICAS", "main"});
  return std::all_of(replicas.items.begin(), replicas.items.end(), [&](const Reply& replica) {
    auto one = Fields(replica);
    return one["flags"] == "slave" && one["master-link-status"] == "ok" && one["master-port"] == master;
  });
}

std::string RedisSentinels::url() const {
  std::string hosts;
  for (const RedisServer& sentinel : sentinels_) hosts += (hosts.empty() ? "" : ",") + ("127.0.0.1:" + std::to_string(sentinel.port()));
  return "redis+sentinel://" + hosts + "/main";
}

int RedisSentinels::MasterPort() const {
  const Reply reply = sentinels_[0].Do({"SENTINEL", "get-master-addr-by-name", "main"});
  return reply.items.size() == 2 ? static_cast<int>(reply.items[1].number()) : 0;
}

RedisServer& RedisSentinels::master() {
  const int port = MasterPort();
  for (RedisServer& server : servers_) {
    if (server.port() == port) return server;
  }
  ADD_FAILURE() << "no server has the master's port " << port;
  std::abort();
}

void RedisSentinels::KillMaster() {
  RedisServer& old = master();
  killed_ = static_cast<std::size_t>(&old - servers_.data());
  old.Kill();
}

void RedisSentinels::Heal() {
  RedisServer& killed = servers_[killed_];
  Eventually("another master", [&] { return MasterPort() != killed.port() && master().Info("replication", "role") == "master"; });
  killed.Start({"--replicaof", "127.0.0.1", std::to_string(MasterPort())});
  Settle();
}

void RedisSentinels::FailOver() {
  KillMaster();
  Heal();
}

}  // namespace headrace::store
