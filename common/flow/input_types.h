// Inside the room: the types of inputs, one parser each.
// Errors: the message is the cause alone, as FLOWS 1.4 words it.
// Threads: pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/base/error.h"
#include "common/model/flow.h"

namespace headrace::flow {

struct InputFault {
  std::string property;
  std::string message;
};
// What is wrong with the type's own properties: an unknown itemType, a validator that does not compile, min over max.
std::vector<InputFault> CheckInputSpec(const model::InputSpec& spec);

// input_times.cc
Result<Value> ParseDateTime(const model::InputSpec& spec, const Value& raw);
Result<Value> ParseDate(const model::InputSpec& spec, const Value& raw);
Result<Value> ParseTime(const model::InputSpec& spec, const Value& raw);
Result<Value> ParseDurationInput(const model::InputSpec& spec, const Value& raw);

}  // namespace headrace::flow
