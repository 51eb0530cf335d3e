// Conditions of listeners: whether an execution is one that they speak of.
// Shapes: conditions as written in a flow, their expressions rendered; type names may be aliases.
// Errors: INVALID_ARGUMENT for a condition that cannot be evaluated here (IsCondition says which can).
// Threads: pure. Source: Kestra's io.kestra.plugin.core.condition.
#pragma once

#include <string_view>

#include "common/base/error.h"
#include "common/model/execution.h"

namespace headrace::model {

// Known here, under this name or alias.
bool IsCondition(std::string_view type);
// All of them hold.
Result<bool> ConditionsHold(const Array& rendered, const Flow& flow, const Execution& execution);

}  // namespace headrace::model
