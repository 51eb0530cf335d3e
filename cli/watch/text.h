// Small texts of the screen: spans of time, widths in columns, colours.
// Units: widths are terminal columns. Threads: pure.
#pragma once

#include <string>
#include <string_view>

#include "common/base/time.h"

namespace headrace::cli {

// How long something took: "0.1s", "12.3s", "48m12s", "5h02m", "3d04h".
std::string TookText(Duration duration);
// A span that runs or counts down: "02:11", "01:12:38"; never negative.
std::string TickText(Duration duration);
// What is left of a long time, coarse: "42s", "12m", "4h47m", "3d04h".
std::string LeftText(Duration duration);
// "12:00:01" in local time.
std::string ClockText(Timestamp at);

// Columns of a text in UTF-8: wide characters take two, combining ones none.
std::size_t Width(std::string_view text);
// At most `columns` wide; a cut ends in "…" (or "~").
std::string Fit(std::string_view text, std::size_t columns, bool ascii);
// Without control characters and escape sequences, so that what a script wrote cannot steer the terminal.
std::string Printable(std::string_view text);
// "4Jx…q2"; short ids stay as they are.
std::string ShortId(std::string_view id, bool ascii);

enum class Tint { kNone, kDim, kBold, kGreen, kRed, kYellow, kCyan };
std::string Tinted(Tint tint, std::string_view text, bool color);

}  // namespace headrace::cli
