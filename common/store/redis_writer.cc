#include "common/store/redis_writer.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <array>

#include "common/base/check.h"
#include "common/base/log.h"
#include "common/base/random.h"
#include "common/store/redis_batch.h"
#include "common/store/redis_errors.h"
#include "common/store/redis_layout.h"
#include "common/store/redis_library.h"

namespace headrace::store {
namespace {

using SteadyClock = std::chrono::steady_clock;

// Of bytes that wait in the connection: beyond it batches wait here, where they cost the same.
constexpr std::size_t kInFlightMax = 4096;
constexpr Duration kWait = std::chrono::milliseconds(500);
constexpr Duration kFirstPause = std::chrono::milliseconds(5);
constexpr Duration kLongestPause = std::chrono::seconds(1);
constexpr Duration kOutageAtEnd = std::chrono::seconds(5);
constexpr std::chrono::milliseconds kIdle(1000);

std::string NewWriterName() {
  Random random = Random::FromSystem();
  std::string name;
  for (int i = 0; i < 8; ++i) name += "0123456789abcdefghijklmnopqrstuv"[random.Below(32)];
  return name;
}

Status FencedBy(const BatchName& name, std::string_view reply) {
  const std::string_view epoch = reply.substr(std::min(reply.size(), std::string_view("HRFENCED ").size()));
  return Fail(Code::kAborted, "partition " + std::to_string(name.partition) + " is at epoch " + std::string(epoch) +
                                  ", the batch at " + std::to_string(name.epoch) +
                                  (epoch == "0" ? ": nobody has taken it, or Redis has lost its data" : ""));
}

}  // namespace

RedisWriter::RedisWriter(const RedisLocator& locator, RedisWriterOptions options)
    : locator_(locator), options_(std::move(options)), writer_(NewWriterName()), wake_fd_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
  CHECK(wake_fd_ >= 0);
  thread_ = std::thread([this] { Loop(); });
}

RedisWriter::~RedisWriter() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  Wake();
  thread_.join();
  close(wake_fd_);
}

void RedisWriter::Wake() {
  const std::uint64_t one = 1;
  (void)!write(wake_fd_, &one, sizeof(one));
}

void RedisWriter::Commit(const WriteBatch& batch, Timestamp now, CommitDone done) {
  bool wake = false;
  if (!done) done = [](const Status&) {};
  {
    std::lock_guard lock(mutex_);
    const std::uint64_t number = ++numbers_[{batch.partition, batch.epoch}].given;
    entries_.push_back({{batch.partition, batch.epoch, number}, PackCommit(batch, writer_, number, now), std::move(done),
                        batch.executions_deleted, {}});
    wake = sleeping_;
  }
  if (wake) Wake();
}

void RedisWriter::Begin(PartitionId partition, Epoch epoch) {
  std::lock_guard lock(mutex_);
  std::erase_if(numbers_, [&](const auto& one) { return one.first.first == partition && one.first.second < epoch; });
  numbers_[{partition, epoch}];
}

void RedisWriter::Drain() {
  std::unique_lock lock(mutex_);
  progress_.wait(lock, [this] { return entries_.empty(); });
}

void RedisWriter::Reconnect() {
  {
    std::lock_guard lock(mutex_);
    reconnect_ = true;
  }
  Wake();
}

void RedisWriter::Loop() {
  while (!Finished()) {
    if (TakeReconnect() && link_) Lost({Code::kUnavailable, "Redis at " + link_->place() + " is the master no more", {}});
    if (failure_) {
      AnswerAllWithFailure();
    } else if (!link_) {
      Connect();
    } else if (const Status status = Exchange(); !status) {
      Lost(status.error());
    }
  }
}

bool RedisWriter::Finished() {
  std::lock_guard lock(mutex_);
  return stopping_ && entries_.empty();
}

bool RedisWriter::TakeReconnect() {
  std::lock_guard lock(mutex_);
  return std::exchange(reconnect_, false);
}

