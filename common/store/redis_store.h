// The store of a cluster: a Redis that several schedulers share, 7.0 or later.
// Shapes: docs/redis.md. A commit is one function call, many in flight; reads have connections of their own.
// Errors: what may pass is waited for; a database of others, an eviction policy, a missing right: each with its remedy.
// Threads: as store.h. What each durability can lose stands in docs/redis.md.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/store/lease.h"
#include "common/store/store.h"

namespace headrace::store {

enum class RedisDurability {
  kMemory,   // an answer means: Redis has it in memory
  kLocal,    // … and in its append-only file
  kReplica,  // … and so many replicas have it too
};

struct RedisOptions {
  std::string url;  // redis_address.h
  RedisDurability durability = RedisDurability::kLocal;
  int replicas = 1;                             // of kReplica
  std::string owner = "headrace";               // who takes partitions, for people
  const Clock* clock = nullptr;                 // says when a request has expired; outlives the store; null: the system's
  LogLimits log_limits{};
  double memory_most = 0.85;                    // of maxmemory; beyond it nothing new is begun
  Duration connect = std::chrono::seconds(2);   // to one server
  Duration reply = std::chrono::seconds(10);    // then the connection counts as broken
  Duration patience = std::chrono::seconds(20);  // of what people read, and of opening
  Duration read_patience = std::chrono::seconds(3);  // of what a scheduler reads while it decides, and of leases
  Duration outage = std::chrono::minutes(10);    // commits wait so long for Redis to come back, and what a partition begins with
  Duration ending = std::chrono::seconds(5);     // … and so long while the stores are closed
  std::function<void(bool answers)> on_look{};   // about once a second; from a thread of the store, which must not wait
};

// The stores of one database; closing waits a moment for what was committed.
struct RedisStores {
  std::unique_ptr<Store> store;
  std::unique_ptr<FlowStore> flows;
  std::unique_ptr<LogStore> logs;
  std::unique_ptr<LeaseStore> leases;
  // For who is told to end, and still has commits on their way: from now on Redis may be away for `ending` only. Also when
  // the stores are closed already.
  std::function<void()> hurry;
};

Result<RedisStores> OpenRedis(const RedisOptions& options);

// One thing about a server's settings, for `headrace doctor` and for opening.
struct RedisFinding {
  enum class Grade { kGood, kWarning, kFault };
  Grade grade = Grade::kGood;
  std::string text;
  std::string remedy{};
};

// Errors: the server cannot be asked.
Result<std::vector<RedisFinding>> ExamineRedis(const RedisOptions& options);

}  // namespace headrace::store
