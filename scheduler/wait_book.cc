#include "scheduler/wait_book.h"

#include <algorithm>
#include <utility>

namespace headrace::scheduler {

void WaitBook::Wait(Wish wish, Timestamp now) {
  const RunKey key{wish.execution, wish.timer.task_run};
  if (waiting_.contains(key)) Drop(key);
  Waiting waiting{.timer = wish.timer, .interval = wish.interval, .topic = std::move(wish.topic),
                  .keys = {wish.keys.begin(), wish.keys.end()}};
  if (wish.at_latest > Duration(0)) waiting.at_latest = now + wish.at_latest;
  Topic& topic = topics_[waiting.topic];
  topic.runs.insert(key);
  for (const std::string& of : waiting.keys) topic.by_key[of].insert(key);
  topic.known = std::max(topic.known, now + wish.after - wish.interval);
  waiting_.emplace(key, std::move(waiting));
}

std::optional<Timestamp> WaitBook::Postpone(const ArmedTimer& timer, Timestamp now) {
  const RunKey key{timer.execution, timer.timer.task_run};
  const auto found = waiting_.find(key);
  if (found == waiting_.end() || found->second.timer != timer.timer) return std::nullopt;
  const Waiting& waiting = found->second;
  Topic& topic = topics_.at(waiting.topic);
  const bool limit = waiting.at_latest && *waiting.at_latest <= now;
  if (!limit && topic.known + waiting.interval > now) {
    const Timestamp due = topic.known + waiting.interval;
    return waiting.at_latest ? std::min(due, *waiting.at_latest) : due;
  }
  topic.known = now;
  Drop(key);
  return std::nullopt;
}

void WaitBook::Forget(const ExecutionId& execution, model::TimerId timer) {
  const RunKey key{execution, timer.task_run};
  const auto found = waiting_.find(key);
  if (found != waiting_.end() && found->second.timer == timer) Drop(key);
}

void WaitBook::ForgetAll(const std::function<bool(const ExecutionId&)>& gone) {
  std::vector<RunKey> keys;
  for (const auto& [key, waiting] : waiting_) {
    if (gone(key.first)) keys.push_back(key);
  }
  for (const RunKey& key : keys) Drop(key);
}

std::vector<WaitBook::Run> WaitBook::TakeInterested(const std::string& topic, const std::vector<std::string>& keys) {
  const auto found = topics_.find(topic);
  if (found == topics_.end()) return {};
  std::set<RunKey> runs;
  if (keys.empty()) runs = found->second.runs;
  for (const std::string& key : keys) {
    const auto of = found->second.by_key.find(key);
    if (of != found->second.by_key.end()) runs.insert(of->second.begin(), of->second.end());
  }
  std::vector<Run> taken;
  for (const RunKey& run : runs) {
    taken.emplace_back(run.first, waiting_.at(run).timer);
    Drop(run);
  }
  return taken;
}

void WaitBook::Drop(const RunKey& key) {
  const auto found = waiting_.find(key);
  const auto topic = topics_.find(found->second.topic);
  topic->second.runs.erase(key);
  for (const std::string& of : found->second.keys) {
    const auto at = topic->second.by_key.find(of);
    at->second.erase(key);
    if (at->second.empty()) topic->second.by_key.erase(at);
  }
  if (topic->second.runs.empty()) topics_.erase(topic);
  waiting_.erase(found);
}

}  // namespace headrace::scheduler
