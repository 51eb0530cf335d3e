#include "worker/outbox.h"

namespace headrace::worker {
namespace {

constexpr std::size_t kFrameBytesGoal = 256 * 1024;
constexpr std::size_t kMessagesAFrame = 4096;

// Near enough to know when a frame is full.
std::size_t EstimateBytes(const wire::FromWorker& message) {
  constexpr std::size_t kSmall = 64;
  if (const auto* result = std::get_if<wire::TaskResult>(&message))
    return kSmall + result->outputs_json.size() + result->message.size();
  if (const auto* logs = std::get_if<wire::Logs>(&message)) {
    std::size_t bytes = kSmall;
    for (const wire::LogEntry& entry : logs->entries) bytes += entry.message.size() + 24;
    return bytes;
  }
  if (const auto* beat = std::get_if<wire::Heartbeat>(&message)) return kSmall * (1 + beat->tasks.size());
  if (const auto* resync = std::get_if<wire::Resync>(&message))
    return kSmall * (1 + resync->running.size() + resync->unacked.size());
  return kSmall;
}

}  // namespace

void Outbox::Add(LinkId link, wire::FromWorker message) {
  Pile& pile = piles_[link];
  pile.bytes += EstimateBytes(message);
  pile.messages.push_back(std::move(message));
  if (pile.bytes >= kFrameBytesGoal || pile.messages.size() >= kMessagesAFrame) FlushPile(link, pile);
}

void Outbox::Flush() {
  for (auto& [link, pile] : piles_)
    if (!pile.messages.empty()) FlushPile(link, pile);
}

void Outbox::FlushPile(LinkId link, Pile& pile) {
  send_(link, wire::EncodeFromWorker(pile.messages));
  pile.messages.clear();
  pile.bytes = 0;
}

}  // namespace headrace::worker
