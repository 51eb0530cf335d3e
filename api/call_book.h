// The calls and streams under way: each unary call is answered exactly once, by its work, by the cap on its time, or by
// the end of the server, whichever is first.
// Units: the cap is 30 s unless the options say otherwise; a client's own shorter deadline is kept by gRPC.
// Threads: any; answers run on the thread that gives them, without locks.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <unordered_map>

#include "common/base/error.h"

namespace headrace::api {

// One unary call. Whoever claims it may touch gRPC's response and reactor; nobody else may, ever.
class Call {
 public:
  explicit Call(std::function<void(const Error&)> fail) : fail_(std::move(fail)) {}
  // Work that was dropped unfinished still answers.
  ~Call() { Fail(Error{Code::kUnavailable, "the server gave the call up", {}}); }
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;
  bool Claim() { return !claimed_.exchange(true); }
  // Answers with an error unless it was answered.
  void Fail(const Error& error) {
    if (Claim()) fail_(error);
  }

 private:
  std::atomic<bool> claimed_{false};
  std::function<void(const Error&)> fail_;
};

// A stream that can be told to end.
class OpenStream {
 public:
  virtual ~OpenStream() = default;
  virtual void Stop(const Error& why) = 0;
};

class CallBook {
 public:
  CallBook(std::chrono::milliseconds unary_cap, std::size_t streams_max);
  ~CallBook();
  CallBook(const CallBook&) = delete;
  CallBook& operator=(const CallBook&) = delete;

  std::shared_ptr<Call> Begin(std::function<void(const Error&)> fail);
  // RESOURCE_EXHAUSTED when there are too many, UNAVAILABLE when the server ends.
  Status Enter(OpenStream* key, std::weak_ptr<OpenStream> stream);
  void Leave(OpenStream* key);
  // Fails every open call and stream with UNAVAILABLE, and those that come later.
  void Close();

 private:
  using Deadline = std::chrono::steady_clock::time_point;
  void Run();

  const std::chrono::milliseconds unary_cap_;
  const std::size_t streams_max_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool closed_ = false;
  std::deque<std::pair<Deadline, std::weak_ptr<Call>>> calls_;  // the cap is the same for all, so they stand by deadline
  std::unordered_map<OpenStream*, std::weak_ptr<OpenStream>> streams_;
  std::thread thread_;
};

}  // namespace headrace::api
