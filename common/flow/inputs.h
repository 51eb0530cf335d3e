// What people give to start a flow, turned into the typed inputs that its expressions see.
// Shapes: a value may be text (a form, the command line) or typed; `a.b` nests, and is accepted flat or nested.
// Errors: INVALID_ARGUMENT with one violation for every wrong input, field `inputs.ID`.
// Threads: pure but for the environment given. Source: FLOWS 1.4.
#pragma once

#include <string>
#include <vector>

#include "common/base/error.h"
#include "common/model/flow.h"

namespace headrace::expr {
class Environment;
}

namespace headrace::flow {

struct ResolvedInputs {
  Object inputs;
  std::vector<std::string> undeclared;  // given, but the flow does not declare them: a warning
};

// `context` holds what default values may name beside `inputs`: flow, labels, envs, trigger …
Result<ResolvedInputs> ResolveInputs(const model::Flow& flow, const Object& raw, expr::Environment& environment,
                                     const Object& context = {});

// One value as the type of `spec` (also checks min, max, validator, values …). The message of an error is the cause
// alone, as in "it must match the pattern `[a-z]+`".
Result<Value> ParseInput(const model::InputSpec& spec, const Value& raw);

// Canonical names of the types that inputs may have, and the one meant by an alias; empty when unknown.
const std::vector<std::string>& InputTypes();
std::string CanonicalInputType(std::string_view name);

}  // namespace headrace::flow
