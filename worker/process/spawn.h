// Receives one order and starts it: the supervisor's half of the wire.
// Threads: the spawner's.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "worker/process/order_wire.h"

namespace headrace::worker {

struct ReceivedOrder {
  int out = -1;
  int err = -1;
  int control = -1;
  std::uint32_t arguments = 0;
  std::string texts{};  // NUL-ended: directory, arguments, environment
};

// False: the worker's end is closed.
bool ReceiveOrder(int socket, ReceivedOrder& order);

struct SpawnResult {
  pid_t pid = -1;
  int error = 0;
};

// Starts it in a process group of its own, as a subreaper, dying with the supervisor; stdin is `null_fd`.
SpawnResult SpawnOrder(ReceivedOrder& order, int null_fd);

}  // namespace headrace::worker
