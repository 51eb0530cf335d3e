// What concerns runs of several executions at once: the records they share, and waiting for the same thing.
#include "scheduler/core.h"

namespace headrace::scheduler {
namespace {

constexpr std::size_t kExpiredPerTick = 1000;

}  // namespace

SharedBook::Stage Core::StageNote() {
  return [this](const std::string& key, std::optional<std::string> record) {
    partition_->PutNote(key, std::move(record));
  };
}

void Core::Share(const model::ShareRequest& request, std::function<void(Result<model::ShareReply>)> done, Moment now) {
  now_ = now;
  if (!failed_) return done(Fail(failed_.error()));
  auto reply = shared_.Apply(request, now.wall, StageNote());
  if (!reply) return done(Fail(std::move(reply.error())));
  ForgetWaits();
  if (reply->applied) {
    for (const model::SharedNews& news : request.news) Wake(waits_.TakeInterested(news.topic, news.keys));
  }
  partition_->After(ReplyOrder{[done = std::move(done), reply = std::move(*reply)](Status status) {
    if (!status) return done(Fail(std::move(status.error())));
    done(reply);
  }});
}

void Core::Wake(const std::vector<WaitBook::Run>& runs) {
  for (const auto& [execution, timer] : runs) Apply(execution, model::TaskWoken{timer.task_run, timer.attempt});
}

void Core::ForgetWaits() {
  for (const ArmedTimer& timer : timers_.TakeDisarmedLooks()) waits_.Forget(timer.execution, timer.timer);
}

// The row in the store keeps its date: after a restart the run is looked at then, once, and says anew what it waits for.
bool Core::MayFire(const ArmedTimer& timer) {
  if (timer.timer.kind != model::TimerKind::kLook) return true;
  const std::optional<Timestamp> later = waits_.Postpone(timer, now_.wall);
  if (later) timers_.Postpone(timer, *later);
  return !later;
}

bool Core::Wait(const wire::TaskKey& key, const WorkerId& worker, wire::LookLater look, std::optional<Timestamp> started) {
  auto memo = look.memo_json.empty() ? Result<Value>(Value()) : ParseJson(look.memo_json);
  if (look.at_latest > Duration(0)) look.after = std::min(look.after, look.at_latest);
  if (!Apply(key.execution, model::TaskWaited{key.fence, worker, look.after, memo ? std::move(*memo) : Value(), started})) {
    return false;
  }
  ForgetWaits();
  const executor::LiveExecution* live = nullptr;
  const model::TaskRun* run = FindTaskRun(key, &live);
  const bool waits = run != nullptr && run->due && run->state.current() == model::State::kRunning;  // a kill ends it instead
  if (look.topic.empty() || !waits) return true;
  const Duration interval = look.interval > Duration(0) ? look.interval : look.after;
  waits_.Wait({key.execution, {model::TimerKind::kLook, key.fence.task_run, key.fence.attempt}, look.after, interval,
               look.at_latest, std::move(look.topic), std::move(look.keys)},
              now_.wall);
  return true;
}

void Core::SweepShared() { shared_.Sweep(now_.wall, kExpiredPerTick, StageNote()); }

}  // namespace headrace::scheduler
