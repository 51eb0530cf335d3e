// Where a template writes values of its context into its text, and whether they are quoted for a shell there: for checks
// of texts that somebody runs.
// Shapes: paths as those of References. A value that only steers (a condition, a test) is not written, nor what is made of
//   it when its letters cannot do harm (a digest, a length, a number).
// Errors: INVALID_ARGUMENT as of Template::Compile. Threads: pure.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/error.h"

namespace headrace::expr {

enum class ShellQuoting {
  kNone,
  kWord,    // by `shq`: a word by itself
  kInside,  // by `escapeChar('shell')`: right between single quotes only
};

struct Print {
  std::size_t offset = 0;  // of its `{{`
  std::vector<std::vector<std::string>> paths{};
  ShellQuoting quoting = ShellQuoting::kNone;
};

// In the order of the text, those without a path left out.
Result<std::vector<Print>> FindPrints(std::string_view text);

}  // namespace headrace::expr
