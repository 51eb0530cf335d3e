// What the session wants to send, gathered into frames of many messages, for each scheduler its own.
// Threads: one owner.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "worker/session_port.h"

namespace headrace::worker {

class Outbox {
 public:
  using SendFrame = std::function<void(LinkId link, std::string frame)>;

  explicit Outbox(SendFrame send) : send_(std::move(send)) {}

  // A frame that is full goes at once.
  void Add(LinkId link, wire::FromWorker message);
  void Flush();

 private:
  struct Pile {
    std::vector<wire::FromWorker> messages{};
    std::size_t bytes = 0;
  };
  void FlushPile(LinkId link, Pile& pile);

  const SendFrame send_;
  std::map<LinkId, Pile> piles_;
};

}  // namespace headrace::worker
