// Amazon Ion text into values: what Kestra's tasks store between each other.
// Shapes: timestamps, blobs and symbols become texts; s-expressions lists; typed nulls null; annotations are dropped.
//   Numbers that do not fit 64 bits are doubles.
// Errors: INVALID_ARGUMENT with the line. Threads: pure. Source: the Ion text specification 1.0.
#pragma once

#include <string_view>

#include "common/base/error.h"
#include "common/model/value.h"

namespace headrace::expr {

// The values at the top of `text`, at most `most`.
Result<Array> ReadIon(std::string_view text, std::size_t most);

}  // namespace headrace::expr
