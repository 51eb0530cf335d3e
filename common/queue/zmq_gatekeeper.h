// Answers ZeroMQ's question whether a key may come in (ZAP), on a thread of its own, for one context.
// Place: made before the socket that asks is bound; ends before its context. A CURVE server without one lets every key in.
// Threads: its own; the destructor joins it. For zmq_*.cc only. Source: ZeroMQ RFC 27; FAILURES row 76.
#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <thread>

#include "common/queue/curve_keys.h"
#include "common/queue/zmq_context.h"

namespace headrace::queue {

// What the server's socket says and the gatekeeper answers to; nothing else is let in.
inline constexpr const char* kZapDomain = "headrace";

class Gatekeeper {
 public:
  static Result<std::unique_ptr<Gatekeeper>> Start(void* context, std::shared_ptr<AuthorizedKeys> keys);
  ~Gatekeeper();

 private:
  Gatekeeper(SocketPtr socket, WakeSignal wake, std::shared_ptr<AuthorizedKeys> keys)
      : socket_(std::move(socket)), wake_(std::move(wake)), keys_(std::move(keys)) {}
  void Serve();
  void Answer();
  void Report(const std::string& address, const std::string& key);

  SocketPtr socket_;
  WakeSignal wake_;
  const std::shared_ptr<AuthorizedKeys> keys_;
  std::atomic<bool> ends_{false};
  std::chrono::steady_clock::time_point reported_{};
  std::thread thread_;
};

}  // namespace headrace::queue
