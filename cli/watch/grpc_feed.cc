// Each stream is a reactor of gRPC's callback API: no thread of ours waits for it. A stream reads its next message only when
// the last one was taken, so a slow terminal holds one message a stream and the server does the rest.
#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>
#include <grpcpp/support/client_callback.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <list>
#include <mutex>
#include <thread>
#include <utility>

#include "api/status.h"
#include "cli/watch/feed.h"
#include "headrace/api/v1/execution_service.grpc.pb.h"

namespace headrace::cli {
namespace {

constexpr Duration kBackoffMin = std::chrono::milliseconds(50);
constexpr Duration kBackoffMax = std::chrono::seconds(3);
constexpr std::chrono::seconds kCallDeadline(10);
// A child is made a moment after its parent names it.
constexpr Duration kArrivalPatience = std::chrono::seconds(30);

// What reactors fill from gRPC's threads and the owner empties.
class Inbox {
 public:
  Inbox() : fd_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}
  ~Inbox() { close(fd_); }
  Inbox(const Inbox&) = delete;
  Inbox& operator=(const Inbox&) = delete;

  int fd() const { return fd_; }
  void Wake() {
    const std::uint64_t one = 1;
    (void)!write(fd_, &one, sizeof one);
  }
  void Calm() {
    std::uint64_t count = 0;
    (void)!read(fd_, &count, sizeof count);
  }

 private:
  const int fd_;
};

// One open call. Deletes nothing by itself: the feed keeps it until it is done. A hold keeps the call alive for reads that
// Take starts, until a read has failed or nobody wants another.
template <typename Message>
class Reader final : public grpc::ClientReadReactor<Message> {
 public:
  explicit Reader(Inbox& inbox) : inbox_(inbox) {}

  grpc::ClientContext& context() { return context_; }
  // The request may go once this returns: it is on its way then.
  void Begin() {
    this->AddHold();
    this->StartRead(&message_);
    this->StartCall();
  }

  // The message that came, and asks for the next one.
  std::optional<Message> Take() {
    std::unique_lock lock(mutex_);
    if (!full_) return std::nullopt;
    full_ = false;
    Message out = std::move(message_);
    message_.Clear();
    lock.unlock();
    this->StartRead(&message_);
    return out;
  }
  std::optional<grpc::Status> ended() {
    std::lock_guard lock(mutex_);
    return done_ ? std::optional(status_) : std::nullopt;
  }
  // Whatever comes now is not wanted.
  void WaitForEnd() {
    context_.TryCancel();
    std::unique_lock lock(mutex_);
    closing_ = true;
    if (full_) {
      full_ = false;
      lock.unlock();
      this->RemoveHold();
      lock.lock();
    }
    changed_.wait(lock, [this] { return done_; });
  }

  void OnReadDone(bool ok) override {
    bool last = !ok;
    {
      std::lock_guard lock(mutex_);
      last = last || closing_;
      full_ = !last;
    }
    if (last) this->RemoveHold();
    else inbox_.Wake();
  }
  void OnDone(const grpc::Status& status) override {
    // Whoever waits may delete this as soon as the lock is free.
    std::lock_guard lock(mutex_);
    done_ = true;
    status_ = status;
    inbox_.Wake();
    changed_.notify_all();
  }

 private:
  Inbox& inbox_;
  grpc::ClientContext context_;
  Message message_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool full_ = false;     // a message waits, and no read is under way
  bool closing_ = false;
  bool done_ = false;
  grpc::Status status_;
};

// What one execution's stream needs to go on where it broke.
template <typename Message>
struct Stream {
  std::string execution;
  bool awaited = false;    // and nothing was heard of it yet
  std::uint64_t seen = 0;  // cursor or offset
  std::unique_ptr<Reader<Message>> reader{};
  Duration backoff = kBackoffMin;
  std::chrono::steady_clock::time_point retry_at{};
  std::optional<std::chrono::steady_clock::time_point> broken_since{};
  bool over = false;
};

class GrpcFeed final : public Feed {
 public:
  GrpcFeed(std::shared_ptr<grpc::Channel> channel, Duration patience)
      : stub_(v1::ExecutionService::NewStub(std::move(channel))), patience_(patience) {}
  ~GrpcFeed() override {
    for (auto& stream : watches_) {
      if (stream.reader) stream.reader->WaitForEnd();
    }
    for (auto& stream : logs_) {
      if (stream.reader) stream.reader->WaitForEnd();
    }
  }

  int fd() const override { return inbox_.fd(); }

  void Watch(const std::string& execution, bool awaited) override {
    watches_.push_back({.execution = execution, .awaited = awaited});
    Open(watches_.back());
  }
  void FollowLogs(const std::string& execution, bool awaited) override {
    logs_.push_back({.execution = execution, .awaited = awaited});
    Open(logs_.back());
  }

