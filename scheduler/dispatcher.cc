#include "scheduler/dispatcher.h"

#include <spdlog/spdlog.h>

#include <algorithm>

namespace headrace::scheduler {
namespace {

// What is left of a frame is for the names around it.
constexpr std::size_t kAssignBytesMax = wire::kFrameBytesMax - 64 * 1024;
constexpr std::size_t kSmall = 128;

std::size_t SpecBytes(const wire::TaskSpec& spec) {
  std::size_t bytes = kSmall + spec.type.size() + spec.task_id.size() + spec.properties_json.size() + spec.timeout.size() +
                      spec.run_if.size();
  for (const wire::TaskSpec& child : spec.children) bytes += SpecBytes(child);
  return bytes;
}

}  // namespace

std::size_t EstimateBytes(const wire::ToWorker& message) {
  if (const auto* assign = std::get_if<wire::Assign>(&message)) {
    return kSmall + assign->context_json.size() + (assign->spec ? SpecBytes(*assign->spec) : 0);
  }
  if (const auto* beat = std::get_if<wire::HeartbeatAck>(&message)) {
    return kSmall * (1 + beat->renewed.size() + beat->unknown.size());
  }
  if (const auto* cancel = std::get_if<wire::Cancel>(&message)) return kSmall + cancel->reason.size();
  return kSmall;
}

Dispatcher::Dispatcher(DispatcherOptions options, DispatchHost& host)
    : options_(std::move(options)), host_(host), leases_(options_.lease) {}

Dispatcher::Worker* Dispatcher::FindPeer(const std::string& peer) {
  const auto it = by_peer_.find(peer);
  return it == by_peer_.end() ? nullptr : &workers_.at(it->second);
}

void Dispatcher::Enqueue(const wire::TaskKey& key, const std::string& group) {
  const std::string asked = options_.ignores_groups ? std::string() : group;
  group_of_[key] = asked;
  ready_[asked].Push(key);
}

// With `suspects_alone`, none that a suspect may be about to take down.
Dispatcher::Worker* Dispatcher::Choose(const std::string& group, std::optional<Duration> suspects_alone) {
  Worker* best = nullptr;
  std::uint32_t best_room = 0;
  for (auto& [id, worker] : workers_) {
    if (worker.hello.group != group || worker.draining || worker.full || worker.free_slots <= worker.given) continue;
    if (suspects_alone && *suspects_alone < worker.suspect_until && IsHeldBy(worker.suspect, id)) {
      suspects_wait_until_ = std::min(suspects_wait_until_.value_or(worker.suspect_until), worker.suspect_until);
      continue;
    }
    const std::uint32_t room =
        worker.hello.capacity > worker.outstanding ? worker.hello.capacity - worker.outstanding : 0;
    if (room > best_room) {
      best = &worker;
      best_room = room;
    }
  }
  return best;
}

void Dispatcher::Pump(Duration now) {
  suspects_wait_until_.reset();
  for (auto& [group, queue] : ready_) {
    std::vector<wire::TaskKey> held_back;
    while (queue.size() > 0) {
      Worker* worker = Choose(group);
      if (worker == nullptr) break;
      const wire::TaskKey key = *queue.Pop();
      const bool suspect = host_.IsSuspect(key);
      if (suspect) worker = Choose(group, now);
      if (worker == nullptr) {
        held_back.push_back(key);
        continue;
      }
      if (suspect) {
        worker->suspect = key;
        worker->suspect_until = now + options_.suspect_alone;
      }
      if (!Assign(*worker, key, now)) group_of_.erase(key);
    }
    for (auto key = held_back.rbegin(); key != held_back.rend(); ++key) queue.PushFront(*key);
  }
}

bool Dispatcher::IsHeldBy(const wire::TaskKey& key, const WorkerId& worker) const {
  const Lease* lease = leases_.Find(key);
  return lease != nullptr && lease->worker == worker;
}

bool Dispatcher::Assign(Worker& worker, const wire::TaskKey& key, Duration now) {
  std::optional<wire::Assign> assign = host_.MakeAssign(key);
  if (!assign) return false;
  if (!worker.specs.contains(assign->spec_id)) assign->spec = host_.MakeSpec(key);
  if (const std::size_t bytes = EstimateBytes(*assign); bytes > kAssignBytesMax) {
    RefuseLarge(key, bytes);
    return false;
  }
  worker.specs.insert(assign->spec_id);
  assign->credit_seq = worker.credit_seq;
  leases_.Grant(key, worker.hello.worker, now, worker.credit_seq, worker.hello.incarnation);
  ++worker.outstanding;
  ++worker.given;
  resends_.push_back({now + options_.resend, key});
  host_.Send(worker.peer, std::move(*assign));
  return true;
}

// No frame can hold it: sent all the same it would be lost again and again, and its worker with it.
void Dispatcher::RefuseLarge(const wire::TaskKey& key, std::size_t bytes) {
  host_.OnResult("", WorkerId(),
                 {.key = key,
                  .outcome = model::State::kFailed,
                  .message = "CONTEXT_TOO_LARGE: the task and what its expressions name are " + std::to_string(bytes) +
                             " bytes, at most " + std::to_string(kAssignBytesMax) +
                             " can be sent to a worker; name less of it (outputs.a.b for outputs), or hand on a file"});
}

std::vector<wire::TaskKey> Dispatcher::Forget(const std::function<bool(const wire::TaskKey&)>& gone) {
  std::vector<wire::TaskKey> waiting;
  for (auto& [group, queue] : ready_) {
    for (wire::TaskKey& key : queue.TakeIf(gone)) waiting.push_back(std::move(key));
  }
  for (const auto& [key, lease] : leases_.TakeIf(gone)) {
    const auto worker = workers_.find(lease.worker);
    if (worker != workers_.end() && worker->second.outstanding > 0) --worker->second.outstanding;
  }
  std::erase_if(group_of_, [&](const auto& one) { return gone(one.first); });
  std::erase_if(cancels_, [&](const auto& one) { return gone(one.first); });
  return waiting;
}

void Dispatcher::AskWhatRuns() {
  for (const auto& [id, worker] : workers_) host_.Send(worker.peer, wire::ResyncRequired{});
}

void Dispatcher::SetSchedulers(std::vector<std::string> endpoints) {
  schedulers_ = std::move(endpoints);
  for (const auto& [id, worker] : workers_) host_.Send(worker.peer, wire::HeartbeatAck{.schedulers = schedulers_});
}

void Dispatcher::Cancel(const wire::TaskKey& key, const std::string& reason, Duration now) {
  const auto group = group_of_.find(key);
  if (group != group_of_.end() && ready_[group->second].Remove(key)) {
    group_of_.erase(group);
    wire::TaskResult result{.key = key, .outcome = model::State::kKilled, .message = reason};
    host_.OnResult("", WorkerId(), std::move(result));
    return;
  }
  if (leases_.Find(key) == nullptr) return;
  cancels_[key] = PendingCancel{reason, now + options_.resend};
  SendCancel(key, reason);
}

void Dispatcher::SendCancel(const wire::TaskKey& key, const std::string& reason) {
  const Lease* lease = leases_.Find(key);
  if (lease == nullptr || lease->worker.empty()) return;
  const auto it = workers_.find(lease->worker);
  if (it == workers_.end()) return;
  host_.Send(it->second.peer, wire::Cancel{key, options_.cancel_grace, reason});
}

Loss Dispatcher::LossOf(const Lease& lease, Duration now) const {
  if (lease.worker.empty()) return {"no worker claimed it after a restart of the scheduler"};
  Loss loss{"worker " + lease.worker.str() + " was lost"};
  // It may have been dead when it was given this, which then never reached it.
  if (!lease.acked) return loss;
  // Seen so late, it is this scheduler that slept: it heard nobody.
  if (now > lease.expires + options_.lease / 5) return loss;
  if (const auto it = workers_.find(lease.worker); it != workers_.end() && it->second.hello.incarnation == lease.process) {
    // One that is heard of has lost the delivery only; one that drained was on its way out.
    const bool silent = now - it->second.last_seen >= options_.lease / 2;
    if (!silent || it->second.draining) return loss;
  }
  loss.worker = lease.worker;
  loss.process = lease.process;
  return loss;
}

void Dispatcher::Tick(Duration now) {
  for (auto& [key, lease] : leases_.TakeExpired(now)) {
    if (const auto it = workers_.find(lease.worker); it != workers_.end()) {
      if (it->second.outstanding > 0) --it->second.outstanding;
      it->second.full = true;  // it gets nothing more until it is heard of again
    }
    group_of_.erase(key);
    cancels_.erase(key);
    host_.OnLost(key, LossOf(lease, now));
  }
  ResendUnacked(now);
  for (auto it = cancels_.begin(); it != cancels_.end();) {
    if (leases_.Find(it->first) == nullptr) {
      it = cancels_.erase(it);
      continue;
    }
    if (it->second.at <= now) {
      it->second.at = now + options_.resend;
      SendCancel(it->first, it->second.reason);
    }
    ++it;
  }
  DropSilent(now);
}

void Dispatcher::ResendUnacked(Duration now) {
  while (!resends_.empty() && resends_.front().at <= now) {
    const wire::TaskKey key = std::move(resends_.front().key);
    resends_.pop_front();
    const Lease* lease = leases_.Find(key);
    if (lease == nullptr || lease->acked || lease->worker.empty()) continue;
    const auto it = workers_.find(lease->worker);
    if (it == workers_.end()) continue;
    std::optional<wire::Assign> assign = host_.MakeAssign(key);
    if (!assign) continue;
    assign->spec = host_.MakeSpec(key);
    assign->credit_seq = lease->credit_seq;
    resends_.push_back({now + options_.resend, key});
    host_.Send(it->second.peer, std::move(*assign));
  }
}

// Two leases of silence: everything it held has run out by now.
void Dispatcher::DropSilent(Duration now) {
  for (auto it = workers_.begin(); it != workers_.end();) {
    if (now - it->second.last_seen > 2 * options_.lease) {
      spdlog::warn("worker {} has been silent for {} and is forgotten", it->first.str(),
                   FormatDuration(now - it->second.last_seen));
      by_peer_.erase(it->second.peer);
      it = workers_.erase(it);
    } else {
      ++it;
    }
  }
}

std::optional<Duration> Dispatcher::NextWake() const {
  std::optional<Duration> next = leases_.NextExpiry();
  const auto consider = [&](Duration at) { next = next ? std::min(*next, at) : at; };
  if (!resends_.empty()) consider(resends_.front().at);
  if (suspects_wait_until_) consider(*suspects_wait_until_);
  for (const auto& [key, cancel] : cancels_) consider(cancel.at);
  for (const auto& [id, worker] : workers_) consider(worker.last_seen + 2 * options_.lease + Duration(1));
  return next;
}

std::vector<WorkerView> Dispatcher::Workers(Duration now) const {
  std::vector<WorkerView> views;
  for (const auto& [id, worker] : workers_) {
    views.push_back({.id = id, .group = worker.hello.group, .host = worker.hello.host, .build = worker.hello.build,
                     .pid = worker.hello.pid, .capacity = worker.hello.capacity, .running = worker.outstanding,
                     .draining = worker.draining, .since_heartbeat = now - worker.last_seen,
                     .tags = worker.hello.tags});
  }
  return views;
}

Status Dispatcher::Drain(const WorkerId& id) {
  const auto it = workers_.find(id);
  if (it == workers_.end()) return NotFound("no worker " + id.str() + " is connected");
  it->second.draining = true;
  host_.Send(it->second.peer, wire::Drain{});
  return {};
}

std::size_t Dispatcher::waiting() const {
  std::size_t total = 0;
  for (const auto& [group, queue] : ready_) total += queue.size();
  return total;
}

}  // namespace headrace::scheduler