void RedisWriter::Connect() {
  auto link = locator_.Connect(options_.connect);
  if (!link) return Lost(link.error());
  if (const Status loaded = LoadFunctions(**link, options_.reply); !loaded) {
    if (loaded.error().code == Code::kUnavailable) return Lost(loaded.error());
    load_refused_ = loaded.error();  // they may be there already
  }
  if (const Status checked = CheckWhatIsApplied(**link); !checked) return Lost(checked.error());
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
    if (replies[i].error()) return Fail(ErrorOf(replies[i].text, link.place()));
    const auto& [name, confirmed] = known[i];
    const std::vector<Reply>& head = replies[i].items;
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
  return {};
}

Status RedisWriter::Exchange() {
  Stage();
  RETURN_IF_ERROR(link_->Move());
  ASSIGN_OR_RETURN(const bool came, TakeReplies());
  if (came) return {};
  return Sleep();
}

void RedisWriter::Stage() {
  std::lock_guard lock(mutex_);
  // Redis reads nothing more of a connection that waits for replicas.
  if (options_.replicas > 0 && !expected_.empty()) return;
  const std::size_t before = sent_;
  while (sent_ < entries_.size() && expected_.size() < kInFlightMax) {
    link_->Send(entries_[sent_++].bytes);
    expected_.push_back('c');
  }
  if (options_.replicas > 0 && sent_ > 0) {
    link_->Send(Command{"WAIT", std::to_string(options_.replicas), std::to_string(kWait / std::chrono::milliseconds(1))}.Take());
    expected_.push_back('w');
  } else if (sent_ == before) {
    return;
  }
  if (!reply_due_) reply_due_ = SteadyClock::now() + options_.reply;
}

Result<bool> RedisWriter::TakeReplies() {
  bool came = false;
  while (true) {
    ASSIGN_OR_RETURN(const std::optional<Reply> reply, link_->Next());
    if (!reply) break;
    came = true;
    if (expected_.empty()) return Fail(Code::kDataLoss, "Redis at " + link_->place() + " answers what was not asked");
    const char kind = expected_.front();
    expected_.pop_front();
    if (kind == 'c') RETURN_IF_ERROR(OnCommitReply(*reply));
    else OnWaitReply(*reply);
  }
  if (came) {
    reply_due_.reset();
    if (!expected_.empty()) reply_due_ = SteadyClock::now() + options_.reply;
    if (options_.replicas == 0) AnswerFirst(answered_);
  }
  return came;
}

Status RedisWriter::OnCommitReply(const Reply& reply) {
  std::lock_guard lock(mutex_);
  Entry& entry = entries_[answered_];
  if (!reply.error()) {
    entry.answer = Status();
  } else if (const Trouble trouble = ReadTrouble(reply.text).trouble; trouble == Trouble::kFenced) {
    entry.answer = FencedBy(entry.name, reply.text);
  } else {
    Error error = ErrorOf(reply.text, link_->place());
    if (trouble == Trouble::kLoad && load_refused_) error = *load_refused_;
    // Sent again in order, once what is wrong has passed.
    else if (Passes(trouble) || trouble == Trouble::kGap || trouble == Trouble::kFull) error.code = Code::kUnavailable;
    return Fail(std::move(error));
  }
  ++answered_;
  return {};
}

void RedisWriter::OnWaitReply(const Reply& reply) {
  if (!reply.error() && reply.integer >= options_.replicas) return AnswerFirst(answered_);
  if (!outage_since_) {
    outage_since_ = SteadyClock::now();
    spdlog::warn("fewer than {} replicas follow Redis at {}: commits wait", options_.replicas, link_->place());
  } else if (SteadyClock::now() - *outage_since_ > options_.outage) {
    GiveUp({Code::kUnavailable, "fewer than " + std::to_string(options_.replicas) + " replicas followed Redis at " + link_->place() +
                                    " for " + FormatDuration(options_.outage) + "; look after them, or choose --durability local", {}});
  }
}

