// A worker on a thread of its own, over any queues.
// Errors: a working folder that cannot be made names it; Wait tells why a worker was refused.
// Threads: the owner's; fd is for poll.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "common/base/clock.h"
#include "worker/channel_set.h"
#include "worker/engine_door.h"
#include "worker/loop.h"
#include "worker/options.h"
#include "worker/process/supervisor.h"
#include "worker/vitals.h"

namespace headrace::cli {

class WorkerHost {
 public:
  using TaskEnded = std::function<void(const std::string& type, model::State state)>;
  // `supervisor` and `clock` outlive the host. `engine` is for tasks that ask it; null: they fail and say so. `task_ended`
  // may be empty; it is called on the worker's thread.
  static Result<std::unique_ptr<WorkerHost>> Start(worker::WorkerOptions options, worker::Supervisor& supervisor,
                                                   worker::ChannelSet channels, const Clock& clock,
                                                   std::unique_ptr<worker::EngineDoor> engine,
                                                   TaskEnded task_ended = {});
  ~WorkerHost();  // aborts what still runs

  // Takes nothing new and ends when what runs has ended and is acked.
  void Drain() { loop_->Stop(); }
  // Ends what runs, telling nobody.
  void Abort() { loop_->Abort(); }
  // Readable once the worker has ended.
  int fd() const { return ended_; }
  bool ended() const { return over_.load(); }
  // Whether a scheduler has welcomed it and is still heard; `welcome_fd` is readable when that has changed.
  bool welcomed() const { return welcomed_.load(); }
  int welcome_fd() const { return welcome_; }
  // Makes `welcome_fd` unreadable until the next change.
  void NoteWelcome();
  const worker::Vitals& vitals() const { return *vitals_; }
  // Until it has ended: why.
  Status Wait();

 private:
  WorkerHost(worker::Registry registry, std::unique_ptr<worker::EngineDoor> engine);

  const worker::Registry registry_;
  const std::unique_ptr<worker::EngineDoor> engine_;
  const int ended_;
  const int welcome_;
  std::atomic<bool> welcomed_ = false;
  std::atomic<bool> over_ = false;
  Status why_{};
  const std::unique_ptr<worker::Vitals> vitals_ = std::make_unique<worker::Vitals>();
  std::unique_ptr<worker::WorkerLoop> loop_;
  std::thread thread_;
};

// Name, build, environment and folders of a worker of this process. `id` may be empty.
worker::WorkerOptions WorkerDefaults(const std::string& id);

}  // namespace headrace::cli
