// Keeps reads that decide something away from a server that may have forgotten confirmed commits, until the writer has
// compared what it has and written the rest again.
// Shapes: a server is its run and history (RedisLink::server): a restart and a promotion make it another one.
// Errors: UNAVAILABLE while the writer is not so far, which passes; the writer's own failure once it has given up.
// Threads: any; `on_doubt` is called by readers.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "common/base/error.h"
#include "common/store/store.h"

namespace headrace::store {

class RedisGate {
 public:
  // Of the writer: it compares with this server now; it has, and all that was missing is there; it has given up.
  void Compare(const std::string& server);
  void Open(const std::string& server);
  void Shut(const Error& error);
  // The reader has come to another server than the writer speaks with: the writer should look where the master is.
  void OnDoubt(std::function<void()> on_doubt);

  // Whether what is read there holds all that was confirmed.
  Status MayRead(const std::string& server);

 private:
  std::mutex mutex_;
  std::function<void()> on_doubt_;
  std::string compared_;  // by the writer now
  std::string open_;
  std::optional<Error> failure_;
  std::optional<std::chrono::steady_clock::time_point> doubted_;
};

// The gates of one database: one, or in a cluster one a partition that this process commits to. Of the others, and of what is no
// partition's, it has confirmed nothing that could be forgotten.
// Threads: any.
class RedisGates {
 public:
  RedisGate& whole() { return whole_; }
  RedisGate& Make(PartitionId partition);
  Status MayRead(PartitionId partition, const std::string& server);

 private:
  RedisGate whole_;
  std::mutex mutex_;
  std::map<PartitionId, std::unique_ptr<RedisGate>> gates_;
};

}  // namespace headrace::store
