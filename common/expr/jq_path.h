// The part of jq that only picks: `.`, `.a.b`, `.[0]`, `.["k"]`, `.[]`, and these joined by `|` and `,`. What it picks stays
// as it is, where libjq would turn every number into a double; and no thread is needed.
// Threads: pure.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "common/model/value.h"

namespace headrace::expr {

// What the program picks out of `input`; nothing if it does anything else, or what libjq would tell an error of.
std::optional<std::vector<const Value*>> PickByJq(std::string_view program, const Value& input);

}  // namespace headrace::expr
