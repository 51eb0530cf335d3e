#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

#include "api/execution_requests.h"
#include "api/status.h"

namespace headrace::api {
namespace {

using Base = grpc::ServerBidiReactor<v1::StreamSubmitExecutionsRequest, v1::StreamSubmitExecutionsResponse>;

// Reads on while fewer than kStreamWindow submissions wait for their answer or for a reader of it.
class SubmitStream final : public Base, public OpenStream, public std::enable_shared_from_this<SubmitStream> {
 public:
  SubmitStream(Serving& serving, std::shared_ptr<scheduler::Engine> engine) : serving_(serving), engine_(std::move(engine)) {}

  static Base* Open(Serving& serving, std::shared_ptr<scheduler::Engine> engine) {
    auto stream = std::make_shared<SubmitStream>(serving, std::move(engine));
    stream->self_ = stream;
    if (Status entered = serving.calls.Enter(stream.get(), stream); !entered) {
      stream->Stop(entered.error());
    } else {
      std::lock_guard lock(stream->mutex_);
      stream->ReadMore();
    }
    return stream.get();
  }

  void OnReadDone(bool ok) override {
    std::unique_lock lock(mutex_);
    reading_ = false;
    if (!ok) {
      half_closed_ = true;
      return FinishIfIdle(lock);
    }
    const std::uint64_t sequence = read_.sequence();
    Result<scheduler::SubmitRequest> submit = FromProto(read_.request());
    ++open_;
    lock.unlock();
    // The engine may answer at once, on this thread.
    if (submit) {
      engine_->Submit(std::move(*submit), [self = shared_from_this(), sequence](const auto& reply) {
        self->Put(sequence, reply);
      });
    } else {
      Put(sequence, Fail(submit.error()));
    }
    lock.lock();
    ReadMore();
  }

  void OnWriteDone(bool ok) override {
    std::unique_lock lock(mutex_);
    writing_ = false;
    if (!ok) {
      stopped_ = Error{Code::kCancelled, "the reader is gone", {}};
      return FinishIfIdle(lock);
    }
    answers_.pop_front();
    --open_;
    WriteMore();
    ReadMore();
    FinishIfIdle(lock);
  }

  void Stop(const Error& why) override {
    std::unique_lock lock(mutex_);
    if (!stopped_) stopped_ = why;
    FinishIfIdle(lock);
  }

  void OnCancel() override { Stop(Error{Code::kCancelled, "cancelled by the caller", {}}); }
  void OnDone() override {
    serving_.calls.Leave(this);
    self_.reset();
  }

 private:
  void Put(std::uint64_t sequence, const Result<scheduler::SubmitReply>& reply) {
    v1::StreamSubmitExecutionsResponse answer;
    answer.set_sequence(sequence);
    ToProto(reply, answer.mutable_result());
    std::lock_guard lock(mutex_);
    if (finished_) return;
    answers_.push_back(std::move(answer));
    WriteMore();
  }

  // REQUIRES for these three: the lock is held.
  void ReadMore() {
    if (reading_ || half_closed_ || finished_ || stopped_ || open_ >= kStreamWindow) return;
    reading_ = true;
    StartRead(&read_);
  }
  void WriteMore() {
    if (writing_ || answers_.empty() || finished_ || stopped_) return;
    writing_ = true;
    StartWrite(&answers_.front());
  }
  // Ends when stopped, or when all was read and answered. A write under way is waited for; a read ends with the stream.
  void FinishIfIdle(std::unique_lock<std::mutex>& lock) {
    if (finished_ || writing_ || (!stopped_ && !(half_closed_ && open_ == 0))) return;
    finished_ = true;
    const grpc::Status status = stopped_ ? ToGrpcStatus(*stopped_) : grpc::Status::OK;
    lock.unlock();
    Finish(status);
  }

  Serving& serving_;
  const std::shared_ptr<scheduler::Engine> engine_;
  std::mutex mutex_;
  v1::StreamSubmitExecutionsRequest read_;
  std::deque<v1::StreamSubmitExecutionsResponse> answers_;  // the front one is being written
  int open_ = 0;                                            // read, but their answer is not yet written
  bool reading_ = false;
  bool writing_ = false;
  bool half_closed_ = false;
  bool finished_ = false;
  std::optional<Error> stopped_;
  std::shared_ptr<SubmitStream> self_;
};

}  // namespace

Base* OpenSubmits(Serving& serving, std::shared_ptr<scheduler::Engine> engine) { return SubmitStream::Open(serving, std::move(engine)); }

}  // namespace headrace::api
