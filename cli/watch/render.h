// The tree as lines of a terminal.
// Shapes: every line is at most `width` columns; with `color` it holds colour codes, which take none.
//   `height` lines at most (0: no limit): then what ended well is folded first, and the rest is cut with a count.
// Threads: pure.
#pragma once

#include <string>
#include <vector>

#include "cli/watch/model.h"

namespace headrace::cli {

struct RenderStyle {
  std::size_t width = 80;
  std::size_t height = 0;
  bool color = false;
  bool ascii = false;
};

std::vector<std::string> Render(const WatchModel& model, Timestamp now, const RenderStyle& style);
// "✔" or "+": one column.
std::string MarkText(model::State state, const RenderStyle& style);

// What failed first: its place, its message and the last lines it wrote. Empty when nothing has.
std::vector<std::string> RenderFailure(const WatchModel& model, const RenderStyle& style);

}  // namespace headrace::cli
