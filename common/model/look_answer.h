// What a look of a polling trigger answers: the outputs of the task that a worker ran for it.
// Place: written by the trigger types of the worker, read by the scheduler, which starts executions and keeps the memo.
// Errors: outputs of another shape are INVALID_ARGUMENT. Threads: values. Source: docs/adr/0013.
#pragma once

#include <optional>
#include <string>

#include "common/base/error.h"
#include "common/base/time.h"
#include "common/model/value.h"

namespace headrace::model {

struct LookAnswer {
  bool fires = false;           // an execution is to be started, with `variables` as its trigger.*
  Object variables{};
  std::optional<Value> memo{};  // for the next look; nothing: as it was. No secrets
  std::string problem{};        // why it does not fire, when that is worth a word
  Duration later{0};            // the next look not before this time from now; zero: the interval
};

Object ToOutputs(LookAnswer answer);
Result<LookAnswer> LookAnswerOf(Object outputs);

// The memo of a trigger that has never been looked at: since when it counts.
std::string FirstMemo(Timestamp since);
// What a memo says of it; nothing when it says nothing.
std::optional<Timestamp> SinceOf(const Value& memo);

}  // namespace headrace::model
