// Java's regular expressions in linear time; the one home of re2.
// Errors: INVALID_ARGUMENT naming the pattern (look-around and back-references are not supported).
// Threads: pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/error.h"
#include "common/expr/budget.h"

namespace headrace::expr {

// What compiling `pattern` costs; matching is paid by the size of the text.
inline Status SpendRegex(Budget& budget, std::string_view pattern) { return budget.Spend(100 + 2 * pattern.size()); }

// Every match, or the first `matches_max`, becomes `replacement`, in which $1 and ${name} stand for groups.
// Error: more than `bytes_max` bytes.
Result<std::string> RegexReplace(std::string_view text, std::string_view pattern, std::string_view replacement,
                                 std::size_t bytes_max, std::size_t matches_max = SIZE_MAX);
// As Java's String.split: limit 0 drops empty texts at the end, a positive one is the most pieces, a negative keeps all.
Result<std::vector<std::string>> RegexSplit(std::string_view text, std::string_view pattern, std::int64_t limit);

// Whether the whole text matches. Error: a pattern that is not supported.
Result<bool> RegexMatches(std::string_view text, std::string_view pattern);

}  // namespace headrace::expr
