// The engine's trigger door: posts to the loop and waits.
// Threads: as trigger_door.h.
#pragma once

#include <functional>
#include <memory>

#include "scheduler/core.h"
#include "scheduler/trigger_door.h"

namespace headrace::scheduler {

// Runs on the loop's thread; false when the mailbox is full.
using PostToLoop = std::function<bool(std::function<void(Core&, Moment)>)>;

std::unique_ptr<TriggerDoor> MakeTriggerDoor(PostToLoop post, FlowRegistry& flows, std::function<Timestamp()> now);

}  // namespace headrace::scheduler
