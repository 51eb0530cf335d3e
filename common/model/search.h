// Looking through values. Threads: pure.
#pragma once

#include <string_view>

#include "common/model/value.h"

namespace headrace {

// The value is this text, or has it somewhere inside (not as a key). What is nested deeper than 64 is not looked at.
bool HoldsText(const Value& value, std::string_view text);
bool HoldsText(const Object& members, std::string_view text);

}  // namespace headrace
