// The life of the supervisor process.
// Threads: called in the forked child, which never returns from it.
#pragma once

namespace headrace::worker {

// Serves orders from `socket` until the worker's end closes, then ends every process and exits.
[[noreturn]] void SuperviseUntilClosed(int socket);

}  // namespace headrace::worker
