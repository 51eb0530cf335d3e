// The engine's trigger door: each call is an object, done where the flow's partition is driven (names as in peer_calls.h).
// Threads: as trigger_door.h; DoTriggerCall on the loop's.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "scheduler/core.h"
#include "scheduler/trigger_door.h"

namespace headrace::scheduler {

struct TriggerDoorParts {
  FlowRegistry& flows;
  // Done for the partitions that are driven here.
  std::function<void(Object call, std::function<void(Result<Value>)> done)> here;
  // Done by whoever drives the place.
  std::function<void(Place place, Object call, std::function<void(Result<Value>)> done)> route;
  // What every other scheduler answers, by its id; waits.
  using Answers = std::vector<std::pair<std::string, Result<Value>>>;
  std::function<Answers(const Object& call)> ask_others;
};

std::unique_ptr<TriggerDoor> MakeTriggerDoor(TriggerDoorParts parts);

bool IsTriggerCall(const std::string& call);
// `done` when it is durable.
void DoTriggerCall(Core& core, const Object& call, Moment now, std::function<void(Result<Value>)> done);

}  // namespace headrace::scheduler
