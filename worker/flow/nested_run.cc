#include "worker/flow/nested_run.h"

#include <condition_variable>
#include <exception>
#include <thread>

#include "worker/job.h"
#include "worker/registry.h"

namespace headrace::worker {
namespace {

// Something to wait for that can be told from elsewhere.
class Bell {
 public:
  void Ring() {
    std::lock_guard lock(mutex_);
    rung_ = true;
    changed_.notify_all();
  }
  // Whether it rang within this time.
  bool Wait(Duration span) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, span, [this] { return rung_; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool rung_ = false;
};

// Cancels the child when its time is over.
class Deadline {
 public:
  Deadline(std::optional<Duration> span, CancelToken& token) {
    if (!span) return;
    thread_ = std::thread([this, span = *span, &token] {
      if (done_.Wait(span)) return;
      over_.store(true);
      token.Cancel(std::chrono::seconds(1), "Timeout after " + FormatDuration(span));
    });
  }
  ~Deadline() {
    done_.Ring();
    if (thread_.joinable()) thread_.join();
  }
  bool over() const { return over_.load(); }

 private:
  Bell done_;
  std::atomic<bool> over_ = false;
  std::thread thread_;
};

// The outer token's end is the inner one's.
class Link {
 public:
  Link(CancelToken& outer, CancelToken& inner) : outer_(outer) {
    outer_.Watch([&inner](Duration grace) { inner.Cancel(grace, "the task around it was cancelled"); });
  }
  ~Link() { outer_.Unwatch(); }
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;

 private:
  CancelToken& outer_;
};

Result<std::optional<Duration>> TimeoutOf(TaskContext& context) {
  const std::string& text = context.order().spec->timeout;
  if (text.empty()) return std::optional<Duration>();
  ASSIGN_OR_RETURN(const Value rendered, context.RenderValue(json::string(text), false));
  auto span = ParseDuration(ToText(rendered));
  if (!span) return Fail(std::move(span.error()).Wrap("timeout"));
  return std::optional<Duration>(*span);
}

// A task that looks once and comes back later does its waiting here: the job has a thread anyway.
TaskOutcome RunToTheEnd(TaskRunner& runner, TaskContext& context) {
  const auto wait = [](const TaskOutcome& some) {
    return some.look_again ? std::optional<Duration>(some.look_again->after) : some.again_after;
  };
  TaskOutcome outcome = runner.Run(context);
  while (wait(outcome) && !context.cancel().requested()) {
    Bell bell;
    context.cancel().Watch([&bell](Duration) { bell.Ring(); });
    bell.Wait(*wait(outcome));
    context.cancel().Unwatch();
    if (outcome.look_again) context.SetMemo(std::move(outcome.look_again->memo));
    if (!context.cancel().requested()) outcome = runner.Run(context);
  }
  if (wait(outcome)) outcome = {.state = model::State::kKilled};
  return outcome;
}

TaskOutcome RunUnder(TaskContext& context, const TaskType& type, CancelToken& cancel) {
  const auto timeout = TimeoutOf(context);
  if (!timeout) return TaskOutcome::Failed(timeout.error().message);
  const auto runner = type.make();
  const Deadline deadline(*timeout, cancel);
  TaskOutcome outcome = RunToTheEnd(*runner, context);
  if (outcome.state == model::State::kSuccess || !cancel.requested()) return outcome;
  outcome.state = deadline.over() ? model::State::kFailed : model::State::kKilled;
  outcome.message = cancel.reason();
  return outcome;
}

}  // namespace

TaskOutcome RunNested(TaskContext& outer, std::shared_ptr<const wire::TaskSpec> spec, Object variables) {
  const auto task = Prepare(spec, outer.services().registry);
  if (task->type == nullptr) return TaskOutcome::Failed(task->problem);
  StartOrder order = outer.order();
  order.spec = std::move(spec);
  order.context_json.clear();
  CancelToken cancel;
  const Link link(outer.cancel(), cancel);
  TaskContext context(order, task->properties, outer.services(), cancel, outer.log_sink(), &outer);
  context.OpenWith(std::move(variables));
  if (auto decided = DecideRunIf(context)) return std::move(*decided);
  try {
    return RunUnder(context, *task->type, cancel);
  } catch (const std::exception& problem) {
    return TaskOutcome::Failed(std::string("the task broke off: ") + problem.what());
  }
}

}  // namespace headrace::worker
