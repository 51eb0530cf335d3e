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

namespace headrace::store {
namespace {

using SteadyClock = std::chrono::steady_clock;

// Of bytes that wait in the connection: beyond it batches wait here, where they cost the same.
constexpr std::size_t kInFlightMax = 4096;
constexpr Duration kWait = std::chrono::milliseconds(500);
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

void RedisWriter::Stop() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  Wake();
}

RedisWriter::~RedisWriter() {
  Stop();
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

void RedisWriter::Hurry() {
  {
    std::lock_guard lock(mutex_);
    if (!hurried_) hurried_ = SteadyClock::now();
  }
  Wake();
}

std::optional<SteadyClock::time_point> RedisWriter::hurried() {
  std::lock_guard lock(mutex_);
  return hurried_;
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
    RETURN_IF_ERROR(kind == 'c' ? OnCommitReply(*reply) : OnWaitReply(*reply));
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
    else if (trouble == Trouble::kSlot && options_.slot) error = SlotErrorOf(reply.text, link_->place());
    // Sent again in order, once what is wrong has passed.
    else if (Passes(trouble) || trouble == Trouble::kGap || trouble == Trouble::kFull) error.code = Code::kUnavailable;
    return Fail(std::move(error));
  }
  ++answered_;
  return {};
}

void RedisWriter::Warn(const std::string& text) {
  if (!options_.may_warn || options_.may_warn(text)) spdlog::warn("{}", text);
}

Status RedisWriter::OnWaitReply(const Reply& reply) {
  if (reply.error()) return Fail(ErrorOf(reply.text, link_->place()));
  if (reply.integer >= options_.replicas) {
    AnswerFirst(answered_);
    return {};
  }
  const auto now = SteadyClock::now();
  if (!outage_since_) {
    outage_since_ = now;
    Warn("fewer than " + std::to_string(options_.replicas) + " replicas follow Redis at " + link_->place() + ": commits wait");
  }
  if (now - *outage_since_ <= (hurried() ? std::min(options_.ending, options_.outage) : options_.outage)) return {};
  return Fail(Code::kUnavailable, "fewer than " + std::to_string(options_.replicas) + " replicas follow Redis at " + link_->place() +
                                      "; look after them, or choose --durability local");
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
  OpenGate(*link_);
}

// Its place is given up after `done`, so that Drain waits for that too.
void RedisWriter::Finish(Entry entry) {
  const bool applied = entry.answer->has_value();
  if (applied && !entry.deleted.empty() && options_.on_deleted) options_.on_deleted(entry.name.partition, entry.deleted);
  if (entry.done) entry.done(std::move(*entry.answer));
  else --written_again_;
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
  if (const auto hurry = hurried(); hurry && reply_due_) reply_due_ = std::min(*reply_due_, *hurry + options_.ending);
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
