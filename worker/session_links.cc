// The links: hello, welcome, silence, heartbeats, credit, drain.
#include <algorithm>

#include <spdlog/spdlog.h>

#include "worker/session.h"

namespace headrace::worker {

WorkerSession::WorkerSession(SessionOptions options, SessionPort& port)
    : options_(std::move(options)), port_(port), logs_(options_.log_buffer_bytes) {}

void WorkerSession::OnConnected(LinkId id, Duration now) {
  if (over()) return;
  const auto [at, fresh] = links_.try_emplace(id, id, options_, port_);
  Link& link = at->second;
  if (link.refused() || link.rests_for()) return;
  if (link.welcomed()) LoseLink(link, now);
  else link.SayHello(now);
}

void WorkerSession::OnDisconnected(LinkId id, Duration now) {
  const auto at = links_.find(id);
  if (!over() && at != links_.end() && at->second.welcomed()) LoseLink(at->second, now);
}

void WorkerSession::RemoveLink(LinkId id, Duration now) {
  const auto at = links_.find(id);
  if (at == links_.end()) return;
  at->second.Refuse();
  LeaveLink(id, now);
  links_.erase(at);
  logs_.Close(id);
  WakeResting(id, now);
  EndWhenRefused("it is gone", now);
}

void WorkerSession::OnMessage(LinkId id, wire::ToWorker message, Duration now) {
  const auto at = links_.find(id);
  if (over() || at == links_.end() || at->second.refused()) return;
  Link& link = at->second;
  link.Heard(now);
  std::visit([&](auto& body) { On(link, body, now); }, message);
}

void WorkerSession::On(Link& link, wire::Welcome& message, Duration now) {
  if (link.welcomed() && link.session() == message.session) return;
  const bool another = link.welcomed();
  link.Welcome(message, now);
  lease_ = message.lease;
  logs_.Grant(link.id(), message.log_credit_bytes);
  credit_due_ = true;
  if (another) LeaveLink(link.id(), now);

  SendResync(link, now);
  if (draining_) link.Send(wire::Draining{});
  SendHeartbeat(link, now);
  link.SendCredit(link.believed());
  for (auto at = tasks_.begin(); at != tasks_.end(); ++at) {
    if (at->second.phase != TaskPhase::kEnded || at->second.home) continue;
    at->second.sends = 0;
    NoteSent(at->second, now);
    link.Send(at->second.result);
  }
}

void WorkerSession::On(Link& link, wire::Refused& message, Duration now) {
  if (!message.permanent) {
    spdlog::warn("a scheduler does not take this worker yet: {}", message.reason);
    if (link.welcomed()) LoseLink(link, now);
    return;
  }
  spdlog::error("a scheduler refuses this worker for good: {}", message.reason);
  link.Refuse();
  LeaveLink(link.id(), now);
  WakeResting(link.id(), now);
  EndWhenRefused(message.reason, now);
}

void WorkerSession::EndWhenRefused(const std::string& reason, Duration now) {
  const bool all = std::all_of(links_.begin(), links_.end(), [](const auto& entry) { return entry.second.refused(); });
  if (!all || links_.empty() || over()) return;
  refused_ = reason;
  AbandonAll(now);
}

void WorkerSession::On(Link& link, wire::HelloRequired&, Duration now) {
  if (link.rests_for()) return;
  if (!link.welcomed()) return link.SayHello(now);
  const Link* twin = TwinOf(link);
  if (twin == nullptr) return LoseLink(link, now);
  spdlog::info("scheduler {} is reached at two addresses; one of them is left alone", link.scheduler());
  link.Rest(twin->id());
  LeaveLink(link.id(), now);
}

// Its scheduler has one session a worker: who said hello over another address since then has taken this one's place.
const Link* WorkerSession::TwinOf(const Link& link) const {
  if (link.scheduler().empty()) return nullptr;
  for (const auto& [id, other] : links_) {
    if (id == link.id() || !other.welcomed() || other.scheduler() != link.scheduler()) continue;
    if (other.welcomed_at() >= link.welcomed_at()) return &other;
  }
  return nullptr;
}

void WorkerSession::WakeResting(LinkId other, Duration now) {
  for (auto& [id, link] : links_)
    if (link.rests_for() == other) link.SayHello(now);
}

void WorkerSession::LoseLink(Link& link, Duration now) {
  link.SayHello(now);
  LeaveLink(link.id(), now);
  WakeResting(link.id(), now);
}

// Nobody is asked over this link any more: its tasks have no home, and the other schedulers hear of them at once.
void WorkerSession::LeaveLink(LinkId id, Duration now) {
  credit_due_ = true;
  const Link& link = links_.at(id);
  bool any = false;
  for (auto at = tasks_.begin(); at != tasks_.end(); ++at)
    if (at->second.home == id) any = MakeHomeless(at, link, now) || any;
  if (any) TellHomeless(link, now);
}

std::vector<Link*> WorkerSession::Welcomed() {
  std::vector<Link*> links;
  for (auto& [id, link] : links_)
    if (link.welcomed()) links.push_back(&link);
  return links;
}

bool WorkerSession::connected() const {
  return std::any_of(links_.begin(), links_.end(), [](const auto& entry) { return entry.second.welcomed(); });
}

bool WorkerSession::welcomed(LinkId link) const {
  const auto at = links_.find(link);
  return at != links_.end() && at->second.welcomed();
}

void WorkerSession::On(Link& link, wire::LogCredit& message, Duration) { logs_.Grant(link.id(), message.bytes); }

void WorkerSession::On(Link&, wire::Drain&, Duration now) { BeginDrain(now); }

void WorkerSession::BeginDrain(Duration) {
  if (draining_ || over()) return;
  draining_ = true;
  credit_due_ = true;
  if (links_.empty()) done_ = true;
  for (Link* link : Welcomed()) link->Send(wire::Draining{});
}

void WorkerSession::EndDrain() {
  if (!draining_ || !tasks_.empty()) return;
  const auto links = Welcomed();
  if (std::any_of(links.begin(), links.end(), [this](const Link* link) { return logs_.sendable(link->id()); })) return;
  for (Link* link : links) link->Send(wire::Bye{});
  done_ = true;
}

void WorkerSession::SendHeartbeat(Link& link, Duration now) {
  const auto links = Welcomed();
  const auto place = static_cast<std::size_t>(std::find(links.begin(), links.end(), &link) - links.begin());
  wire::Heartbeat beat{.free_slots = deal_.Share(place, links.size(), free_slots()), .draining = draining_};
  // A result that waits for its ack is held too: a task that is absent here counts as lost.
  for (const auto& [key, task] : tasks_)
    if (task.phase != TaskPhase::kAbandoned && IsToldTo(link, task, now)) beat.tasks.push_back(key);
  link.SendHeartbeat(std::move(beat), now);
}

// Those who get less hear of it first.
void WorkerSession::SendCredits(Duration now) {
  const auto links = Welcomed();
  if (deal_.OnTick(now, links.size(), free_slots())) credit_due_ = true;
  if (!credit_due_) return;
  credit_due_ = false;
  for (const bool more : {false, true}) {
    for (std::size_t i = 0; i < links.size(); ++i) {
      const std::uint32_t share = deal_.Share(i, links.size(), free_slots());
      if (more ? share > links[i]->believed() || (links[i]->owed() && share > 0) : share < links[i]->believed())
        links[i]->SendCredit(share);
    }
  }
}

void WorkerSession::OnTick(Duration now) {
  if (over() || links_.empty()) return;
  ExpireLeases(now);
  for (auto& [id, link] : links_) {
    if (link.welcomed() && link.silent(now)) LoseLink(link, now);
    link.OnTick(now);
    if (link.heartbeat_due(now)) SendHeartbeat(link, now);
  }
  SendAcks();
  ResendResults(now);
  SendLogs();
  SendCredits(now);
  EndDrain();
}

Duration WorkerSession::NextWake() const {
  if (over() || links_.empty()) return kNever;
  if (draining_ && tasks_.empty()) return Duration::zero();
  Duration next = lease_check_at_;
  bool welcomed = false;
  for (const auto& [id, link] : links_) {
    next = std::min(next, link.NextWake());
    if (!link.welcomed()) continue;
    welcomed = true;
    if (logs_.sendable(id)) return Duration::zero();
  }
  if (!welcomed) return next;
  if (credit_due_ || !acks_due_.empty()) return Duration::zero();
  return std::min({next, resend_check_at_, deal_.NextWake()});
}

std::uint32_t WorkerSession::free_slots() const {
  if (draining_ || busy_ >= options_.capacity) return 0;
  return options_.capacity - busy_;
}

}  // namespace headrace::worker