  std::vector<FeedItem> Take() override {
    inbox_.Calm();
    std::vector<FeedItem> items;
    for (auto& stream : watches_) Drain(stream, items);
    for (auto& stream : logs_) Drain(stream, items);
    return items;
  }

  Duration NextRetry() const override {
    auto next = std::chrono::steady_clock::time_point::max();
    for (const auto& stream : watches_) next = std::min(next, RetryAt(stream));
    for (const auto& stream : logs_) next = std::min(next, RetryAt(stream));
    if (next == std::chrono::steady_clock::time_point::max()) return Duration::max();
    const auto left = std::chrono::ceil<Duration>(next - std::chrono::steady_clock::now());
    return std::max(left, Duration::zero());
  }

  Status Kill(const std::string& execution, const std::string& reason) override {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + kCallDeadline);
    v1::KillExecutionRequest request;
    request.set_id(execution);
    request.set_reason(reason);
    v1::KillExecutionResponse response;
    const grpc::Status status = stub_->KillExecution(&context, request, &response);
    return status.ok() ? Status() : Fail(api::FromGrpcStatus(status));
  }

 private:
  using Watches = Stream<v1::WatchExecutionResponse>;
  using Logs = Stream<v1::FollowLogsResponse>;

  void Open(Watches& stream) {
    stream.reader = std::make_unique<Reader<v1::WatchExecutionResponse>>(inbox_);
    v1::WatchExecutionRequest request;
    request.set_id(stream.execution);
    request.set_cursor(stream.seen);
    request.set_until_terminal(true);
    stub_->async()->WatchExecution(&stream.reader->context(), &request, stream.reader.get());
    stream.reader->Begin();
  }
  void Open(Logs& stream) {
    stream.reader = std::make_unique<Reader<v1::FollowLogsResponse>>(inbox_);
    v1::FollowLogsRequest request;
    request.set_execution_id(stream.execution);
    request.set_after_offset(stream.seen);
    request.set_follow(true);
    stub_->async()->FollowLogs(&stream.reader->context(), &request, stream.reader.get());
    stream.reader->Begin();
  }

  template <typename OneStream>
  static std::chrono::steady_clock::time_point RetryAt(const OneStream& stream) {
    const bool waits = !stream.over && stream.reader == nullptr;
    return waits ? stream.retry_at : std::chrono::steady_clock::time_point::max();
  }

  static void Note(Watches& stream, const v1::WatchExecutionResponse& message) {
    if (!message.more()) stream.seen = message.execution().cursor();
  }
  static void Note(Logs& stream, const v1::FollowLogsResponse& message) {
    if (message.entries_size() > 0) stream.seen = message.entries(message.entries_size() - 1).offset();
  }

  template <typename OneStream>
  void Drain(OneStream& stream, std::vector<FeedItem>& items) {
    constexpr bool kLogs = std::is_same_v<OneStream, Logs>;
    if (stream.over) return;
    if (!stream.reader) {
      if (std::chrono::steady_clock::now() >= stream.retry_at) Open(stream);
      return;
    }
    while (auto message = stream.reader->Take()) {
      Note(stream, *message);
      stream.awaited = false;
      stream.broken_since.reset();
      stream.backoff = kBackoffMin;
      items.push_back({stream.execution, std::move(*message)});
    }
    const std::optional<grpc::Status> ended = stream.reader->ended();
    if (!ended) return;
    stream.reader->WaitForEnd();
    stream.reader.reset();
    if (ended->ok()) {
      stream.over = true;
      items.push_back({stream.execution, StreamEnded{kLogs, {}}});
    } else {
      Break(stream, api::FromGrpcStatus(*ended), kLogs, items);
    }
  }

  template <typename OneStream>
  void Break(OneStream& stream, Error why, bool logs, std::vector<FeedItem>& items) {
    const auto now = std::chrono::steady_clock::now();
    const bool first = !stream.broken_since;
    if (first) stream.broken_since = now;
    const bool comes = stream.awaited && why.code == Code::kNotFound;
    const Duration patience = comes ? kArrivalPatience : why.code == Code::kUnavailable ? patience_ : Duration::zero();
    if (now - *stream.broken_since >= patience) {
      stream.over = true;
      items.push_back({stream.execution, StreamEnded{logs, Fail(std::move(why))}});
      return;
    }
    stream.retry_at = now + stream.backoff;
    stream.backoff = std::min(stream.backoff * 2, kBackoffMax);
    if (first && !logs && !comes) items.push_back({stream.execution, StreamBroken{why.message}});
  }

  Inbox inbox_;
  const std::unique_ptr<v1::ExecutionService::Stub> stub_;
  const Duration patience_;
  // Lists: what is in them must not move while calls are open.
  std::list<Watches> watches_;
  std::list<Logs> logs_;
};

}  // namespace

std::unique_ptr<Feed> MakeGrpcFeed(std::shared_ptr<grpc::Channel> channel, Duration patience) {
  return std::make_unique<GrpcFeed>(std::move(channel), patience);
}

}  // namespace headrace::cli
