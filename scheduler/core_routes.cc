// Which shard a call concerns, and what shards bring one another.
#include <spdlog/spdlog.h>

#include <utility>

#include "common/base/failpoint.h"
#include "scheduler/core.h"

namespace headrace::scheduler {
namespace {

constexpr Duration kBringAgain = std::chrono::milliseconds(500);
// Unanswered so long, an item is brought once more.
constexpr Duration kBringPatience = std::chrono::seconds(10);

Place PlaceOfItem(const wire::OutboxItem& item) {
  const auto* told = std::get_if<wire::StateTold>(&item.body);
  return told != nullptr ? told->place : PlaceOf(item.to);
}

}  // namespace

template <typename Done, typename Call>
void Core::With(Place place, Done done, Moment now, const Call& call) {
  now_ = now;
  Shard* shard = At(place);
  if (shard == nullptr) return done(Fail(Elsewhere(place)));
  call(*shard, std::move(done));
}

void Core::Submit(PreparedSubmission submission, Moment now) {
  With(PlaceOf(submission.submitted.id), submission.done, now,
       [&](Shard& shard, const auto&) { shard.Submit(std::move(submission)); });
}

void Core::Post(const ExecutionId& id, model::EventBody body, std::function<void(Status)> done, Moment now) {
  With(PlaceOf(id), std::move(done), now, [&](Shard& shard, auto then) { shard.Post(id, std::move(body), std::move(then)); });
}

void Core::Restart(const ExecutionId& id, std::function<void(Status)> done, Moment now) {
  With(PlaceOf(id), std::move(done), now, [&](Shard& shard, auto then) { shard.Restart(id, std::move(then)); });
}

void Core::Unqueue(const ExecutionId& id, model::Admission admission, std::function<void(Status)> done, Moment now) {
  With(PlaceOf(id), std::move(done), now, [&](Shard& shard, auto then) { shard.Unqueue(id, admission, std::move(then)); });
}

void Core::Resume(const ExecutionId& id, ResumeRequest request, std::function<void(Status)> done, Moment now) {
  With(PlaceOf(id), std::move(done), now,
       [&](Shard& shard, auto then) { shard.Resume(id, std::move(request), std::move(then)); });
}

void Core::Mark(const ExecutionId& id, const TaskRunId& task_run, model::State state, std::function<void(Status)> done,
                Moment now) {
  With(PlaceOf(id), std::move(done), now, [&](Shard& shard, auto then) { shard.Mark(id, task_run, state, std::move(then)); });
}

void Core::Replay(const ExecutionId& id, ReplayRequest request, Engine::SubmitDone done, Moment now) {
  With(PlaceOf(id), std::move(done), now,
       [&](Shard& shard, auto then) { shard.Replay(id, std::move(request), std::move(then)); });
}

void Core::Delete(const std::vector<ExecutionId>& ids, Shard::DeleteDone done, Moment now) {
  if (ids.empty()) return done(ids);
  With(PlaceOf(ids.front()), std::move(done), now, [&](Shard& shard, auto then) { shard.Delete(ids, std::move(then)); });
}

void Core::Share(const model::ShareRequest& request, std::function<void(Result<model::ShareReply>)> done, Moment now) {
  With(kSharedPlace, std::move(done), now, [&](Shard& shard, auto then) { shard.Share(request, std::move(then)); });
}

void Core::WithTriggers(Place place, const Shard::TriggerWork& work, std::function<void(Status)> done, Moment now) {
  With(place, std::move(done), now, [&](Shard& shard, auto then) { shard.WithTriggers(work, std::move(then)); });
}

void Core::ForEachTriggers(const std::function<void(TriggerRunner&)>& read, Moment now) {
  now_ = now;
  for (const auto& [id, shard] : shards_) {
    if (!Drives(id)) continue;
    read(shard->triggers());
  }
}

void Core::Accept(const std::string& name, const wire::OutboxItem& item, std::function<void(Status)> done, Moment now) {
  With(PlaceOfItem(item), std::move(done), now, [&](Shard& shard, auto then) { shard.Accept(name, item, std::move(then)); });
}

void Core::WhenSettled(std::function<void(Status)> done, Moment now) {
  now_ = now;
  struct Waiting {
    std::size_t left = 1;
    Status status{};
    std::function<void(Status)> done;
  };
  auto waiting = std::make_shared<Waiting>();
  waiting->done = std::move(done);
  const auto one = [waiting](Status status) {
    if (!status && waiting->status) waiting->status = std::move(status);
    if (--waiting->left == 0) waiting->done(std::move(waiting->status));
  };
  for (const auto& [id, shard] : shards_) {
    ++waiting->left;
    shard->SetNow(now);
    touched_.insert(id);
    shard->WhenSettled(one);
  }
  one({});
}

// ---- between shards ----

void Core::Forward(store::PartitionId from, std::uint64_t id, const wire::OutboxItem& item) {
  const OwedKey key(from, id);
  const auto [at, fresh] = owed_.try_emplace(key);
  if (!fresh) return;
  at->second.item = item;
  at->second.name = std::to_string(from) + "/" + std::to_string(shards_.at(from)->partition()->epoch()) + "/" + std::to_string(id);
  std::set<std::uint64_t>& line = lines_[{from, item.from, item.to}];
  line.insert(id);
  if (*line.begin() == id) Bring(key, at->second);
  else at->second.again = Duration::max();
}

void Core::Bring(const OwedKey& key, Owed& owed) {
  owed.again = now_.monotonic + kBringPatience;
  owed_again_ = std::min(owed_again_, owed.again);
  const auto brought = [this, key, name = owed.name](const Status& status) { OnBrought(key, name, status); };
  const auto source = shards_.find(key.first);
  if (source != shards_.end() && !source->second->StillOwes(owed.item)) return brought({});
  const Place place = PlaceOfItem(owed.item);
  if (Shard* shard = At(place); shard != nullptr) return shard->Accept(owed.name, owed.item, brought);
  port_.Tell(PartitionAt(place), owed.name, owed.item, brought);
}

// A late answer may be about an item of an earlier time here, whose number was given again.
void Core::OnBrought(const OwedKey& key, const std::string& name, const Status& status) {
  const auto at = owed_.find(key);
  if (at == owed_.end() || at->second.name != name) return;
  if (!status) {
    at->second.again = now_.monotonic + kBringAgain;
    owed_again_ = std::min(owed_again_, at->second.again);
    return;
  }
  const auto line = lines_.find({key.first, at->second.item.from, at->second.item.to});
  owed_.erase(at);
  line->second.erase(key.second);
  if (line->second.empty()) {
    lines_.erase(line);
  } else {
    owed_.at({key.first, *line->second.begin()}).again = now_.monotonic;
    owed_again_ = now_.monotonic;
  }
  const auto shard = shards_.find(key.first);
  if (shard == shards_.end() || !shard->second->failed() || shard->second->closing()) return;
  shard->second->FinishOutbox(key.second);
  touched_.insert(key.first);
}

void Core::BringAgain() {
  if (now_.monotonic < owed_again_) return;
  owed_again_ = Duration::max();
  std::vector<OwedKey> due;
  for (const auto& [key, owed] : owed_) {
    if (owed.again <= now_.monotonic) due.push_back(key);
    else owed_again_ = std::min(owed_again_, owed.again);
  }
  for (const OwedKey& key : due) {
    if (const auto at = owed_.find(key); at != owed_.end()) Bring(key, at->second);
  }
}

void Core::Wake(const model::SharedNews& news) {
  WakeHere(news, now_);
  port_.Spread(news);
}

void Core::WakeHere(const model::SharedNews& news, Moment now) {
  now_ = now;
  for (const auto& [execution, timer] : waits_.TakeInterested(news.topic, news.keys)) {
    if (Shard* shard = At(PlaceOf(execution))) shard->Apply(execution, model::TaskWoken{timer.task_run, timer.attempt});
  }
}

void Core::Listen(const std::string& ns, const std::string& flow_id, const std::vector<TriggerSpecPtr>& triggers) {
  listeners_.RemoveFlow(ns, flow_id);
  for (const TriggerSpecPtr& trigger : triggers) {
    if (trigger->row.kind == model::TriggerKind::kFlow) listeners_.Put(*trigger);
  }
}

std::set<Place> Core::Listeners(const model::Execution& source, model::State state) {
  std::set<Place> places;
  for (const model::TriggerName& name : listeners_.Of(source.ns, source.flow_id, state)) {
    const Place place = PlaceOfFlow(name.ns, name.flow_id);
    if (PartitionAt(place) != PartitionAt(PlaceOf(source.id))) places.insert(place);
  }
  return places;
}

// ---- what the dispatcher asks ----

std::optional<wire::Assign> Core::MakeAssign(const wire::TaskKey& key) {
  Shard* shard = At(PlaceOf(key.execution));
  auto assign = shard == nullptr ? std::nullopt : shard->MakeAssign(key);
  if (!assign) queues_.Remove(key);
  return assign;
}

wire::TaskSpec Core::MakeSpec(const wire::TaskKey& key) {
  Shard* shard = At(PlaceOf(key.execution));
  return shard == nullptr ? wire::TaskSpec() : shard->MakeSpec(key);
}

bool Core::IsCurrent(const wire::TaskKey& key) {
  Shard* shard = At(PlaceOf(key.execution));
  return shard != nullptr && shard->IsCurrent(key);
}

void Core::OnStarted(const wire::TaskKey& key, const WorkerId& worker, Timestamp) {
  PassFailpoint(Failpoint::kBegun);
  OnBegun(key, Duration(0));
  if (Shard* shard = At(PlaceOf(key.execution))) shard->OnStarted(key, worker);
}

// A task that ends at once begins with its result; one without a worker never did.
void Core::OnResult(const std::string& peer, const WorkerId& worker, wire::TaskResult result) {
  if (!worker.empty()) PassFailpoint(Failpoint::kResult);
  if (worker.empty()) queues_.Remove(result.key);
  else OnBegun(result.key, result.ended - result.started);
  if (Shard* shard = At(PlaceOf(result.key.execution))) return shard->OnResult(peer, worker, std::move(result));
  Send(peer, wire::ResultAck{result.key, wire::Verdict::kElsewhere});
}

bool Core::IsSuspect(const wire::TaskKey& key) {
  Shard* shard = At(PlaceOf(key.execution));
  return shard != nullptr && shard->IsSuspect(key);
}

void Core::OnLost(const wire::TaskKey& key, const Loss& loss) {
  queues_.Remove(key);
  if (Shard* shard = At(PlaceOf(key.execution))) shard->OnLost(key, loss);
}

void Core::OnLogs(wire::Logs logs) {
  if (Shard* shard = At(PlaceOf(logs.key.execution))) shard->OnLogs(std::move(logs));
}

}  // namespace headrace::scheduler
