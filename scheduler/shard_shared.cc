// What concerns runs of several executions at once: the records they share, and waiting for the same thing.
#include "scheduler/shard.h"

namespace headrace::scheduler {
SharedBook::Stage Shard::StageNote() {
  return [this](const std::string& key, std::optional<std::string> record) {
    partition_->PutNote(key, std::move(record));
  };
}

void Shard::Share(const model::ShareRequest& request, std::function<void(Result<model::ShareReply>)> done) {
  if (!failed_) return done(Fail(failed_.error()));
  auto reply = shared_.Apply(request, now_.wall, StageNote());
  if (!reply) return done(Fail(std::move(reply.error())));
  ForgetWaits();
  if (reply->applied) {
    for (const model::SharedNews& news : request.news) host_.Wake(news);
  }
  partition_->After(ReplyOrder{[done = std::move(done), reply = std::move(*reply)](Status status) {
    if (!status) return done(Fail(std::move(status.error())));
    done(reply);
  }});
}

void Shard::ForgetWaits() {
  for (const ArmedTimer& timer : timers_.TakeDisarmedLooks()) waits_.Forget(timer.execution, timer.timer);
}

// The row in the store keeps its date: after a restart the run is looked at then, once, and says anew what it waits for.
bool Shard::MayFire(const ArmedTimer& timer) {
  if (timer.timer.kind != model::TimerKind::kLook) return true;
  const std::optional<Timestamp> later = waits_.Postpone(timer, now_.wall);
  if (later) timers_.Postpone(timer, *later);
  return !later;
}

bool Shard::Wait(const wire::TaskKey& key, const WorkerId& worker, wire::LookLater look, std::optional<Timestamp> started) {
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

}  // namespace headrace::scheduler
