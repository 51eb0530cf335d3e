// One of `preconditions.where` of a flow trigger: filters over the execution, joined by AND or OR.
// Errors: an unknown field or type is INVALID_ARGUMENT. Threads: pure but for the environment. Source: FLOWS 4.3.
#pragma once

#include "scheduler/triggers/conditions.h"

namespace headrace::scheduler {

// REQUIRES: the subject has an execution.
Result<bool> WhereHolds(const Object& where, const ConditionSubject& subject);

}  // namespace headrace::scheduler
