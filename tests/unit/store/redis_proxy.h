// Stands between a client and a server: carries bytes, swallows answers, breaks connections, leads elsewhere.
// Threads: its own carries; the verbs may be called from any.
#pragma once

#include <atomic>
#include <list>
#include <string>
#include <thread>

namespace headrace::store {

class RedisProxy {
 public:
  explicit RedisProxy(int target);
  ~RedisProxy();
  int port() const { return port_; }
  std::string url() const { return "redis://127.0.0.1:" + std::to_string(port_); }
  // What the server answers gets lost from now on; what clients say does not.
  void SwallowAnswers(bool on) { swallow_ = on; }
  // Connections that were begun.
  int accepted() const { return accepted_; }
  // Ends every connection; new ones lead to `target`.
  void Break(int target);

 private:
  struct Pair {
    int client = -1;
    int server = -1;
  };
  void Loop();
  void Accept();
  // False when the connection is over.
  bool Carry(int from, int to, bool answers);

  int listener_ = -1;
  int port_ = 0;
  std::atomic<int> target_;
  std::atomic<int> accepted_{0};
  std::atomic<bool> swallow_{false};
  std::atomic<bool> break_{false};
  std::atomic<bool> stopping_{false};
  std::list<Pair> pairs_;  // the thread's
  std::thread thread_;
};

}  // namespace headrace::store
