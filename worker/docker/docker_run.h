// Runs one command in a container through the Engine API on a unix socket.
// Shapes: the working directory is mounted at its own path; the container is gone afterwards unless `delete` says no.
// Errors: UNAVAILABLE or the engine's own message. A cancel stops the container with the runner's grace, then kills it.
// Threads: the slot's. Source: FLOWS 3.5; Docker Engine API 1.41.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "worker/process/supervisor.h"
#include "worker/task_runner.h"

namespace headrace::worker {

struct DockerOrder {
  std::string socket;
  std::string image;
  Object options{};  // rendered: what taskRunner and the older `docker` say
  std::vector<std::string> argv{};
  std::vector<std::string> env{};  // NAME=value
  std::string directory{};
  std::map<std::string, std::string> labels{};
};

// At most 63 characters of what a label may hold.
std::string LabelText(std::string_view text);

Result<ProcessExit> RunInDocker(TaskContext& context, const DockerOrder& order,
                                const std::function<void(OutputStream, std::string_view)>& output);

}  // namespace headrace::worker
