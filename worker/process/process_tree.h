// Who descends from whom, out of /proc.
// Threads: any. Cost: one pass over all processes of the machine: only for kills.
#pragma once

#include <sys/types.h>

#include <vector>

namespace headrace::worker {

// Living processes below `root`, nearest first; `root` itself is not among them.
std::vector<pid_t> Descendants(pid_t root);
// Living processes whose parent is `parent`.
std::vector<pid_t> Children(pid_t parent);
// Sends `signal` to `root` and everything below it. SIGKILL first stops them, so that none can fork away.
void SignalTree(pid_t root, int signal);

}  // namespace headrace::worker
