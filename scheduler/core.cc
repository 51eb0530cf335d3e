#include "scheduler/core.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

namespace headrace::scheduler {
namespace {

constexpr std::size_t kMessagesPerFrame = 512;
constexpr std::size_t kFrameBytesGoal = 1024 * 1024;

}  // namespace

Core::Core(CoreOptions options, store::Store& store, FlowRegistry& flows, WatchHub& hub, CorePort& port)
    : options_(std::move(options)), store_(store), flows_(flows), hub_(hub), port_(port),
      dispatcher_(options_.dispatcher, *this) {}

Core::~Core() = default;

Status Core::Recover(Moment now) {
  Opening opening;
  ASSIGN_OR_RETURN(opening.epoch, store_.Acquire(0));
  ASSIGN_OR_RETURN(opening.snapshot, store_.Load(0));
  ASSIGN_OR_RETURN(opening.flows, flows_.Heads());
  return Open(0, opening, now);
}

Status Core::Open(store::PartitionId id, const Opening& opening, Moment now) {
  now_ = now;
  if (shards_.contains(id)) return Fail(Code::kAlreadyExists, "partition " + std::to_string(id) + " is driven already");
  auto shard = std::make_unique<Shard>(id, options_, Shard::Around{store_, flows_, hub_, port_, dispatcher_, waits_, *this});
  Shard& opened = *(shards_[id] = std::move(shard));
  touched_.insert(id);
  if (Status recovered = opened.Recover(opening, now); !recovered) {
    static_cast<void>(ForgetTasks(id));
    touched_.erase(id);
    shards_.erase(id);
    return recovered;
  }
  return {};
}

void Core::Close(store::PartitionId id, std::function<void()> done, Moment now) {
  now_ = now;
  const auto found = shards_.find(id);
  if (found == shards_.end()) return done();
  closed_[id].push_back(std::move(done));
  touched_.insert(id);
  if (found->second->closing() || !found->second->failed()) return;
  const auto waiting = ForgetTasks(id);
  found->second->SetNow(now);
  found->second->Close(waiting);
}

void Core::Lose(store::PartitionId id, Moment now) {
  now_ = now;
  const auto found = shards_.find(id);
  if (found == shards_.end() || !found->second->failed()) return;
  found->second->Refuse(Fail(Elsewhere(id)));
  OnRefused(*found->second);
}

bool Core::Drives(store::PartitionId id) const {
  const auto found = shards_.find(id);
  return found != shards_.end() && !found->second->closing() && found->second->failed();
}

Shard* Core::At(Place place) {
  const auto found = shards_.find(PartitionAt(place));
  if (found == shards_.end() || found->second->closing()) return nullptr;
  // One that failed takes nothing, but where there is only one it says why itself.
  if (!found->second->failed() && options_.partitions > 1) return nullptr;
  found->second->SetNow(now_);
  touched_.insert(found->first);
  return found->second.get();
}

Error Core::Elsewhere(Place place) const {
  return {Code::kAborted, "partition " + std::to_string(PartitionAt(place)) + " is driven by another scheduler", {}};
}

void Core::OnFrame(const std::string& peer, std::string_view bytes, Moment now) {
  now_ = now;
  auto messages = wire::DecodeFromWorker(bytes);
  if (!messages) {
    spdlog::warn("a frame of {} bytes is dropped: {}", bytes.size(), messages.error().message);
    return;
  }
  for (wire::FromWorker& message : *messages) dispatcher_.OnMessage(peer, std::move(message), now.monotonic);
}

void Core::OnCommitted(store::PartitionId id, const Status& status, Moment now) {
  now_ = now;
  const auto found = shards_.find(id);
  if (found == shards_.end()) return;
  Shard& shard = *found->second;
  touched_.insert(id);
  shard.SetNow(now);
  const bool fine = shard.failed().has_value();
  shard.OnCommitted(status);
  if (fine && !shard.failed()) OnRefused(shard);
}

void Core::OnRefused(Shard& shard) {
  const Error error = shard.failed().error();
  touched_.insert(shard.id());
  if (options_.partitions > 1 && error.code == Code::kAborted) {
    spdlog::warn("partition {} has another owner now: {}", shard.id(), error.message);
    static_cast<void>(ForgetTasks(shard.id()));
    if (options_.on_lost) options_.on_lost(shard.id(), shard.partition()->epoch());
    return;
  }
  if (!failed_) return;
  failed_ = Fail(error);
  spdlog::error("the store refused a commit; nothing is accepted any more until a restart: {}", error.ToString());
  if (options_.on_failure) options_.on_failure(error);
}

// What an event does to other partitions of this core joins the same tick.
void Core::Tick(Moment now) {
  now_ = now;
  if (failed_) {
    BringAgain();
    while (!due_.empty() && due_.begin()->first <= now.wall) {
      touched_.insert(due_.begin()->second);
      due_of_.erase(due_.begin()->second);
      due_.erase(due_.begin());
    }
    for (const store::PartitionId id : std::set<store::PartitionId>(touched_)) {
      Shard& shard = *shards_.at(id);
      shard.SetNow(now);
      if (shard.failed()) shard.FireTimers();
    }
    dispatcher_.Tick(now.monotonic);
    for (const store::PartitionId id : std::set<store::PartitionId>(touched_)) {
      Shard& shard = *shards_.at(id);
      if (!shard.failed()) continue;
      shard.TickTriggers();
      shard.TellTriggers();
      shard.Flush();
    }
    dispatcher_.Pump(now.monotonic);
    // What could not be given out has ended by that.
    for (const store::PartitionId id : touched_) {
      Shard& shard = *shards_.at(id);
      if (!shard.failed()) continue;
      shard.TellTriggers();
      shard.Flush();
    }
  }
  SendOutbound();
  const std::set<store::PartitionId> touched = std::exchange(touched_, {});
  for (const store::PartitionId id : touched) {
    shards_.at(id)->FlushLogs();
    NoteDue(*shards_.at(id));
  }
  ForgetShards(touched);
}

void Core::NoteDue(const Shard& shard) {
  const auto had = due_of_.find(shard.id());
  if (had != due_of_.end()) {
    due_.erase({had->second, shard.id()});
    due_of_.erase(had);
  }
  const std::optional<Timestamp> due = shard.failed() ? shard.NextDue() : std::nullopt;
  if (!due) return;
  due_of_[shard.id()] = *due;
  due_.insert({*due, shard.id()});
}

// A partition that is over is another's from now on.
void Core::ForgetShards(const std::set<store::PartitionId>& ids) {
  for (const store::PartitionId id : ids) {
    if (!shards_.at(id)->over()) continue;
    auto told = closed_.extract(id);
    // The only one there is stays: it says why it failed.
    if (options_.partitions > 1) ForgetShard(id);
    if (told.empty()) continue;
    for (const auto& done : told.mapped()) done();
  }
}

void Core::ForgetShard(store::PartitionId id) {
  waits_.ForgetAll([&](const ExecutionId& execution) { return PartitionAt(PlaceOf(execution)) == id; });
  std::erase_if(owed_, [&](const auto& one) { return one.first.first == id; });
  std::erase_if(lines_, [&](const auto& one) { return std::get<0>(one.first) == id; });
  if (const auto due = due_of_.find(id); due != due_of_.end()) {
    due_.erase({due->second, id});
    due_of_.erase(due);
  }
  shards_.erase(id);
}

std::optional<Timestamp> Core::NextTimer() const {
  std::optional<Timestamp> next;
  if (!due_.empty()) next = due_.begin()->first;
  if (owed_again_ == Duration::max()) return next;
  const Timestamp again = now_.wall + std::max(owed_again_ - now_.monotonic, Duration(0));
  return next ? std::min(*next, again) : again;
}

bool Core::idle() const {
  return std::all_of(shards_.begin(), shards_.end(), [](const auto& one) { return one.second->partition()->idle(); });
}

const Partition* Core::partition(store::PartitionId id) const {
  const auto found = shards_.find(id);
  return found == shards_.end() ? nullptr : found->second->partition();
}

std::size_t Core::timers_waiting() const {
  std::size_t waiting = 0;
  for (const auto& [id, shard] : shards_) waiting += shard->timers_waiting();
  return waiting;
}

void Core::Send(const std::string& peer, wire::ToWorker message) {
  if (!peer.empty()) outbound_[peer].push_back(std::move(message));
}

// A frame ends when it is large enough, for one that is too large would be lost with all that is in it.
void Core::SendOutbound() {
  for (auto& [peer, messages] : std::exchange(outbound_, {})) {
    std::vector<wire::ToWorker> frame;
    std::size_t bytes = 0;
    const auto send = [&, peer = peer] {
      if (!frame.empty()) port_.SendFrame(peer, wire::EncodeToWorker(frame));
      frame.clear();
      bytes = 0;
    };
    for (wire::ToWorker& message : messages) {
      const std::size_t more = EstimateBytes(message);
      if (bytes + more > kFrameBytesGoal || frame.size() == kMessagesPerFrame) send();
      bytes += more;
      frame.push_back(std::move(message));
    }
    send();
  }
}

}  // namespace headrace::scheduler
