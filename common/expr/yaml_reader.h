// The seam to a YAML parser: yaml() needs one, and the one we have belongs to a floor above.
// Errors: without a reader yaml() is FAILED_PRECONDITION. Threads: set once, before the first render; read freely.
#pragma once

#include <string_view>

#include "common/base/error.h"
#include "common/model/value.h"

namespace headrace::expr {

using YamlReader = Result<Value> (*)(std::string_view text);

// Whoever owns a parser hands it over as it is loaded (common/flow does).
void SetYamlReader(YamlReader reader);
// One document.
Result<Value> ReadYaml(std::string_view text);

}  // namespace headrace::expr
