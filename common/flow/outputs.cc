#include "common/flow/outputs.h"

namespace headrace::flow {

Result<Value> TypeOutput(const model::OutputSpec& spec, const Value& rendered, const InputSeams& seams) {
  if (rendered.is_null()) {
    if (spec.required) return InvalidArgument("the output `" + spec.id + "` has no value");
    return Value(nullptr);
  }
  if (spec.type.empty()) return rendered;
  Result<Value> typed = ParseInput({.id = spec.id, .type = spec.type}, rendered, seams);
  if (!typed) return Fail(std::move(std::move(typed.error()).Wrap("Invalid value for output `" + spec.id + '`')));
  return typed;
}

}  // namespace headrace::flow
