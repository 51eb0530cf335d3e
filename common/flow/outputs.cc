#include "common/flow/outputs.h"

#include "common/flow/inputs.h"

namespace headrace::flow {

Result<Value> TypeOutput(const model::OutputSpec& spec, const Value& rendered) {
  if (rendered.is_null()) {
    if (spec.required) return InvalidArgument("the output `" + spec.id + "` has no value");
    return Value(nullptr);
  }
  if (spec.type.empty()) return rendered;
  // A file is passed on by its URI.
  const std::string type = spec.type == "FILE" ? "URI" : spec.type;
  Result<Value> typed = ParseInput({.id = spec.id, .type = type}, rendered);
  if (!typed) return Fail(std::move(std::move(typed.error()).Wrap("Invalid value for output `" + spec.id + '`')));
  return typed;
}

}  // namespace headrace::flow
