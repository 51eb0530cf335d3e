#include "scheduler/partition.h"

#include <algorithm>
#include <utility>

#include "common/base/check.h"
#include "scheduler/watch_hub.h"

namespace headrace::scheduler {

Partition::Partition(PartitionOptions options, store::Store& store, FlowRegistry& flows, TimerQueue& timers,
                     SubmitCommit submit_commit, HasWatchers has_watchers, Answerer answerer)
    : options_(options), store_(store), flows_(flows), timers_(timers), submit_commit_(std::move(submit_commit)),
      has_watchers_(std::move(has_watchers)), answerer_(std::move(answerer)) {}

// Each round answers at least one question that was not asked before, or is the last.
executor::Applied Partition::ApplyAnswered(executor::LiveExecution& live, const model::Event& event) {
  executor::Applied applied = executor::Apply(live, event);
  if (applied.needs.empty()) return applied;
  model::Event answered = event;
  while (!applied.needs.empty()) {
    for (const model::Lookup& lookup : applied.needs) {
      model::Answer answer;
      answer.error = lookup.function + "() is not available where the scheduler evaluates it";
      if (answerer_) answer = answerer_(live, event, lookup);
      answered.answers.insert_or_assign(lookup.key(), std::move(answer));
    }
    applied = executor::Apply(live, answered);
  }
  return applied;
}

Partition::OpenBatch& Partition::Open() {
  if (!open_) open_ = std::make_unique<OpenBatch>();
  return *open_;
}

Status Partition::Create(ProgramPtr program, model::Event submitted) {
  const auto* body = std::get_if<model::Submitted>(&submitted.body);
  CHECK(body != nullptr);
  const ExecutionId id = body->id;
  if (live_.contains(id) || deleting_.contains(id)) return Fail(Code::kAlreadyExists, "execution " + id.str() + " exists already");
  Entry entry;
  entry.live = std::make_unique<executor::LiveExecution>(std::move(program), id);
  Entry& kept = live_.emplace(id, std::move(entry)).first->second;
  Stage(kept, ApplyAnswered(*kept.live, submitted), submitted.at);
  return {};
}

Result<bool> Partition::Apply(const ExecutionId& id, const model::Event& event) {
  ASSIGN_OR_RETURN(Entry * entry, Load(id));
  return Stage(*entry, ApplyAnswered(*entry->live, event), event.at);
}

Result<bool> Partition::Fire(const ArmedTimer& timer, Timestamp now) {
  auto loaded = Load(timer.execution);
  if (!loaded) {
    // Nobody waits for it any more: it goes, or it would fire again after every start.
    if (loaded.error().code == Code::kNotFound) Open().timers[{timer.execution, timer.timer}] = std::nullopt;
    return Fail(std::move(loaded.error()));
  }
  Entry* const entry = *loaded;
  std::erase_if(entry->timers, [&](const model::SetTimer& set) { return set.timer == timer.timer; });
  Open().timers[{timer.execution, timer.timer}] = std::nullopt;
  return Stage(*entry, ApplyAnswered(*entry->live, {now, model::TimerFired{timer.timer}}), now);
}

bool Partition::Stage(Entry& entry, executor::Applied applied, Timestamp at) {
  if (applied.delta.empty() && applied.commands.empty()) return false;
  Unpark(entry);
  OpenBatch& open = Open();
  const ExecutionId& id = entry.live->execution().id;
  if (open.touched.insert(id).second) ++entry.uncommitted;
  entry.dirty.insert(applied.delta.task_runs.begin(), applied.delta.task_runs.end());
  entry.dirty_head = true;
  if (const std::size_t states = entry.live->execution().state.changes.size(); states > entry.states_told) {
    const auto& changes = entry.live->execution().state.changes;
    for (std::size_t i = entry.states_told; i < states; ++i) {
      open.release.steps.push_back({i == 0 ? std::nullopt : std::optional(changes[i - 1]), changes[i].state});
    }
    state_news_.push_back({id, std::exchange(entry.states_told, states)});
  }
  for (model::Command& command : applied.commands) Carry(entry, std::move(command), at);
  return true;
}

void Partition::Carry(Entry& entry, model::Command command, Timestamp at) {
  const ExecutionId& id = entry.live->execution().id;
  std::vector<Order>& orders = Open().release.orders;
  if (auto* dispatch = std::get_if<model::DispatchTask>(&command)) {
    orders.emplace_back(DispatchOrder{{id, dispatch->fence}});
  } else if (auto* cancel = std::get_if<model::CancelTask>(&command)) {
    orders.emplace_back(CancelOrder{{id, cancel->fence}, std::move(cancel->reason)});
  } else if (auto* set = std::get_if<model::SetTimer>(&command)) {
    ArmTimer(entry, *set);
  } else if (auto* clear = std::get_if<model::ClearTimer>(&command)) {
    DisarmTimer(entry, clear->timer);
  } else if (auto* start = std::get_if<model::StartChild>(&command)) {
    ExecutionId child = start->child;
    Owe(id, std::move(child), std::move(*start));
  } else if (auto* kill = std::get_if<model::KillChild>(&command)) {
    Owe(id, kill->child, *kill);
  } else if (auto* restart = std::get_if<model::RestartChild>(&command)) {
    Owe(id, restart->child, *restart);
  } else if (auto* end = std::get_if<model::EndExecution>(&command)) {
    const model::Execution& execution = entry.live->execution();
    EndOrder ended{execution.ns, execution.flow_id, id, end->state};
    ended.took = execution.state.last_changed() - execution.state.started();
    // What a subflow has there speaks of its parent.
    const Value* trigger = execution.parent ? nullptr : Member(execution.trigger, "id");
    if (trigger != nullptr && trigger->is_string()) ended.trigger_id = trigger->get_string();
    orders.emplace_back(std::move(ended));
    // The parent of one that is retried waits for the one that takes its place.
    if (execution.parent && end->state != model::State::kRetried) {
      const model::ParentLink& link = *execution.parent;
      Owe(id, link.execution, model::ChildEnded{link.task_run, link.attempt, id, end->state, execution.outputs});
    }
  } else if (std::get_if<model::ReviveParent>(&command) != nullptr) {
    const model::Execution& execution = entry.live->execution();
    if (execution.parent) Owe(id, execution.parent->execution, model::ChildRestarted{execution.parent->task_run, id});
  } else if (auto* replacement = std::get_if<model::StartReplacement>(&command)) {
    ExecutionId next = replacement->id;
    Owe(id, std::move(next), std::move(*replacement));
  } else if (auto* log = std::get_if<model::EmitLog>(&command)) {
    Log(entry, *log, at);
  }
}

void Partition::ArmTimer(Entry& entry, const model::SetTimer& timer) {
  DisarmTimer(entry, timer.timer);
  const ExecutionId& id = entry.live->execution().id;
  entry.timers.push_back(timer);
  Open().timers[{id, timer.timer}] = timer.due;
  timers_.Arm({timer.due, id, timer.timer});
}

void Partition::DisarmTimer(Entry& entry, const model::TimerId& timer) {
  const ExecutionId& id = entry.live->execution().id;
  const auto it = std::find_if(entry.timers.begin(), entry.timers.end(),
                               [&](const model::SetTimer& set) { return set.timer == timer; });
  if (it == entry.timers.end()) return;
  timers_.Disarm({it->due, id, timer});
  entry.timers.erase(it);
  Open().timers[{id, timer}] = std::nullopt;
}

void Partition::Owe(const ExecutionId& from, ExecutionId to, decltype(wire::OutboxItem::body) body) {
  OutboxOrder order{next_outbox_id_++, wire::OutboxItem{from, std::move(body), std::move(to)}};
  OpenBatch& open = Open();
  open.batch.outbox_added.push_back({order.id, wire::EncodeOutbox(order.item)});
  open.release.orders.emplace_back(std::move(order));
}

void Partition::Log(const Entry& entry, const model::EmitLog& log, Timestamp at) {
  const model::Execution& execution = entry.live->execution();
  store::LogRow row{.execution = execution.id, .task_run = log.task_run, .at = at, .level = log.level,
                    .message = log.message};
  if (log.task_run) {
    const model::TaskRun& task_run = execution.task_runs.at(*log.task_run);
    row.task_id = entry.live->program().flow().task(task_run.task).id;
    row.attempt = task_run.attempt;
  }
  Open().release.logs.push_back(std::move(row));
}

void Partition::RememberRequest(store::RequestRow request) {
  uncommitted_requests_[request.request_id] = request;
  Open().batch.requests.push_back(std::move(request));
}

std::optional<store::RequestRow> Partition::FindUncommittedRequest(const std::string& request_id) const {
  const auto it = uncommitted_requests_.find(request_id);
  if (it == uncommitted_requests_.end()) return std::nullopt;
  return it->second;
}

void Partition::PutNote(const std::string& key, std::optional<std::string> record) {
  CHECK(key.size() <= store::kNoteKeyBytesMax);
  Open().notes[key] = std::move(record);
}

void Partition::FinishOutbox(std::uint64_t id) { Open().batch.outbox_done.push_back(id); }

void Partition::After(Order order) {
  if (open_) {
    open_->release.orders.push_back(std::move(order));
  } else if (!in_flight_.empty()) {
    in_flight_.back().orders.push_back(std::move(order));
  } else {
    Open().release.orders.push_back(std::move(order));
  }
}

void Partition::Encode(OpenBatch& open, Entry& entry) {
  const model::Execution& execution = entry.live->execution();
  const model::State state = execution.state.current();
  const bool over = model::IsTerminal(state);
  store::ExecutionRow row{.id = execution.id, .ns = execution.ns, .flow_id = execution.flow_id, .state = state,
                          .created = execution.state.started(), .labels = execution.labels,
                          .active = !entry.live->only_waits(), .record = wire::EncodeExecution(execution)};
  if (over) row.ended = execution.state.last_changed();
  if (execution.parent) row.parent = execution.parent->execution;
  open.batch.executions.push_back(std::move(row));
  const bool watched = has_watchers_(execution.id);
  WatchUpdate update;
  for (const model::TaskRunIndex index : entry.dirty) {
    const model::TaskRun& task_run = execution.task_runs.at(index);
    open.batch.task_runs.push_back({execution.id, index, wire::EncodeTaskRun(task_run)});
    if (watched) update.task_runs.push_back(task_run);
    if (options_.measured) TellEnded(entry, index, open.release.task_runs_ended);
  }
  entry.dirty.clear();
  entry.dirty_head = false;
  if (!watched) return;
  update.execution = HeadOf(execution);
  open.release.orders.emplace_back(PublishOrder{std::move(update)});
}

// What it has come to since it was told last; a run may end, go on and end again.
void Partition::TellEnded(Entry& entry, model::TaskRunIndex index, std::vector<TaskRunEnd>& out) {
  if (entry.run_states_told.size() <= index) entry.run_states_told.resize(index + 1);
  const model::TaskRun& run = entry.live->execution().task_runs.at(index);
  const auto& changes = run.state.changes;
  for (std::size_t i = std::exchange(entry.run_states_told[index], static_cast<std::uint32_t>(changes.size())); i < changes.size(); ++i) {
    if (!model::IsTerminal(changes[i].state)) continue;
    Timestamp began = changes.front().at;
    for (std::size_t before = 0; before < i; ++before) {
      if (changes[before].state == model::State::kRunning) began = changes[before].at;
    }
    out.push_back({entry.live->program().flow().task(run.task).type, changes[i].state, changes[i].at - began});
  }
}

void Partition::NoteRunStates(Entry& entry) {
  for (const model::TaskRun& run : entry.live->execution().task_runs) {
    entry.run_states_told.push_back(static_cast<std::uint32_t>(run.state.changes.size()));
  }
}

void Partition::Flush() {
  Park(std::exchange(loaded_, {}));
  if (!open_ || in_flight_.size() >= options_.commits_in_flight_max) return;
  std::unique_ptr<OpenBatch> open = std::move(open_);
  for (const ExecutionId& id : open->touched) Encode(*open, live_.at(id));
  for (const auto& [key, due] : open->timers) {
    if (due) open->batch.timers_set.push_back({key.first, key.second, *due});
    else open->batch.timers_cleared.push_back({key.first, key.second, {}});
  }
  for (auto& [key, record] : open->notes) {
    if (record) open->batch.notes_put.push_back({key, std::move(*record)});
    else open->batch.notes_dropped.push_back(key);
  }
  open->release.touched.assign(open->touched.begin(), open->touched.end());
  open->release.deleted = open->batch.executions_deleted;
  std::vector<std::string> request_ids;
  for (const store::RequestRow& request : open->batch.requests) request_ids.push_back(request.request_id);
  request_ids_in_flight_.push_back(std::move(request_ids));
  open->batch.partition = options_.id;
  open->batch.epoch = options_.epoch;
  in_flight_.push_back(std::move(open->release));
  submit_commit_(std::move(open->batch));
}

void Partition::Abandon(const Error& why) {
  if (!open_) return;
  const std::unique_ptr<OpenBatch> open = std::move(open_);
  for (const ExecutionId& id : open->touched) --live_.at(id).uncommitted;
  for (Order& order : open->release.orders) {
    if (auto* reply = std::get_if<ReplyOrder>(&order)) reply->reply(Fail(why));
  }
}

Release Partition::OnCommitted() {
  CHECK(!in_flight_.empty());
  Release release = std::move(in_flight_.front());
  in_flight_.pop_front();
  for (const ExecutionId& id : release.touched) --live_.at(id).uncommitted;
  for (const ExecutionId& id : release.deleted) deleting_.erase(id);
  for (const std::string& request_id : request_ids_in_flight_.front()) uncommitted_requests_.erase(request_id);
  request_ids_in_flight_.pop_front();
  return release;
}

Result<const executor::LiveExecution*> Partition::Find(const ExecutionId& id) {
  ASSIGN_OR_RETURN(Entry * entry, Load(id));
  return const_cast<const executor::LiveExecution*>(entry->live.get());
}

}  // namespace headrace::scheduler
