#include "worker/loop.h"

#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>

#include "common/base/random.h"

namespace headrace::worker {
namespace {

constexpr std::size_t kFramesATick = 64;
constexpr std::size_t kFrameBytesGoal = 256 * 1024;
constexpr std::size_t kMessagesAFrame = 4096;
constexpr std::size_t kInboxBytes = 8 * 1024 * 1024;
constexpr std::size_t kPreparedMax = 4096;
constexpr Duration kIdleMax = std::chrono::seconds(60);

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

// Near enough to know when a frame is full.
std::size_t EstimateBytes(const wire::FromWorker& message) {
  constexpr std::size_t kSmall = 64;
  if (const auto* result = std::get_if<wire::TaskResult>(&message))
    return kSmall + result->outputs_json.size() + result->message.size();
  if (const auto* logs = std::get_if<wire::Logs>(&message)) {
    std::size_t bytes = kSmall;
    for (const wire::LogEntry& entry : logs->entries) bytes += entry.message.size() + 24;
    return bytes;
  }
  if (const auto* beat = std::get_if<wire::Heartbeat>(&message)) return kSmall * (1 + beat->tasks.size());
  if (const auto* resync = std::get_if<wire::Resync>(&message))
    return kSmall * (1 + resync->running.size() + resync->unacked.size());
  return kSmall;
}

}  // namespace

struct WorkerLoop::Parts {
  WorkerOptions options;
  std::unique_ptr<Storage> storage;
  std::unique_ptr<WorkingDirectories> directories;
};

Result<std::unique_ptr<WorkerLoop>> WorkerLoop::Open(WorkerOptions options, const Registry& registry,
                                                     Supervisor& supervisor, queue::ClientQueue& queue,
                                                     const Clock& clock, EngineDoor* engine) {
  options = Complete(std::move(options));
  ASSIGN_OR_RETURN(auto storage, OpenLocalStorage(options.storage_dir));
  ASSIGN_OR_RETURN(auto directories, WorkingDirectories::Open(options.tmp_dir, options.id.str()));
  Parts parts{std::move(options), std::move(storage), std::move(directories)};
  return std::unique_ptr<WorkerLoop>(new WorkerLoop(std::move(parts), registry, supervisor, queue, clock, engine));
}

WorkerLoop::WorkerLoop(Parts parts, const Registry& registry, Supervisor& supervisor, queue::ClientQueue& queue,
                       const Clock& clock, EngineDoor* engine)
    : options_(std::move(parts.options)), registry_(registry), queue_(queue), clock_(clock),
      secrets_(options_.environment), storage_(std::move(parts.storage)), directories_(std::move(parts.directories)),
      services_{{options_, clock_, secrets_, *storage_, engine}, *directories_, supervisor, notices_, registry_},
      session_(ToSession(options_), *this), inbox_(kInboxBytes, [&queue] { queue.Wake(); }),
      slots_(std::make_unique<SlotPool>(options_.slots, [this](std::shared_ptr<Job> job) { RunInSlot(std::move(job)); })) {}

WorkerLoop::~WorkerLoop() {
  for (auto& [key, job] : jobs_) job->cancel().Abandon();
  inbox_.Close();
}

void WorkerLoop::Stop() {
  stop_.store(true);
  queue_.Wake();
}

void WorkerLoop::Abort() {
  abort_.store(true);
  queue_.Wake();
}

Status WorkerLoop::Run() {
  session_.OnConnected(now());
  while (!session_.done() && !session_.refused() && !abort_.load()) Tick();
  if (abort_.load() || session_.refused()) session_.AbandonAll(now());
  Flush();
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
  session_.OnTick(now());
  if (session_.connected() != welcomed_) {
    welcomed_ = session_.connected();
    if (tell_welcome_) tell_welcome_(welcomed_);
  }
  Flush();
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
  Flush();
  queue_.Receive(frames_, kFramesATick, ReceiveTimeout());
  for (const std::string& frame : frames_) {
    auto messages = wire::DecodeToWorker(frame);
    if (!messages) {
      spdlog::warn("worker {}: a frame of the scheduler was dropped: {}", options_.id.str(), messages.error().message);
      continue;
    }
    const Duration at = now();
    for (wire::ToWorker& message : *messages) session_.OnMessage(std::move(message), at);
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
  }
}

void WorkerLoop::OnStepped(std::shared_ptr<Job> job, std::optional<Duration> again_after) {
  if (!again_after) {
    jobs_.erase(job->key());
    session_.OnTaskEnded(job->TakeResult(), now());
    return;
  }
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
  if (quick) sink = [this, key](wire::LogEntry entry) { session_.OnLog(key, std::move(entry)); };
  else sink = [this, key](wire::LogEntry entry) { inbox_.Post(JobLogged{key, std::move(entry)}); };
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

void WorkerLoop::Send(wire::FromWorker message) {
  outgoing_bytes_ += EstimateBytes(message);
  outgoing_.push_back(std::move(message));
  if (outgoing_bytes_ >= kFrameBytesGoal || outgoing_.size() >= kMessagesAFrame) Flush();
}

void WorkerLoop::Flush() {
  if (outgoing_.empty()) return;
  if (auto sent = queue_.Send(wire::EncodeFromWorker(outgoing_)); !sent)
    spdlog::debug("worker {}: a frame was not sent: {}", options_.id.str(), sent.error().message);
  outgoing_.clear();
  outgoing_bytes_ = 0;
}

}  // namespace headrace::worker
