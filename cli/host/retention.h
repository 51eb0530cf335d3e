// Deletes executions that began longer ago than they are kept, with their logs and files, while the engine runs.
// Shapes: all that have ended, a page at a time, an hour apart at most. Of schedulers that share a store the first by its id does it.
// Errors: what cannot be deleted now is tried again at the next turn, and a warning says why.
// Threads: one of its own; the destructor waits for the page that is under way. Source: docs/operations.md.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>

#include "common/base/clock.h"
#include "scheduler/engine.h"

namespace headrace::cli {

class Retention {
 public:
  // `keep` as the option has it; null where it is empty. `engine` and `clock` outlive what is returned.
  static Result<std::unique_ptr<Retention>> Start(scheduler::Engine& engine, const Clock& clock, const std::string& keep);
  ~Retention();

 private:
  Retention(scheduler::Engine& engine, const Clock& clock, Duration keep);
  void Run();
  bool IsMine();
  Status Purge();
  // False when it ends.
  bool Rest(Duration length);

  scheduler::Engine& engine_;
  const Clock& clock_;
  const Duration keep_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool ends_ = false;
  std::thread thread_;
};

}  // namespace headrace::cli
