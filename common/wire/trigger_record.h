// A trigger's row as checksummed protobuf, under the rules of records.h.
// Errors: a bad checksum or an impossible value is DATA_LOSS. Threads: pure.
#pragma once

#include <string>
#include <string_view>

#include "common/model/trigger.h"

namespace headrace::wire {

std::string EncodeTrigger(const model::Trigger& trigger);
Result<model::Trigger> DecodeTrigger(std::string_view record);

}  // namespace headrace::wire
