// The engine of another process, for the tasks of a worker: calls to its API.
// Errors: as connection.h. Threads: any.
#pragma once

#include <memory>
#include <string>

#include "cli/client/connection.h"
#include "worker/engine_door.h"

namespace headrace::cli {

std::unique_ptr<worker::EngineDoor> MakeRemoteDoor(std::shared_ptr<const Connection> connection);

}  // namespace headrace::cli
