#include "scheduler/watch_hub.h"

#include <set>
#include <utility>

namespace headrace::scheduler {
namespace {
constexpr std::size_t kUpdatesMax = 256;  // a reader further behind than this reads the whole again
}

model::Execution HeadOf(const model::Execution& execution) {
  model::Execution head;
  head.id = execution.id;
  head.ns = execution.ns;
  head.flow_id = execution.flow_id;
  head.flow_revision = execution.flow_revision;
  head.state = execution.state;
  head.inputs = execution.inputs;
  head.outputs = execution.outputs;
  head.variables = execution.variables;
  head.labels = execution.labels;
  head.trigger = execution.trigger;
  head.parent = execution.parent;
  head.original_id = execution.original_id;
  head.replay_of = execution.replay_of;
  head.attempt_number = execution.attempt_number;
  head.version = execution.version;
  head.kill_requested = execution.kill_requested;
  head.closed = execution.closed;
  head.held = execution.held;
  head.scheduled = execution.scheduled;
  head.slas_breached = execution.slas_breached;
  head.message = execution.message;
  return head;
}

class WatchHub::Stream final : public Subscription {
 public:
  Stream(std::shared_ptr<WatchHub> hub, ExecutionId id, std::uint64_t after, std::function<void()> on_ready)
      : hub_(std::move(hub)), id_(std::move(id)), cursor_(after), on_ready_(std::move(on_ready)) {}
  ~Stream() override { hub_->Forget(id_); }

  Result<std::optional<WatchUpdate>> Next() override {
    {
      std::lock_guard lock(mutex_);
      if (!needs_snapshot_) {
        while (!updates_.empty()) {
          WatchUpdate update = std::move(updates_.front());
          updates_.pop_front();
          if (update.execution.version <= cursor_) continue;  // the snapshot had it
          cursor_ = update.execution.version;
          return std::optional<WatchUpdate>(std::move(update));
        }
        return std::optional<WatchUpdate>();
      }
      needs_snapshot_ = false;
      updates_.clear();
    }
    return Snapshot();
  }

  void Refresh() {
    {
      std::lock_guard lock(mutex_);
      needs_snapshot_ = true;
    }
    on_ready_();
  }

  void Push(const WatchUpdate& update) {
    {
      std::lock_guard lock(mutex_);
      if (updates_.size() >= kUpdatesMax) needs_snapshot_ = true;
      if (!needs_snapshot_) updates_.push_back(update);
    }
    on_ready_();
  }

 private:
  Result<std::optional<WatchUpdate>> Snapshot() {
    ASSIGN_OR_RETURN(ExecutionView view, hub_->read_(id_));
    std::lock_guard lock(mutex_);
    if (view.execution.version <= cursor_) return std::optional<WatchUpdate>();
    cursor_ = view.execution.version;
    WatchUpdate update;
    update.snapshot = true;
    update.flow = view.flow;
    update.task_runs.assign(std::make_move_iterator(view.execution.task_runs.begin()),
                            std::make_move_iterator(view.execution.task_runs.end()));
    view.execution.task_runs.clear();
    update.execution = std::move(view.execution);
    return std::optional<WatchUpdate>(std::move(update));
  }

  const std::shared_ptr<WatchHub> hub_;
  const ExecutionId id_;
  std::mutex mutex_;
  std::uint64_t cursor_;
  bool needs_snapshot_ = true;
  std::deque<WatchUpdate> updates_;
  const std::function<void()> on_ready_;
};

struct WatchHub::LogToken {
  std::function<void()> on_ready;
};

Result<std::shared_ptr<Subscription>> WatchHub::Watch(const ExecutionId& id, std::uint64_t after,
                                                      std::function<void()> on_ready) {
  auto stream = std::make_shared<Stream>(shared_from_this(), id, after, std::move(on_ready));
  {
    // Registered before the first read, so that nothing falls between the snapshot and the first delta.
    std::lock_guard lock(mutex_);
    streams_.emplace(id, stream);
  }
  RETURN_IF_ERROR(read_(id));
  return std::shared_ptr<Subscription>(std::move(stream));
}

std::shared_ptr<void> WatchHub::WatchLogs(const ExecutionId& id, std::function<void()> on_ready) {
  auto token = std::make_shared<LogToken>(LogToken{std::move(on_ready)});
  std::lock_guard lock(mutex_);
  std::erase_if(log_tokens_, [](const auto& item) { return item.second.expired(); });
  log_tokens_.emplace(id, token);
  return token;
}

bool WatchHub::HasWatchers(const ExecutionId& id) const {
  std::lock_guard lock(mutex_);
  return streams_.contains(id);
}

std::vector<ExecutionId> WatchHub::Watched() {
  std::set<ExecutionId> ids;
  std::lock_guard lock(mutex_);
  std::erase_if(log_tokens_, [](const auto& item) { return item.second.expired(); });
  for (const auto& [id, stream] : streams_) ids.insert(id);
  for (const auto& [id, token] : log_tokens_) ids.insert(id);
  return {ids.begin(), ids.end()};
}

std::vector<std::shared_ptr<WatchHub::Stream>> WatchHub::StreamsOf(const ExecutionId& id) {
  std::vector<std::shared_ptr<Stream>> streams;
  std::lock_guard lock(mutex_);
  const auto [begin, end] = streams_.equal_range(id);
  for (auto it = begin; it != end; ++it) {
    if (auto stream = it->second.lock()) streams.push_back(std::move(stream));
  }
  return streams;
}

void WatchHub::Publish(const WatchUpdate& update) {
  for (const auto& stream : StreamsOf(update.execution.id)) stream->Push(update);
  if (model::IsTerminal(update.execution.state.current())) NoteLogs(update.execution.id);
}

void WatchHub::Refresh(const ExecutionId& id) {
  for (const auto& stream : StreamsOf(id)) stream->Refresh();
  NoteLogs(id);
}

void WatchHub::NoteLogs(const ExecutionId& id) {
  std::vector<std::shared_ptr<LogToken>> tokens;
  {
    std::lock_guard lock(mutex_);
    const auto [begin, end] = log_tokens_.equal_range(id);
    for (auto it = begin; it != end; ++it) {
      if (auto token = it->second.lock()) tokens.push_back(std::move(token));
    }
  }
  for (const auto& token : tokens) token->on_ready();
}

void WatchHub::Forget(const ExecutionId& id) {
  std::lock_guard lock(mutex_);
  const auto [begin, end] = streams_.equal_range(id);
  for (auto it = begin; it != end;) it = it->second.expired() ? streams_.erase(it) : std::next(it);
}

}  // namespace headrace::scheduler
