// Results on disk until a scheduler has them: what a killed worker had done is reported by the next one in its folder.
// Shapes: FOLDER/spool-XXXXXX a process, locked while it lives; in it files of some results, each one frame with its
//   checksum. Many results share one flush. What was left by the dead is moved, not copied.
// Errors: what cannot be written is reported without (logged once); what is torn or foreign is removed (logged).
// Threads: a thread of its own writes; Keep, Drop and TakeLeft from one owner, `kept` is called on that thread.
// Source: FAILURES rows 5, 13 and 17; docs/protocol.md, "What survives a worker".
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <unordered_map>
#include <variant>
#include <vector>

#include "common/wire/messages.h"
#include "worker/files/beneath.h"

namespace headrace::worker {

struct SpoolLimits {
  std::size_t results = 10'000;
  std::uint64_t bytes = 256ULL * 1024 * 1024;
};

class Spool {
 public:
  // It is on disk now, or cannot be.
  using Kept = std::function<void(wire::TaskResult)>;

  static Result<std::unique_ptr<Spool>> Open(const std::string& folder, SpoolLimits limits, Kept kept);
  // Writes what was given to it. Results that nobody has dropped stay.
  ~Spool();
  Spool(const Spool&) = delete;
  Spool& operator=(const Spool&) = delete;

  // What processes that are gone have left. Once.
  std::vector<wire::TaskResult> TakeLeft() { return std::move(left_); }
  void Keep(wire::TaskResult result);
  // Somebody has it, or nobody wants it.
  void Drop(const wire::TaskKey& key);

 private:
  using Order = std::variant<wire::TaskResult, wire::TaskKey>;  // keep, drop
  struct File {
    std::size_t results = 0;
    std::uint64_t bytes = 0;
  };

  Spool(std::string path, UniqueFd folder, UniqueFd lock, SpoolLimits limits, Kept kept);
  void TakeOver(int parent, const std::string& name);
  void TakeFile(int from, const std::string& name);
  void Post(Order order);
  void Work();
  void Write(std::vector<wire::FromWorker> results);
  Status WriteFile(const std::string& name, const std::string& bytes) const;
  void Note(const std::vector<wire::FromWorker>& results, std::uint64_t bytes);
  void Remove(const wire::TaskKey& key);

  const std::string path_;
  const UniqueFd folder_;
  const UniqueFd lock_;
  const SpoolLimits limits_;
  const Kept kept_;
  std::vector<wire::TaskResult> left_{};

  // The thread's, and Open's before it.
  std::map<std::uint64_t, File> files_{};
  std::unordered_map<wire::TaskKey, std::uint64_t> file_of_{};
  std::uint64_t next_ = 0;
  std::uint64_t bytes_ = 0;
  bool trouble_ = false;  // was told

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Order> orders_;
  bool closing_ = false;
  std::thread thread_;
};

}  // namespace headrace::worker
