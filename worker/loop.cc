#include "worker/loop.h"

#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>

#include "common/base/random.h"

namespace headrace::worker {
namespace {

constexpr std::size_t kFramesATick = 64;
constexpr std::size_t kInboxBytes = 8 * 1024 * 1024;
constexpr std::size_t kPreparedMax = 4096;
constexpr Duration kIdleMax = std::chrono::seconds(60);
// A quick task that took less is run again sooner than its result would be on the disk.
constexpr Duration kWorthKeeping = std::chrono::seconds(1);
// A scheduler that nobody tells of and that does not answer for so many leases is gone.
constexpr int kLeasesToldOf = 10;

WorkerOptions Complete(WorkerOptions options) {
  if (options.incarnation == 0) options.incarnation = Random::FromSystem().Next();
  options.storage_dir = StorageFolder(options);
  return options;
}

SessionOptions ToSession(const WorkerOptions& options) {
  return {.worker = options.id,
          .incarnation = options.incarnation,
          .group = options.group,
          .tags = options.tags,
          .capacity = static_cast<std::uint32_t>(std::max(options.slots, 1) + std::max(options.prefetch, 0)),
          .build = options.build,
          .host = options.host,
          .pid = static_cast<std::uint32_t>(getpid())};
}

}  // namespace

struct WorkerLoop::Parts {
  WorkerOptions options;
  std::unique_ptr<Storage> storage;
  std::unique_ptr<WorkingDirectories> directories;
};

Result<std::unique_ptr<WorkerLoop>> WorkerLoop::Open(WorkerOptions options, const Registry& registry,
                                                     Supervisor& supervisor, ChannelSet channels,
                                                     const Clock& clock, EngineDoor* engine) {
  options = Complete(std::move(options));
  ASSIGN_OR_RETURN(auto storage, OpenLocalStorage(options.storage_dir));
  ASSIGN_OR_RETURN(auto directories, WorkingDirectories::Open(options.tmp_dir, options.id.str()));
  Parts parts{std::move(options), std::move(storage), std::move(directories)};
  const std::string results = parts.options.spool ? parts.options.tmp_dir + "/results" : std::string();
  std::unique_ptr<WorkerLoop> loop(new WorkerLoop(std::move(parts), registry, supervisor, std::move(channels), clock, engine));
  if (results.empty()) return loop;
  const auto kept = [self = loop.get()](wire::TaskResult result) { self->inbox_.Post(ResultKept{std::move(result)}); };
  ASSIGN_OR_RETURN(loop->spool_, Spool::Open(results, {}, kept));
  return loop;
}

WorkerLoop::WorkerLoop(Parts parts, const Registry& registry, Supervisor& supervisor, ChannelSet channels,
                       const Clock& clock, EngineDoor* engine)
    : options_(std::move(parts.options)), registry_(registry), channels_(std::move(channels)), clock_(clock),
      secrets_(options_.environment), storage_(std::move(parts.storage)), directories_(std::move(parts.directories)),
      services_{{options_, clock_, secrets_, *storage_, engine}, *directories_, supervisor, notices_, registry_},
      session_(ToSession(options_), *this), outbox_([this](LinkId link, std::string frame) {
        if (auto sent = channels_.Send(link, std::move(frame)); !sent)
          spdlog::debug("worker {}: a frame was not sent: {}", options_.id.str(), sent.error().message);
      }),
      inbox_(kInboxBytes, [this] { channels_.Wake(); }),
      slots_(std::make_unique<SlotPool>(options_.slots, [this](std::shared_ptr<Job> job) { RunInSlot(std::move(job)); })) {}

WorkerLoop::~WorkerLoop() {
  for (auto& [key, job] : jobs_) job->cancel().Abandon();
  inbox_.Close();
}

void WorkerLoop::Stop() {
  stop_.store(true);
  channels_.Wake();
}

void WorkerLoop::Abort() {
  abort_.store(true);
  channels_.Wake();
}

Status WorkerLoop::Run() {
  if (spool_) {
    auto left = spool_->TakeLeft();
    if (!left.empty()) spdlog::info("worker {}: {} results of a worker that is gone are handed over", options_.id.str(), left.size());
    for (wire::TaskResult& result : left) session_.RestoreResult(std::move(result));
  }
  for (const LinkId link : channels_.links()) session_.OnConnected(link, now());
  while (!session_.done() && !session_.refused() && !abort_.load()) Tick();
  if (abort_.load() || session_.refused()) session_.AbandonAll(now());
  outbox_.Flush();
  if (session_.refused())
    return Fail(Code::kFailedPrecondition, "the scheduler refuses this worker: " + *session_.refused());
  return {};
}

void WorkerLoop::Tick() {
  ReceiveFrames();
  RunQuick();
  ReadInbox();
  WakeParked();
  CheckDrain();
  CloseOldLinks();
  session_.OnTick(now());
  if (session_.connected() != welcomed_) {
    welcomed_ = session_.connected();
    if (tell_welcome_) tell_welcome_(welcomed_);
  }
  if (vitals_ != nullptr) TellVitals();
  outbox_.Flush();
  if (vitals_ != nullptr) vitals_->work.End();
}

void WorkerLoop::TellVitals() {
  vitals_->slots_busy.store(session_.busy_slots());
  vitals_->slots_free.store(session_.free_slots());
  vitals_->welcomed.store(welcomed_);
  vitals_->draining.store(draining_);
  vitals_->logs_dropped.store(session_.logs_dropped());
}

// On the task's thread.
void WorkerLoop::NoteLog(const wire::LogEntry& entry) {
  if (vitals_ == nullptr) return;
  vitals_->log_lines.fetch_add(1);
  vitals_->log_bytes.fetch_add(entry.message.size());
}

Duration WorkerLoop::ReceiveTimeout() const {
  if ((stop_.load() && !draining_) || abort_.load()) return Duration::zero();
  Duration next = session_.NextWake();
  if (!parked_.empty()) next = std::min(next, parked_.begin()->first);
  if (drain_ends_) next = std::min(next, *drain_ends_);
  return std::clamp(next == WorkerSession::kNever ? kIdleMax : next - now(), Duration::zero(), kIdleMax);
}

void WorkerLoop::ReceiveFrames() {
  frames_.clear();
  outbox_.Flush();
  channels_.Receive(frames_, kFramesATick, ReceiveTimeout());
  if (vitals_ != nullptr) vitals_->work.Begin();
  for (const ChannelSet::Change& change : channels_.TakeChanges()) {
    if (change.connected) session_.OnConnected(change.link, now());
    else session_.OnDisconnected(change.link, now());
  }
  for (const ChannelSet::Arrival& frame : frames_) {
    auto messages = wire::DecodeToWorker(frame.bytes);
    if (!messages) {
      spdlog::warn("worker {}: a frame of the scheduler was dropped: {}", options_.id.str(), messages.error().message);
      continue;
    }
    const Duration at = now();
    for (wire::ToWorker& message : *messages) {
      Learn(message);
      session_.OnMessage(frame.link, std::move(message), at);
    }
  }
}

void WorkerLoop::Learn(const wire::ToWorker& message) {
  const std::vector<std::string>* schedulers = nullptr;
  if (const auto* welcome = std::get_if<wire::Welcome>(&message)) schedulers = &welcome->schedulers;
  if (const auto* ack = std::get_if<wire::HeartbeatAck>(&message)) schedulers = &ack->schedulers;
  if (schedulers != nullptr && vitals_ != nullptr) vitals_->heard.store(ToMicros(clock_.Now()));
  if (schedulers == nullptr || schedulers->empty()) return;
  for (const LinkId link : channels_.Learn(*schedulers, now())) session_.OnConnected(link, now());
}

void WorkerLoop::CloseOldLinks() {
  const Duration at = now();
  if (at - links_checked_ < session_.lease()) return;
  links_checked_ = at;
  for (const LinkId link : channels_.NotToldSince(at - kLeasesToldOf * session_.lease())) {
    if (session_.welcomed(link)) continue;
    session_.RemoveLink(link, at);
    channels_.Close(link);
  }
}

void WorkerLoop::RunQuick() {
  std::vector<std::shared_ptr<Job>> jobs;
  std::swap(jobs, quick_);
  for (std::shared_ptr<Job>& job : jobs) {
    const auto again_after = job->Step();
    OnStepped(std::move(job), again_after);
  }
}

void WorkerLoop::ReadInbox() {
  inbox_.Drain(news_);
  for (JobNews& news : news_) {
    if (auto* log = std::get_if<JobLogged>(&news)) session_.OnLog(log->key, std::move(log->entry));
    else if (auto* began = std::get_if<JobBegan>(&news)) session_.OnTaskStarted(began->job->key(), began->at);
    else if (auto* stepped = std::get_if<JobStepped>(&news)) OnStepped(std::move(stepped->job), stepped->again_after);
    else if (auto* kept = std::get_if<ResultKept>(&news)) session_.OnTaskEnded(std::move(kept->result), now());
  }
}

// Not what was asked to end: its result is no fact for another process to report.
bool WorkerLoop::IsWorthKeeping(const Job& job, const wire::TaskResult& result) {
  return !job.cancelled() && !result.look_later && (!job.quick() || result.ended - result.started >= kWorthKeeping);
}

void WorkerLoop::OnEnded(Job& job) {
  jobs_.erase(job.key());
  wire::TaskResult result = job.TakeResult();
  if (vitals_ != nullptr && vitals_->task_ended && !result.look_later) vitals_->task_ended(job.type(), result.outcome);
  if (spool_ && IsWorthKeeping(job, result)) spool_->Keep(std::move(result));
  else session_.OnTaskEnded(std::move(result), now());
}

void WorkerLoop::OnStepped(std::shared_ptr<Job> job, std::optional<Duration> again_after) {
  if (!again_after) return OnEnded(*job);
  if (job->cancel().requested()) return EndCancelled(job);
  jobs_.emplace(job->key(), job);
  // The first wait tells the scheduler that it runs.
  session_.OnTaskStarted(job->key(), clock_.Now());
  parked_.emplace(now() + *again_after, std::move(job));
}

void WorkerLoop::WakeParked() {
  const Duration at = now();
  while (!parked_.empty() && parked_.begin()->first <= at) {
    std::shared_ptr<Job> job = std::move(parked_.begin()->second);
    parked_.erase(parked_.begin());
    if (job->quick()) {
      const auto again_after = job->Step();
      OnStepped(std::move(job), again_after);
    } else {
      slots_->Submit(std::move(job));
    }
  }
}

void WorkerLoop::CheckDrain() {
  if (stop_.load() && !draining_) {
    draining_ = true;
    if (options_.drain_timeout > Duration::zero()) drain_ends_ = now() + options_.drain_timeout;
    session_.BeginDrain(now());
  }
  if (drain_ends_ && now() >= *drain_ends_) {
    drain_ends_.reset();
    spdlog::warn("worker {}: draining took too long; {} tasks are ended", options_.id.str(), jobs_.size());
    session_.AbandonAll(now());
  }
}

void WorkerLoop::StartTask(StartOrder order) {
  auto task = PreparedFor(order.spec);
  const bool quick = task->quick;
  const wire::TaskKey key = order.key;
  LogSink sink;
  if (quick) {
    sink = [this, key](wire::LogEntry entry) {
      NoteLog(entry);
      session_.OnLog(key, std::move(entry));
    };
  } else {
    sink = [this, key](wire::LogEntry entry) {
      NoteLog(entry);
      inbox_.Post(JobLogged{key, std::move(entry)});
    };
  }
  auto job = std::make_shared<Job>(std::move(order), std::move(task), services_, std::move(sink));
  if (quick) {
    quick_.push_back(std::move(job));
    return;
  }
  jobs_[key] = job;
  slots_->Submit(std::move(job));
}

void WorkerLoop::RunInSlot(std::shared_ptr<Job> job) {
  inbox_.Post(JobBegan{job, clock_.Now()});
  const auto again_after = job->Step();
  inbox_.Post(JobStepped{std::move(job), again_after});
}

void WorkerLoop::CancelTask(const wire::TaskKey& key, Duration grace, const std::string& reason) {
  const auto at = jobs_.find(key);
  if (at == jobs_.end()) return;  // a quick one: it ends in this tick
  const std::shared_ptr<Job> job = at->second;
  job->cancel().Cancel(grace, reason);
  EndCancelled(job);
}

void WorkerLoop::AbandonTask(const wire::TaskKey& key) {
  const auto at = jobs_.find(key);
  if (at == jobs_.end()) return;
  const std::shared_ptr<Job> job = at->second;
  job->cancel().Abandon();
  EndCancelled(job);
}

// One that waits for a slot or is parked ends here and now; one that runs ends by its token.
void WorkerLoop::EndCancelled(const std::shared_ptr<Job>& job) {
  const bool parked = std::erase_if(parked_, [&](const auto& entry) { return entry.second == job; }) > 0;
  if (!parked && !slots_->Remove(*job)) return;
  job->EndCancelled();
  // The session calls this from inside and must not be called back now.
  inbox_.Post(JobStepped{job, std::nullopt});
}

std::shared_ptr<const PreparedTask> WorkerLoop::PreparedFor(const std::shared_ptr<const wire::TaskSpec>& spec) {
  if (const auto at = prepared_.find(spec.get()); at != prepared_.end()) return at->second;
  if (prepared_.size() >= kPreparedMax) prepared_.clear();
  // Holding the spec keeps its address from being used again.
  return prepared_[spec.get()] = Prepare(spec, registry_);
}

void WorkerLoop::DropResult(const wire::TaskKey& key) {
  if (spool_) spool_->Drop(key);
}

}  // namespace headrace::worker
