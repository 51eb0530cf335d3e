#include "worker/channel_set.h"

#include <poll.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>

namespace headrace::worker {
namespace {

constexpr std::size_t kChannelsMax = 64;
constexpr std::chrono::milliseconds kWaitMax{3'600'000};

// One spelling of an address that has several.
std::string Plain(const std::string& endpoint) {
  constexpr std::string_view kLocal = "tcp://localhost:";
  return endpoint.starts_with(kLocal) ? "tcp://127.0.0.1:" + endpoint.substr(kLocal.size()) : endpoint;
}

}  // namespace

ChannelSet::ChannelSet(std::unique_ptr<queue::ClientQueue> only) { Add("", std::move(only), true, {}); }

Result<ChannelSet> ChannelSet::Open(const std::vector<std::string>& endpoints, OpenQueue open) {
  ChannelSet set;
  set.open_ = std::move(open);
  for (const std::string& endpoint : endpoints) {
    if (set.Find(Plain(endpoint)) != nullptr) continue;
    ASSIGN_OR_RETURN(auto queue, set.open_(endpoint));
    set.Add(Plain(endpoint), std::move(queue), true, {});
  }
  return set;
}

LinkId ChannelSet::Add(std::string endpoint, std::unique_ptr<queue::ClientQueue> queue, bool named, Duration now) {
  if (first_ == nullptr) first_ = queue.get();
  const std::uint64_t changes = queue->changes();
  channels_.emplace(next_, Channel{.endpoint = std::move(endpoint), .queue = std::move(queue), .named = named, .changes = changes, .told_at = now});
  return next_++;
}

ChannelSet::Channel* ChannelSet::Find(const std::string& endpoint) {
  const auto at = std::find_if(channels_.begin(), channels_.end(), [&](const auto& entry) { return entry.second.endpoint == endpoint; });
  return at == channels_.end() ? nullptr : &at->second;
}

std::vector<LinkId> ChannelSet::links() const {
  std::vector<LinkId> all;
  for (const auto& [link, channel] : channels_) all.push_back(link);
  return all;
}

void ChannelSet::Receive(std::vector<Arrival>& out, std::size_t most, Duration timeout) {
  if (channels_.size() == 1) {
    auto& [link, channel] = *channels_.begin();
    frames_.clear();
    channel.queue->Receive(frames_, most, timeout);
    for (std::string& frame : frames_) out.push_back({link, std::move(frame)});
    return;
  }
  const std::size_t before = out.size();
  TakeFrames(out, most);
  // A wake or a change that this look has taken makes no descriptor readable any more.
  if (woken_->exchange(false) || out.size() > before || HasChanged() || timeout <= Duration::zero()) return;
  Wait(timeout);
  woken_->store(false);
  TakeFrames(out, most);
}

void ChannelSet::TakeFrames(std::vector<Arrival>& out, std::size_t most) {
  for (auto& [link, channel] : channels_) {
    frames_.clear();
    channel.queue->Receive(frames_, most, Duration::zero());
    for (std::string& frame : frames_) out.push_back({link, std::move(frame)});
  }
}

bool ChannelSet::HasChanged() const {
  return std::any_of(channels_.begin(), channels_.end(),
                     [](const auto& entry) { return entry.second.queue->changes() != entry.second.changes; });
}

void ChannelSet::Wait(Duration timeout) const {
  std::vector<pollfd> all;
  for (const auto& [link, channel] : channels_)
    for (const int fd : channel.queue->PollFds()) all.push_back({.fd = fd, .events = POLLIN, .revents = 0});
  // Rounded up: a wait of half a millisecond must not become a busy loop.
  const auto millis = std::min(std::chrono::ceil<std::chrono::milliseconds>(timeout), kWaitMax);
  poll(all.data(), all.size(), static_cast<int>(millis.count()));
}

std::vector<ChannelSet::Change> ChannelSet::TakeChanges() {
  std::vector<Change> changes;
  for (auto& [link, channel] : channels_) {
    const std::uint64_t now = channel.queue->changes();
    if (now != channel.changes) changes.push_back({link, channel.queue->connected()});
    channel.changes = now;
  }
  return changes;
}

Status ChannelSet::Send(LinkId link, std::string bytes) {
  const auto at = channels_.find(link);
  if (at == channels_.end()) return Fail(Code::kUnavailable, "the connection was closed");
  return at->second.queue->Send(std::move(bytes));
}

std::vector<LinkId> ChannelSet::Learn(const std::vector<std::string>& endpoints, Duration now) {
  std::vector<LinkId> fresh;
  if (!open_) return fresh;
  for (const std::string& endpoint : endpoints) {
    if (Channel* known = Find(Plain(endpoint))) {
      known->told_at = now;
      continue;
    }
    if (channels_.size() >= kChannelsMax) return fresh;
    auto queue = open_(endpoint);
    if (queue) {
      spdlog::info("there is a scheduler at {}, too", endpoint);
      fresh.push_back(Add(Plain(endpoint), std::move(*queue), false, now));
    } else if (told_.size() < kChannelsMax && told_.insert(endpoint).second) {
      spdlog::warn("a scheduler that others tell of is left out: {}", queue.error().message);
    }
  }
  return fresh;
}

std::vector<LinkId> ChannelSet::NotToldSince(Duration before) const {
  std::vector<LinkId> old;
  for (const auto& [link, channel] : channels_)
    if (!channel.named && channel.told_at < before) old.push_back(link);
  return old;
}

}  // namespace headrace::worker
