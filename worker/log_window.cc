#include "worker/log_window.h"

#include <algorithm>

namespace headrace::worker {
namespace {

// One message stays far below a frame, so that a heartbeat behind it waits for little.
constexpr std::size_t kPieceBytes = 64 * 1024;

std::size_t Cost(const wire::LogEntry& entry) { return entry.message.size() + wire::kLogEntryOverhead; }

}  // namespace

void LogWindow::Add(const wire::TaskKey& key, wire::LogEntry entry, Lane lane) {
  const auto [at, fresh] = tasks_.try_emplace(key);
  TaskLogs& logs = at->second;
  if (fresh) logs.lane = lane;
  const std::size_t cost = Cost(entry);
  logs.bytes += cost;
  bytes_ += cost;
  logs.entries.push_back(std::move(entry));
  if (!logs.queued) {
    logs.queued = true;
    lanes_[logs.lane].pending.push_back(key);
  }
  if (bytes_ > buffer_bytes_) Shrink();
}

void LogWindow::Move(const wire::TaskKey& key, Lane lane) {
  const auto at = tasks_.find(key);
  if (at == tasks_.end() || at->second.lane == lane) return;
  if (at->second.queued) {
    std::erase(lanes_[at->second.lane].pending, key);
    lanes_[lane].pending.push_back(key);
  }
  at->second.lane = lane;
}

void LogWindow::Close(LinkId link) {
  std::erase_if(tasks_, [&](const auto& entry) {
    if (entry.second.lane != link) return false;
    bytes_ -= entry.second.bytes;
    return true;
  });
  lanes_.erase(link);
}

// An eighth at a time and in two walks at most, so that a flood does not look through the tasks with every line: first
// from the noisiest task, then, when many tasks make the flood together, from those that wait longest.
void LogWindow::Shrink() {
  const std::size_t goal = buffer_bytes_ - buffer_bytes_ / 8;
  const auto noisiest = std::max_element(
      tasks_.begin(), tasks_.end(), [](const auto& a, const auto& b) { return a.second.bytes < b.second.bytes; });
  DropUntil(noisiest->second, goal);
  for (const auto& [lane, waiting] : lanes_) {
    for (const wire::TaskKey& key : waiting.pending) {
      if (bytes_ <= goal) return;
      DropUntil(tasks_.find(key)->second, goal);
    }
  }
}

void LogWindow::DropUntil(TaskLogs& logs, std::size_t goal) {
  while (!logs.entries.empty() && bytes_ > goal) {
    const std::size_t cost = Cost(logs.entries.front());
    logs.bytes -= cost;
    bytes_ -= cost;
    ++logs.dropped;
    ++dropped_;
    logs.dropped_at = logs.entries.front().at;
    logs.entries.pop_front();
  }
}

bool LogWindow::sendable(LinkId link) const {
  const auto at = lanes_.find(link);
  return at != lanes_.end() && at->second.window > 0 && !at->second.pending.empty();
}

std::optional<wire::Logs> LogWindow::Next(LinkId link) {
  if (!sendable(link)) return std::nullopt;
  return NextIn(lanes_[link]);
}

std::optional<wire::Logs> LogWindow::NextIn(Waiting& lane) {
  const wire::TaskKey key = lane.pending.front();
  lane.pending.pop_front();
  const auto at = tasks_.find(key);
  wire::Logs piece = Take(at, lane.window);
  TaskLogs& logs = at->second;
  logs.queued = !logs.entries.empty();
  if (logs.queued) lane.pending.push_back(key);
  else if (logs.ended) tasks_.erase(at);
  return piece;
}

std::optional<wire::Logs> LogWindow::NextOf(const wire::TaskKey& key) {
  const auto at = tasks_.find(key);
  if (at == tasks_.end() || !at->second.queued) return std::nullopt;
  Waiting& lane = lanes_[at->second.lane];
  if (lane.window == 0) return std::nullopt;
  std::erase(lane.pending, key);
  lane.pending.push_front(key);
  return NextIn(lane);
}

wire::Logs LogWindow::Take(Tasks::iterator at, std::uint64_t& window) {
  TaskLogs& logs = at->second;
  wire::Logs piece{.key = at->first, .seq = logs.next_seq};
  if (logs.dropped > 0) {
    piece.entries.push_back({.at = logs.dropped_at,
                             .level = "WARN",
                             .message = std::to_string(logs.dropped) +
                                        " log lines were dropped here: they came faster than the scheduler took them"});
    logs.dropped = 0;
  }
  std::size_t taken = 0;
  while (!logs.entries.empty() && taken < kPieceBytes && window > 0) {
    const std::size_t cost = Cost(logs.entries.front());
    taken += cost;
    // The last entry may overdraw: an entry larger than what is left must not wait for ever.
    window -= std::min<std::uint64_t>(window, cost);
    piece.entries.push_back(std::move(logs.entries.front()));
    logs.entries.pop_front();
  }
  logs.bytes -= taken;
  bytes_ -= taken;
  logs.next_seq += piece.entries.size();
  return piece;
}

void LogWindow::End(const wire::TaskKey& key) {
  const auto at = tasks_.find(key);
  if (at == tasks_.end()) return;
  at->second.ended = true;
  if (!at->second.queued) tasks_.erase(at);
}

void LogWindow::Forget(const wire::TaskKey& key) {
  const auto at = tasks_.find(key);
  if (at == tasks_.end()) return;
  bytes_ -= at->second.bytes;
  if (at->second.queued) std::erase(lanes_[at->second.lane].pending, key);
  tasks_.erase(at);
}

}  // namespace headrace::worker
