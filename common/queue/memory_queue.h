// Both ends of the Queue seam inside one process.
// Threads: as queue.h; server and clients may live on different threads.
#pragma once

#include <memory>

#include "common/queue/queue.h"

namespace headrace::queue {

class MemoryExchange;

// A server and a way to make clients of it. A client that is destroyed disappears as a peer.
class MemoryQueue {
 public:
  MemoryQueue();
  ~MemoryQueue();
  std::unique_ptr<ServerQueue> MakeServer();
  std::unique_ptr<ClientQueue> MakeClient();

 private:
  std::shared_ptr<MemoryExchange> exchange_;
};

}  // namespace headrace::queue
