// A server stream that asks for its next message only when the one before is written: nothing piles up for a slow
// reader, and no thread waits for anyone.
// Shapes: Next fills one message, or says wait (until Wake) or end.
// Threads: Next runs on the pool, never twice at once; Wake and Stop from any thread, also the engine's loop.
#pragma once

#include <grpcpp/support/server_callback.h>

#include <memory>
#include <mutex>
#include <optional>
#include <utility>

#include "api/serving.h"
#include "api/status.h"

namespace headrace::api {

enum class Step { kWrite, kWait, kEnd };

template <typename Response>
class PulledStream : public grpc::ServerWriteReactor<Response>,
                     public OpenStream,
                     public std::enable_shared_from_this<PulledStream<Response>> {
 public:
  // Takes its place in the book and begins. The stream owns itself until gRPC is done with it.
  static grpc::ServerWriteReactor<Response>* Open(std::shared_ptr<PulledStream> stream) {
    stream->self_ = stream;
    if (Status entered = stream->serving_.calls.Enter(stream.get(), stream); !entered) stream->Stop(entered.error());
    else stream->Wake();
    return stream.get();
  }

  void Wake() {
    std::lock_guard lock(mutex_);
    if (state_ == State::kIdle) PostLocked();
    else again_ = true;
  }

  void Stop(const Error& why) override {
    {
      std::lock_guard lock(mutex_);
      if (!stopped_) stopped_ = why;
    }
    Wake();
  }

  void OnWriteDone(bool ok) override {
    std::lock_guard lock(mutex_);
    if (!ok && !stopped_) stopped_ = Error{Code::kCancelled, "the reader is gone", {}};
    PostLocked();
  }
  void OnCancel() override { Stop(Error{Code::kCancelled, "cancelled by the reader", {}}); }
  void OnDone() override {
    serving_.calls.Leave(this);
    self_.reset();
  }

 protected:
  explicit PulledStream(Serving& serving) : serving_(serving) {}
  // An error ends the stream with it.
  virtual Result<Step> Next(Response& out) = 0;
  std::weak_ptr<PulledStream> weak() { return this->weak_from_this(); }

  Serving& serving_;

 private:
  enum class State { kIdle, kPosted, kPulling, kWriting, kEnded };

  void PostLocked() {
    if (state_ == State::kEnded) return;
    state_ = State::kPosted;
    serving_.pool.PostAlways([stream = this->shared_from_this()] { stream->Pull(); });
  }

  void Pull() {
    while (true) {
      std::optional<Error> stopped;
      {
        std::lock_guard lock(mutex_);
        state_ = State::kPulling;
        again_ = false;
        stopped = stopped_;
      }
      if (stopped) return End(ToGrpcStatus(*stopped));
      out_.Clear();
      const Result<Step> step = Next(out_);
      if (!step) return End(ToGrpcStatus(step.error()));
      if (*step == Step::kEnd) return End(grpc::Status::OK);
      std::lock_guard lock(mutex_);
      if (*step == Step::kWrite) {
        state_ = State::kWriting;
        this->StartWrite(&out_);
        return;
      }
      if (again_) continue;
      state_ = State::kIdle;
      return;
    }
  }

  void End(grpc::Status status) {
    {
      std::lock_guard lock(mutex_);
      state_ = State::kEnded;
    }
    this->Finish(std::move(status));
  }

  std::mutex mutex_;
  State state_ = State::kIdle;
  bool again_ = false;
  std::optional<Error> stopped_;
  Response out_;  // the puller's, then gRPC's while writing
  std::shared_ptr<PulledStream> self_;
};

}  // namespace headrace::api
