// The engine of this process, for the tasks of a worker in it.
// Threads: any but the engine's loop, which its calls wait for.
#pragma once

#include <memory>

#include "scheduler/engine.h"
#include "worker/engine_door.h"

namespace headrace::cli {

// `engine` outlives the door.
std::unique_ptr<worker::EngineDoor> MakeLocalDoor(scheduler::Engine& engine);

}  // namespace headrace::cli
