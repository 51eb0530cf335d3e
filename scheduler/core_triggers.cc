// What triggers need of the core: executions to look at and to start, and their rows in the batch.
#include "scheduler/core.h"

namespace headrace::scheduler {

void Core::WithTriggers(const TriggerWork& work, std::function<void(Status)> done, Moment now) {
  now_ = now;
  if (!failed_) return done(Fail(failed_.error()));
  Status worked = work(triggers_);
  triggers_.Stage();
  if (!worked) return done(std::move(worked));
  if (partition_->idle()) return done({});
  partition_->After(ReplyOrder{std::move(done)});
}

const model::Execution* Core::Look(const ExecutionId& id) {
  const auto live = partition_->Find(id);
  return live ? &(*live)->execution() : nullptr;
}

Status Core::Start(PreparedSubmission& submission) { return Create(submission); }

void Core::PutNote(const std::string& key, std::optional<std::string> record) { partition_->PutNote(key, std::move(record)); }

// A look is no reason for a commit: with nothing on its way it is given out at once.
void Core::Dispatch(const wire::TaskKey& look) {
  if (partition_->idle()) Perform(DispatchOrder{look});
  else partition_->After(DispatchOrder{look});
}

void Core::Withdraw(const wire::TaskKey& look) {
  dispatcher_.Cancel(look, "its trigger was changed, disabled or deleted", now_.monotonic);
}

void Core::OnLooked(const std::string& peer, const wire::TaskResult& result) {
  const wire::Verdict verdict = triggers_.OnLooked(result, now_.wall) ? wire::Verdict::kAccepted : wire::Verdict::kStale;
  if (peer.empty()) return;
  // What changed nothing that is to be durable needs no commit.
  if (partition_->idle()) Send(peer, wire::ResultAck{result.key, verdict});
  else partition_->After(AckOrder{peer, result.key, verdict});
}

// What an execution's new state starts is in the same batch as that state. What was started has states, too.
void Core::TellTriggers() {
  for (auto news = partition_->TakeStateNews(); !news.empty(); news = partition_->TakeStateNews()) {
    if (triggers_.wants_states()) triggers_.OnStates(news, now_.wall);
  }
}

}  // namespace headrace::scheduler