void RedisWriter::AnswerFirst(std::size_t count) {
  if (count == 0) return;
  if (outage_since_) spdlog::info("Redis at {} commits again", link_->place());
  outage_since_.reset();
  pause_ = Duration(0);
  for (; count > 0; --count) {
    Entry entry;
    {
      std::lock_guard lock(mutex_);
      entry = std::move(entries_.front());
      if (entry.done && *entry.answer) numbers_[{entry.name.partition, entry.name.epoch}].confirmed = entry.name.number;
    }
    Finish(std::move(entry));
    --answered_;
    --sent_;
  }
}

// Its place is given up after `done`, so that Drain waits for that too.
void RedisWriter::Finish(Entry entry) {
  const bool applied = entry.answer->has_value();
  if (applied && !entry.deleted.empty() && options_.on_deleted) options_.on_deleted(entry.name.partition, entry.deleted);
  if (entry.done) entry.done(std::move(*entry.answer));
  if (applied) retained_.Add({entry.name, std::move(entry.bytes)});
  std::lock_guard lock(mutex_);
  entries_.pop_front();
  if (entries_.empty()) progress_.notify_all();
}

// Until there is something to send or to read.
Status RedisWriter::Sleep() {
  auto until = SteadyClock::now() + kIdle;
  {
    std::lock_guard lock(mutex_);
    const bool may_send = options_.replicas == 0 ? expected_.size() < kInFlightMax : expected_.empty();
    if ((sent_ < entries_.size() && may_send) || (stopping_ && entries_.empty())) return {};
    sleeping_ = true;
  }
  if (reply_due_) until = std::min(until, *reply_due_);
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - SteadyClock::now()).count();
  std::array<pollfd, 2> fds{pollfd{link_->fd(), static_cast<short>(link_->has_to_write() ? POLLIN | POLLOUT : POLLIN), 0},
                            pollfd{wake_fd_, POLLIN, 0}};
  poll(fds.data(), fds.size(), static_cast<int>(std::max<std::int64_t>(left, 0)));
  std::uint64_t wakes = 0;
  if (fds[1].revents != 0) (void)!read(wake_fd_, &wakes, sizeof(wakes));
  {
    std::lock_guard lock(mutex_);
    sleeping_ = false;
  }
  if (reply_due_ && SteadyClock::now() >= *reply_due_) {
    return Fail(Code::kUnavailable, "Redis at " + link_->place() + " has not answered within " + FormatDuration(options_.reply));
  }
  return {};
}

void RedisWriter::Lost(const Error& error) {
  bool ending = false;
  {
    std::lock_guard lock(mutex_);
    for (std::size_t i = 0; i < answered_; ++i) entries_[i].answer.reset();
    ending = stopping_;
  }
  link_.reset();
  sent_ = answered_ = 0;
  expected_.clear();
  reply_due_.reset();
  if (error.code != Code::kUnavailable) return GiveUp(error);
  const auto now = SteadyClock::now();
  if (!outage_since_) {
    outage_since_ = now;
    spdlog::warn("{}; commits wait", error.message);
  }
  if (now - *outage_since_ > (ending ? std::min(kOutageAtEnd, options_.outage) : options_.outage)) {
    return GiveUp({error.code, error.message + " (for " + FormatDuration(std::chrono::duration_cast<Duration>(now - *outage_since_)) + ")", {}});
  }
  std::this_thread::sleep_for(pause_);
  pause_ = std::clamp(pause_ * 2, kFirstPause, kLongestPause);
}

void RedisWriter::GiveUp(Error error) {
  failure_ = std::move(error);
  spdlog::error("{}", failure_->message);
}

void RedisWriter::AnswerAllWithFailure() {
  std::unique_lock lock(mutex_);
  while (!entries_.empty()) {
    CommitDone done = std::move(entries_.front().done);
    lock.unlock();
    if (done) done(Fail(*failure_));
    lock.lock();
    entries_.pop_front();
  }
  progress_.notify_all();
  if (stopping_) return;
  sleeping_ = true;
  lock.unlock();
  pollfd one{wake_fd_, POLLIN, 0};
  poll(&one, 1, static_cast<int>(kIdle.count()));
  std::uint64_t wakes = 0;
  (void)!read(wake_fd_, &wakes, sizeof(wakes));
  lock.lock();
  sleeping_ = false;
}

}  // namespace headrace::store
