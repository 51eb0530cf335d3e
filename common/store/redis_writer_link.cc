// How the writer comes to a connection, what it compares there, and what becomes of one that broke.
#include <algorithm>

#include "common/base/log.h"
#include "common/store/redis_errors.h"
#include "common/store/redis_layout.h"
#include "common/store/redis_library.h"
#include "common/store/redis_writer.h"

namespace headrace::store {
namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr Duration kFirstPause = std::chrono::milliseconds(5);
constexpr Duration kLongestPause = std::chrono::seconds(1);

}  // namespace

void RedisWriter::Connect() {
  auto link = locator_.Connect(options_.connect, options_.slot);
  if (!link) return Lost(link.error());
  if (options_.gate != nullptr) options_.gate->Compare((*link)->server());
  if (const Status checked = CheckWhatIsApplied(**link); !checked) return Lost(checked.error());
  OpenGate(**link);
  if (const Status loaded = LoadFunctions(**link, options_.reply); !loaded) {
    if (loaded.error().code == Code::kUnavailable) return Lost(loaded.error());
    load_refused_ = loaded.error();  // they may be there already
  }
  link_ = std::move(*link);
  if (options_.on_connected) options_.on_connected();
  std::lock_guard lock(mutex_);
  if (entries_.empty() && std::exchange(outage_since_, std::nullopt)) spdlog::info("Redis at {} is there again", link_->place());
}

// A server that lost its last moments in a failover or a crash says a lower number than it had confirmed.
Status RedisWriter::CheckWhatIsApplied(RedisLink& link) {
  std::vector<std::pair<BatchName, std::uint64_t>> known;
  std::vector<std::string> questions;
  {
    std::lock_guard lock(mutex_);
    for (const auto& [key, numbers] : numbers_) {
      if (numbers.confirmed == 0) continue;
      known.push_back({{key.first, key.second, 0}, numbers.confirmed});
      questions.push_back(Command{"HMGET", PartitionHead(key.first), "e", "w", "s"}.Take());
    }
  }
  if (questions.empty()) return {};
  ASSIGN_OR_RETURN(const std::vector<Reply> replies, link.Exchange(questions, options_.reply));
  for (std::size_t i = 0; i < replies.size(); ++i) {
    if (replies[i].error() && options_.slot && ReadTrouble(replies[i].text).trouble == Trouble::kSlot) {
      return Fail(SlotErrorOf(replies[i].text, link.place()));
    }
    if (replies[i].error()) return Fail(ConnectErrorOf(replies[i].text, link.place()));
    const auto& [name, confirmed] = known[i];
    const std::vector<Reply>& head = replies[i].items;
    // No epoch at all: in a cluster that is how one learns that a master came back with nothing.
    if (head.size() == 3 && head[0].nil()) return Fail(LostPartition(name.partition, link.place()));
    if (head.size() != 3 || head[0].text != std::to_string(name.epoch)) continue;  // its next batch is told who owns it
    const std::uint64_t applied = head[1].text == writer_ ? static_cast<std::uint64_t>(head[2].number()) : 0;
    if (applied < confirmed) RETURN_IF_ERROR(WriteAgain(name, applied, confirmed));
  }
  return {};
}

Status RedisWriter::WriteAgain(const BatchName& from, std::uint64_t applied, std::uint64_t confirmed) {
  std::lock_guard lock(mutex_);
  // Those of an earlier attempt are here still.
  for (const Entry& entry : entries_) {
    if (!entry.done && entry.name.partition == from.partition && entry.name.number == applied + 1) return {};
  }
  auto lost = retained_.Find(from.partition, from.epoch, applied + 1, confirmed);
  const std::string text = "Redis has forgotten " + std::to_string(confirmed - applied) + " confirmed commits of partition " +
                           std::to_string(from.partition);
  if (!lost) {
    return Fail(Code::kDataLoss, text + ", and they are not at hand any more; the scheduler must start anew from what is "
                                        "there (--durability replica loses none)");
  }
  spdlog::warn("{} (a failover to a replica that lagged, or a crash without fsync); they are written again", text);
  for (auto batch = lost->rbegin(); batch != lost->rend(); ++batch) {
    entries_.push_front({batch->name, std::move(batch->bytes), nullptr, {}, {}});
  }
  written_again_ += lost->size();
  return {};
}

// Whoever reads here sees all that was confirmed.
void RedisWriter::OpenGate(const RedisLink& link) {
  if (options_.gate != nullptr && written_again_ == 0) options_.gate->Open(link.server());
}

void RedisWriter::Lost(const Error& error) {
  {
    std::lock_guard lock(mutex_);
    for (std::size_t i = 0; i < answered_; ++i) entries_[i].answer.reset();
    if (stopping_ && !hurried_) hurried_ = SteadyClock::now();
  }
  link_.reset();
  if (locator_.cluster() != nullptr) locator_.cluster()->Doubt();
  sent_ = answered_ = 0;
  expected_.clear();
  reply_due_.reset();
  if (error.code != Code::kUnavailable) return GiveUp(error);
  const auto now = SteadyClock::now();
  if (!outage_since_) {
    outage_since_ = now;
    Warn(error.message + "; commits wait");
  }
  // In a hurry what it waited for an answer counts, too.
  const auto hurry = hurried();
  const auto since = hurry ? std::min(*hurry, *outage_since_) : *outage_since_;
  if (now - since > (hurry ? std::min(options_.ending, options_.outage) : options_.outage)) {
    return GiveUp({error.code, error.message + " (for " + FormatDuration(std::chrono::duration_cast<Duration>(now - since)) + ")", {}});
  }
  std::this_thread::sleep_for(pause_);
  pause_ = std::clamp(pause_ * 2, kFirstPause, kLongestPause);
}

void RedisWriter::GiveUp(Error error) {
  failure_ = std::move(error);
  if (options_.gate != nullptr) options_.gate->Shut(*failure_);
  spdlog::error("{}", failure_->message);
}

}  // namespace headrace::store
