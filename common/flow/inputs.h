// What people give to start a flow, turned into the typed inputs that its expressions see.
// Shapes: a value may be text (a form, the command line) or typed; `a.b` nests, and is accepted flat or nested.
// Errors: INVALID_ARGUMENT with one violation for every wrong input, field `inputs.ID`.
// Threads: pure but for the environment given. Source: FLOWS 1.4.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/error.h"
#include "common/model/flow.h"

namespace headrace::expr {
class Environment;
}

namespace headrace::flow {

// What only the process can do with an input. Each may be empty: inputs that need it are refused with the remedy.
struct InputSeams {
  // A secret's text as the text that may rest: inputs.x becomes {"type": "io.kestra.datatype:aes_encrypted", "value"}.
  std::function<Result<std::string>(std::string_view plain)> encrypt{};
  // A file that is named by neither a kestra:, file: nor nsfile: URI (a path, say) into storage; answers its URI.
  std::function<Result<std::string>(const model::InputSpec& input, const std::string& given)> store_file{};
};
// The variable that holds the key of `encrypt`; named in the message of a SECRET input without it.
inline constexpr std::string_view kEncryptionKeyVariable = "HEADRACE_ENCRYPTION_KEY";

struct ResolvedInputs {
  Object inputs;
  std::vector<std::string> undeclared;  // given, but the flow does not declare them: a warning
};

// `context` holds what default values may name beside `inputs`: flow, labels, envs, trigger …
Result<ResolvedInputs> ResolveInputs(const model::Flow& flow, const Object& raw, expr::Environment& environment,
                                     const Object& context = {}, const InputSeams& seams = {});
// The same for another list: Task::on_resume of a Pause.
Result<ResolvedInputs> ResolveInputs(const std::vector<model::InputSpec>& specs, const Object& raw,
                                     expr::Environment& environment, const Object& context = {},
                                     const InputSeams& seams = {});

// One value as the type of `spec` (also checks min, max, validator, values …). The message of an error is the cause
// alone, as in "it must match the pattern `[a-z]+`".
Result<Value> ParseInput(const model::InputSpec& spec, const Value& raw, const InputSeams& seams = {});

// Canonical names of the types that inputs may have, and the one meant by an alias; empty when unknown.
const std::vector<std::string>& InputTypes();
std::string CanonicalInputType(std::string_view name);

}  // namespace headrace::flow
