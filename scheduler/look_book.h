// Looks of polling triggers that are on their way: each an assignment under a key of its own, in memory only.
// Place: TriggerRunner begins and ends them; Core and ReadyQueue tell their keys from those of tasks.
// Shapes: a key's execution is "look-" and an id, which is none that an execution can have; it is never given twice, for it is
//   made of the trigger, the partition's epoch and a number.
// Threads: loop thread only. Cost: O(1). Source: docs/adr/0013.
#pragma once

#include <map>
#include <optional>
#include <unordered_map>

#include "common/model/trigger.h"
#include "common/wire/messages.h"
#include "scheduler/flow_registry.h"
#include "scheduler/triggers/spec.h"

namespace headrace::scheduler {

bool IsLook(const wire::TaskKey& key);

// Of one revision of the flow, whatever that is by now.
struct TriggerLook {
  wire::TaskKey key;
  std::uint64_t number = 0;  // as the trigger book knows it
  Timestamp date{};          // when it was due
  ProgramPtr program;
  TriggerSpecPtr spec;
  std::optional<Timestamp> assigned{};
};

class LookBook {
 public:
  const TriggerLook& Begin(std::uint64_t epoch, Timestamp date, ProgramPtr program, TriggerSpecPtr spec);
  TriggerLook* Find(const wire::TaskKey& key);
  // The last one of a trigger, if it is on its way.
  TriggerLook* Of(const model::TriggerName& name);
  void End(const wire::TaskKey& key);
  std::size_t size() const { return looks_.size(); }

 private:
  std::unordered_map<ExecutionId, TriggerLook> looks_;
  std::map<model::TriggerName, ExecutionId> by_name_;
  std::uint64_t last_number_ = 0;
};

}  // namespace headrace::scheduler
