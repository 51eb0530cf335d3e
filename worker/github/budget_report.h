// What is left of a connection's budget, for people: the record gh/<connection>/budget, read and told.
// Errors: NOT_FOUND when nobody has asked GitHub by this connection. Threads: any; waits for the engine.
#pragma once

#include <string>

#include "worker/engine_door.h"

namespace headrace::worker::github {

// {connection, resources: [{resource, limit, remaining, reset}], pauses: [{resource, until, why}], writes: {lastMinute,
// lastHour, lastTurn}}; lastTurn is that of the last write that waits, null when none does.
Result<Object> ReadBudget(EngineDoor& door, const std::string& connection, Timestamp now);

}  // namespace headrace::worker::github
