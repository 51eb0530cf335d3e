// What triggers need of the core: executions to look at and to start, and their rows in the batch.
#include <spdlog/spdlog.h>

#include "common/base/failpoint.h"
#include "scheduler/shard.h"

namespace headrace::scheduler {

void Shard::WithTriggers(const TriggerWork& work, std::function<void(Status)> done) {
  if (!failed_) return done(Fail(failed_.error()));
  Status worked = work(triggers_);
  triggers_.Stage();
  if (!worked) return done(std::move(worked));
  if (partition_->idle()) return done({});
  partition_->After(ReplyOrder{std::move(done)});
}

const model::Execution* Shard::Look(const ExecutionId& id) {
  if (Keeps(PlaceOf(id))) {
    const auto live = partition_->Find(id);
    return live ? &(*live)->execution() : nullptr;
  }
  const auto record = store_.ReadRecord(id);
  auto execution = record ? wire::DecodeExecution(*record) : Result<model::Execution>(Fail(record.error()));
  if (!execution) {
    if (execution.error().code != Code::kNotFound) spdlog::error("execution {}: {}", id.str(), execution.error().ToString());
    return nullptr;
  }
  foreign_ = std::make_unique<model::Execution>(std::move(*execution));
  return foreign_.get();
}

Status Shard::Start(PreparedSubmission& submission) {
  Status created = Create(submission);
  PassFailpoint(Failpoint::kTrigger);
  return created;
}

void Shard::PutNote(const std::string& key, std::optional<std::string> record) { partition_->PutNote(key, std::move(record)); }

// A look is no reason for a commit: with nothing on its way it is given out at once.
void Shard::Dispatch(const wire::TaskKey& look) {
  if (partition_->idle()) Perform(DispatchOrder{look});
  else partition_->After(DispatchOrder{look});
}

void Shard::Withdraw(const wire::TaskKey& look) {
  dispatcher_.Cancel(look, "its trigger was changed, disabled or deleted", now_.monotonic);
}

void Shard::OnLooked(const std::string& peer, const wire::TaskResult& result) {
  const wire::Verdict verdict = triggers_.OnLooked(result, now_.wall) ? wire::Verdict::kAccepted : wire::Verdict::kStale;
  if (peer.empty()) return;
  // What changed nothing that is to be durable needs no commit.
  if (partition_->idle()) host_.Send(peer, wire::ResultAck{result.key, verdict});
  else partition_->After(AckOrder{peer, result.key, verdict});
}

// What an execution's new state starts is in the same batch as that state, and so is the word to other partitions whose
// triggers may wait for it. What was started has states, too.
void Shard::TellTriggers() {
  for (auto news = partition_->TakeStateNews(); !news.empty(); news = partition_->TakeStateNews()) {
    if (triggers_.wants_states()) triggers_.OnStates(news, now_.wall);
    if (!host_.HasListeners()) continue;
    for (const StateNews& one : news) {
      const model::Execution* source = Look(one.id);
      if (source == nullptr) continue;
      for (std::size_t change = one.first; change < source->state.changes.size(); ++change) {
        for (const Place place : host_.Listeners(*source, source->state.changes[change].state)) {
          partition_->Owe(one.id, ExecutionId(), wire::StateTold{place, change});
        }
      }
    }
  }
}

}  // namespace headrace::scheduler
