// What each message of a worker means to the dispatcher: one function a message.
#include <spdlog/spdlog.h>

#include <algorithm>

#include "scheduler/dispatcher.h"

namespace headrace::scheduler {
namespace {

template <typename... F>
struct Overload : F... {
  using F::operator()...;
};

}  // namespace

void Dispatcher::OnMessage(const std::string& peer, wire::FromWorker message, Duration now) {
  if (const auto* hello = std::get_if<wire::Hello>(&message)) return OnHello(peer, *hello, now);
  Worker* worker = FindPeer(peer);
  if (worker == nullptr) {
    host_.Send(peer, wire::HelloRequired{});
    return;
  }
  worker->last_seen = now;
  std::visit(Overload{
                 [](wire::Hello&) {},
                 [&](wire::Resync& resync) { On(*worker, resync, now); },
                 [&](wire::Credit& credit) { On(*worker, credit); },
                 [&](wire::AssignAck& ack) { leases_.MarkAcked(ack.key, worker->hello.worker); },
                 [&](wire::AssignNack& nack) { On(*worker, nack); },
                 [&](wire::Started& started) {
                   if (leases_.ClaimOrRenew(started.key, worker->hello.worker, now, worker->hello.incarnation)) {
                     host_.OnStarted(started.key, worker->hello.worker, started.at);
                   }
                 },
                 [&](wire::Heartbeat& heartbeat) { On(*worker, heartbeat, now); },
                 [&](wire::Logs& logs) { On(*worker, std::move(logs)); },
                 [&](wire::TaskResult& result) { On(*worker, std::move(result)); },
                 [&](wire::CancelAck& ack) { cancels_.erase(ack.key); },
                 [&](wire::Draining&) { worker->draining = true; },
                 [&](wire::Bye&) { OnBye(*worker); },
             },
             message);
}

void Dispatcher::OnHello(const std::string& peer, const wire::Hello& hello, Duration now) {
  if (hello.protocol_min > wire::kProtocolVersion || hello.protocol_max < wire::kProtocolVersion) {
    host_.Send(peer, wire::Refused{"this scheduler speaks protocol " + std::to_string(wire::kProtocolVersion) +
                                       ", the worker " + std::to_string(hello.protocol_min) + " to " +
                                       std::to_string(hello.protocol_max) + ": upgrade the older of the two",
                                   true});
    return;
  }
  const auto known = workers_.find(hello.worker);
  if (known != workers_.end() && known->second.hello.incarnation != hello.incarnation &&
      now - known->second.last_seen < options_.lease) {
    host_.Send(peer, wire::Refused{"another process is connected as worker " + hello.worker.str() +
                                       ": give each worker an id of its own, or wait for the old one's lease to end",
                                   false});
    return;
  }
  Worker worker;
  if (known != workers_.end()) {
    by_peer_.erase(known->second.peer);
    if (known->second.hello.incarnation == hello.incarnation) worker.draining = known->second.draining;
  }
  worker.hello = hello;
  worker.peer = peer;
  worker.session = next_session_++;
  worker.last_seen = now;
  worker.outstanding = static_cast<std::uint32_t>(leases_.HeldBy(hello.worker).size());
  by_peer_[peer] = hello.worker;
  const std::uint64_t session = worker.session;
  workers_[hello.worker] = std::move(worker);
  host_.Send(peer, wire::Welcome{wire::kProtocolVersion, options_.scheduler_name, session, options_.lease,
                                 options_.heartbeat, options_.log_credit_bytes, schedulers_});
}

bool Dispatcher::Claim(Worker& worker, const wire::TaskKey& key, Duration now) {
  const Lease* lease = leases_.Find(key);
  const bool was_mine = lease != nullptr && lease->worker == worker.hello.worker;
  if (!leases_.ClaimOrRenew(key, worker.hello.worker, now, worker.hello.incarnation)) return false;
  if (!was_mine) ++worker.outstanding;
  return true;
}

void Dispatcher::On(Worker& worker, const wire::Resync& resync, Duration now) {
  wire::HeartbeatAck answer;
  for (const wire::RunningTask& running : resync.running) {
    if (host_.IsCurrent(running.key) && Claim(worker, running.key, now)) {
      answer.renewed.push_back(running.key);
      host_.OnStarted(running.key, worker.hello.worker, running.started);
    } else if (!host_.Drives(running.key)) {
      answer.elsewhere.push_back(running.key);
    } else {
      answer.unknown.push_back(running.key);
    }
  }
  // A result on its way: nobody else may get the delivery before it is here.
  for (const wire::TaskKey& key : resync.unacked) {
    if (host_.IsCurrent(key)) Claim(worker, key, now);
  }
  host_.Send(worker.peer, std::move(answer));
}

void Dispatcher::TakeCredit(Worker& worker, std::uint32_t free_slots, std::uint64_t seq) {
  if (seq <= worker.credit_seq) return;
  worker.credit_seq = seq;
  worker.free_slots = free_slots;
  worker.given = 0;
  if (free_slots > 0) worker.full = false;
}

void Dispatcher::On(Worker& worker, const wire::Credit& credit) { TakeCredit(worker, credit.free_slots, credit.seq); }

void Dispatcher::On(Worker& worker, const wire::AssignNack& nack) {
  const Lease* lease = leases_.Find(nack.key);
  // An answer to an earlier grant of the same delivery says nothing about this one.
  if (lease != nullptr && nack.credit_seq != 0 && lease->credit_seq != nack.credit_seq) return;
  if (!leases_.Release(nack.key, worker.hello.worker)) return;
  if (worker.outstanding > 0) --worker.outstanding;
  // Its next word makes the next grant a later one.
  worker.full = true;
  switch (nack.reason) {
    case wire::NackReason::kNoSlot: break;
    case wire::NackReason::kDraining: worker.draining = true; break;
    case wire::NackReason::kUnknownSpec: worker.specs.clear(); break;
    case wire::NackReason::kOldEpoch:
      spdlog::error("worker {} has seen a newer owner of this partition: this scheduler is behind", worker.hello.worker.str());
      break;
  }
  const auto group = group_of_.find(nack.key);
  ready_[group == group_of_.end() ? worker.hello.group : group->second].PushFront(nack.key);
}

void Dispatcher::On(Worker& worker, const wire::Heartbeat& heartbeat, Duration now) {
  TakeCredit(worker, heartbeat.free_slots, heartbeat.credit_seq);
  if (heartbeat.draining) worker.draining = true;
  wire::HeartbeatAck answer{.credit_seq = heartbeat.credit_seq, .schedulers = schedulers_};
  for (const wire::TaskKey& key : heartbeat.tasks) {
    if (Claim(worker, key, now)) answer.renewed.push_back(key);
    else (host_.Drives(key) ? answer.unknown : answer.elsewhere).push_back(key);
  }
  host_.Send(worker.peer, std::move(answer));
  RenewLogWindow(worker);
}

// The window is renewed when half of it is used, and with every heartbeat, as logs may be lost on the way.
void Dispatcher::On(Worker& worker, wire::Logs logs) {
  for (const wire::LogEntry& entry : logs.entries) worker.log_bytes += entry.message.size() + wire::kLogEntryOverhead;
  host_.OnLogs(std::move(logs));
  if (worker.log_bytes >= options_.log_credit_bytes / 2) RenewLogWindow(worker);
}

void Dispatcher::RenewLogWindow(Worker& worker) {
  worker.log_bytes = 0;
  host_.Send(worker.peer, wire::LogCredit{options_.log_credit_bytes});
}

void Dispatcher::On(Worker& worker, wire::TaskResult result) {
  if (IsHeldBy(result.key, worker.hello.worker) && leases_.Find(result.key)->credit_seq == worker.credit_seq && worker.given > 0) --worker.given;
  if (leases_.Release(result.key, worker.hello.worker)) {
    if (worker.outstanding > 0) --worker.outstanding;
  } else if (const Lease* lease = leases_.Find(result.key); lease != nullptr && lease->worker.empty()) {
    leases_.Drop(result.key);
  }
  group_of_.erase(result.key);
  cancels_.erase(result.key);
  host_.OnResult(worker.peer, worker.hello.worker, std::move(result));
}

void Dispatcher::OnBye(Worker& worker) {
  const WorkerId id = worker.hello.worker;
  for (const wire::TaskKey& key : leases_.HeldBy(id)) {
    leases_.Drop(key);
    group_of_.erase(key);
    cancels_.erase(key);
    host_.OnLost(key, {"worker " + id.str() + " left"});
  }
  by_peer_.erase(worker.peer);
  workers_.erase(id);
}

}  // namespace headrace::scheduler
