#include "tests/unit/store/redis_nodes.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "common/store/redis_watch.h"

namespace headrace::store {
namespace {

constexpr std::size_t kMasters = 3;

std::string Slots(const Reply& slots) {
  std::string text;
  for (const Reply& range : slots.items) {
    text += std::to_string(range.items[0].number()) + "-" + std::to_string(range.items[1].number()) + ":" +
            std::to_string(range.items[2].items[1].number()) + " ";
  }
  return text;
}

}  // namespace

RedisNodes::RedisNodes(std::size_t replicas, const std::vector<std::string>& settings) {
  for (std::size_t i = 0; i < kMasters * (1 + replicas); ++i) {
    buses_.push_back(FreePort());
    std::vector<std::string> all{"--cluster-enabled", "yes", "--cluster-port", std::to_string(buses_[i]), "--cluster-node-timeout", "1000",
                                 "--cluster-require-full-coverage", "no", "--cluster-replica-validity-factor", "0",
                                 "--cluster-allow-replica-migration", "no"};
    all.insert(all.end(), settings.begin(), settings.end());
    servers_.emplace_back(std::move(all));
  }
  Meet();
}

void RedisNodes::Meet() {
  for (std::size_t i = 0; i < servers_.size(); ++i) {
    EXPECT_FALSE(servers_[i].Do({"CLUSTER", "SET-CONFIG-EPOCH", std::to_string(i + 1)}).error());
    if (i < kMasters) {
      const std::size_t first = kRedisSlots * i / kMasters;
      const std::size_t last = kRedisSlots * (i + 1) / kMasters - 1;
      EXPECT_FALSE(servers_[i].Do({"CLUSTER", "ADDSLOTSRANGE", std::to_string(first), std::to_string(last)}).error());
    }
    if (i > 0) {
      EXPECT_FALSE(servers_[0].Do({"CLUSTER", "MEET", "127.0.0.1", std::to_string(servers_[i].port()), std::to_string(buses_[i])}).error());
    }
  }
  const auto all_known = [this](const RedisServer& one) {
    return InfoOf(one, "cluster_known_nodes") == std::to_string(servers_.size()) && InfoOf(one, "cluster_state") == "ok";
  };
  Eventually("the nodes know each other", [&] { return std::all_of(servers_.begin(), servers_.end(), all_known); });
  for (std::size_t i = kMasters; i < servers_.size(); ++i) {
    EXPECT_FALSE(servers_[i].Do({"CLUSTER", "REPLICATE", NameOf(servers_[i % kMasters])}).error());
  }
  Eventually("replicas follow", [this] {
    return Agree() && std::all_of(servers_.begin() + kMasters, servers_.end(), [](const RedisServer& one) {
      return one.Info("replication", "master_link_status") == "up";
    });
  });
}

std::string RedisNodes::InfoOf(const RedisServer& server, const std::string& name) {
  return InfoValue(server.Do({"CLUSTER", "INFO"}).text, name);
}

bool RedisNodes::Agree() const {
  std::string first;
  for (const RedisServer& server : servers_) {
    if (!server.runs()) continue;
    if (InfoOf(server, "cluster_state") != "ok") return false;
    const std::string slots = Slots(server.Do({"CLUSTER", "SLOTS"}));
    if (first.empty()) first = slots;
    if (slots != first) return false;
  }
  return true;
}

std::string RedisNodes::NameOf(const RedisServer& server) const { return server.Do({"CLUSTER", "MYID"}).text; }

std::string RedisNodes::url() const {
  std::string hosts;
  for (const RedisServer& server : servers_) hosts += (hosts.empty() ? "" : ",") + ("127.0.0.1:" + std::to_string(server.port()));
  return "redis+cluster://" + hosts;
}

RedisServer& RedisNodes::MasterOf(RedisSlot slot) {
  Eventually("the nodes agree", [this] { return Agree(); });
  const auto running = std::find_if(servers_.begin(), servers_.end(), [](const RedisServer& one) { return one.runs(); });
  std::int64_t port = 0;
  for (const Reply& range : running->Do({"CLUSTER", "SLOTS"}).items) {
    if (range.items[0].number() <= slot && slot <= range.items[1].number()) port = range.items[2].items[1].number();
  }
  const auto found = std::find_if(servers_.begin(), servers_.end(), [&](const RedisServer& one) { return one.port() == port; });
  EXPECT_NE(found, servers_.end());
  return *found;
}

RedisServer& RedisNodes::AnotherThan(RedisSlot slot) {
  const RedisServer& owner = MasterOf(slot);
  return &owner == &servers_[0] ? servers_[1] : servers_[0];
}

RedisServer& RedisNodes::ReplicaOf(const RedisServer& master) {
  const auto found = std::find_if(servers_.begin(), servers_.end(), [&](const RedisServer& one) {
    return one.Info("replication", "master_port") == std::to_string(master.port());
  });
  EXPECT_NE(found, servers_.end());
  return *found;
}

void RedisNodes::Emptied() {
  for (RedisServer& server : servers_) server.Do({"FLUSHALL"});  // a replica refuses, and follows
}

void RedisNodes::BeginMove(RedisSlot slot, RedisServer& to) {
  RedisServer& from = MasterOf(slot);
  EXPECT_FALSE(to.Do({"CLUSTER", "SETSLOT", std::to_string(slot), "IMPORTING", NameOf(from)}).error());
  EXPECT_FALSE(from.Do({"CLUSTER", "SETSLOT", std::to_string(slot), "MIGRATING", NameOf(to)}).error());
}

void RedisNodes::MoveKeys(RedisSlot slot, RedisServer& from, RedisServer& to, int most) {
  const Reply keys = from.Do({"CLUSTER", "GETKEYSINSLOT", std::to_string(slot), std::to_string(most)});
  for (const Reply& key : keys.items) {
    const Reply moved = from.Do({"MIGRATE", "127.0.0.1", std::to_string(to.port()), key.text, "0", "5000"});
    EXPECT_FALSE(moved.error()) << moved.text;
  }
}

void RedisNodes::EndMove(RedisSlot slot, RedisServer& from, RedisServer& to) {
  // The last keys may have come while the others went.
  while (from.Do({"CLUSTER", "COUNTKEYSINSLOT", std::to_string(slot)}).integer > 0) MoveKeys(slot, from, to);
  const std::string name = NameOf(to);
  for (RedisServer* server : {&to, &from}) EXPECT_FALSE(server->Do({"CLUSTER", "SETSLOT", std::to_string(slot), "NODE", name}).error());
  Eventually("all know it", [this] { return Agree(); });
}

std::int64_t RedisNodes::Told(const std::string& error) {
  std::int64_t told = 0;
  for (const RedisServer& server : servers_) {
    if (!server.runs()) continue;
    const std::string count = server.Info("errorstats", "errorstat_" + error);  // "count=7"
    if (count.size() > 6) told += std::stoll(count.substr(6));
  }
  return told;
}

}  // namespace headrace::store
