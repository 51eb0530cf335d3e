// What a webhook of GitHub says goes where polls put what they find, and wakes whoever waits for it.
// Shapes: `body` is the delivery as it came, its signature checked. Deliveries may come twice, late and in any order.
// Errors: the engine's; INVALID_ARGUMENT for what is no delivery of that event. An event that nobody waits for is no error.
// Threads: any; waits until the effect is durable. Source: GITHUB 3.4, 5(b).
#pragma once

#include <string_view>

#include "worker/engine_door.h"

namespace headrace::worker::github {

Status Deliver(EngineDoor& door, std::string_view connection, std::string_view event, std::string_view body);

}  // namespace headrace::worker::github
