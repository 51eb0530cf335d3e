// Numbers by pattern: "#,##0.00", "0.#%", "¤"-less prefixes and suffixes, "pos;neg".
// Errors: INVALID_ARGUMENT naming the pattern.
// Threads: pure. Source: java.text.DecimalFormat, English symbols, half-even rounding.
#pragma once

#include <string>
#include <string_view>

#include "common/base/error.h"
#include "common/model/value.h"

namespace headrace::expr {

// REQUIRES: `number` is a number.
Result<std::string> FormatDecimal(const Value& number, std::string_view pattern);

}  // namespace headrace::expr
