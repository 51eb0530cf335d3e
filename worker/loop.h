// One worker: pumps the queues of its schedulers to the session, runs its tasks, and sends what they say, many messages a frame.
// Called by the command line, and by tests over the memory queue.
// Errors: Run ends with FAILED_PRECONDITION when all schedulers refuse this worker for good; a broken frame is logged and dropped.
// Threads: Run owns its thread; Stop and Abort from any. Tasks run on threads of their own, quick ones in Run's.
// Source: DESIGN section 4.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "worker/channel_set.h"
#include "worker/files/storage.h"
#include "worker/files/working_directory.h"
#include "worker/inbox.h"
#include "worker/job.h"
#include "worker/notice_book.h"
#include "worker/options.h"
#include "worker/outbox.h"
#include "worker/process/supervisor.h"
#include "worker/registry.h"
#include "worker/session.h"
#include "worker/slot_pool.h"
#include "worker/spool.h"
#include "worker/vitals.h"

namespace headrace::worker {

class WorkerLoop final : private SessionPort {
 public:
  // Opens the working and storage folders. Everything named here outlives the loop; `engine` may be null.
  static Result<std::unique_ptr<WorkerLoop>> Open(WorkerOptions options, const Registry& registry,
                                                  Supervisor& supervisor, ChannelSet channels,
                                                  const Clock& clock, EngineDoor* engine = nullptr);
  ~WorkerLoop() override;

  // Called on Run's thread when a scheduler has welcomed this worker (true) and when the last one is lost (false). Before Run.
  void OnWelcome(std::function<void(bool)> tell) { tell_welcome_ = std::move(tell); }
  // Told from now on what this worker is about; it outlives the loop. Before Run.
  void Tell(Vitals* vitals) { vitals_ = vitals; }
  // Until it is drained, aborted or refused for good.
  Status Run();
  // Takes nothing new, finishes what runs, then Run ends.
  void Stop();
  // Ends what runs and tells nobody: the leases will end.
  void Abort();

 private:
  struct Parts;  // what must exist before the rest
  WorkerLoop(Parts parts, const Registry& registry, Supervisor& supervisor, ChannelSet channels,
             const Clock& clock, EngineDoor* engine);

  // SessionPort.
  void Send(LinkId link, wire::FromWorker message) override { outbox_.Add(link, std::move(message)); }
  void StartTask(StartOrder order) override;
  void CancelTask(const wire::TaskKey& key, Duration grace, const std::string& reason) override;
  void AbandonTask(const wire::TaskKey& key) override;
  void DropResult(const wire::TaskKey& key) override;

  void Tick();
  void ReceiveFrames();
  void Learn(const wire::ToWorker& message);
  void CloseOldLinks();
  void RunQuick();
  void ReadInbox();
  void WakeParked();
  void CheckDrain();
  void OnStepped(std::shared_ptr<Job> job, std::optional<Duration> again_after);
  void OnEnded(Job& job);
  void TellVitals();
  void NoteLog(const wire::LogEntry& entry);
  static bool IsWorthKeeping(const Job& job, const wire::TaskResult& result);
  void RunInSlot(std::shared_ptr<Job> job);
  void EndCancelled(const std::shared_ptr<Job>& job);
  Duration ReceiveTimeout() const;
  std::shared_ptr<const PreparedTask> PreparedFor(const std::shared_ptr<const wire::TaskSpec>& spec);
  Duration now() const { return clock_.Monotonic(); }

  const WorkerOptions options_;
  const Registry& registry_;
  ChannelSet channels_;
  const Clock& clock_;
  const SecretStore secrets_;
  NoticeBook notices_;
  const std::unique_ptr<Storage> storage_;
  std::unique_ptr<WorkingDirectories> directories_;
  const Services services_;
  WorkerSession session_;
  Outbox outbox_;
  Inbox inbox_;
  std::unique_ptr<Spool> spool_;  // null: results are in memory only

  std::atomic<bool> stop_ = false;
  std::atomic<bool> abort_ = false;
  std::function<void(bool)> tell_welcome_{};
  Vitals* vitals_ = nullptr;
  bool welcomed_ = false;
  std::optional<Duration> drain_ends_{};
  bool draining_ = false;

  // Loop's thread only.
  std::map<wire::TaskKey, std::shared_ptr<Job>, TaskKeyLess> jobs_;  // in a slot, waiting for one, or parked
  std::vector<std::shared_ptr<Job>> quick_;                          // begun by this tick's messages
  std::multimap<Duration, std::shared_ptr<Job>> parked_;
  std::map<const wire::TaskSpec*, std::shared_ptr<const PreparedTask>> prepared_;
  std::vector<ChannelSet::Arrival> frames_;
  Duration links_checked_{};
  std::vector<JobNews> news_;

  std::unique_ptr<SlotPool> slots_;  // last: its threads use the rest
};

}  // namespace headrace::worker
