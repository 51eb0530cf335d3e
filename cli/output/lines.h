// Text of others, line by line, without what could steer a terminal.
// Threads: pure.
#pragma once

#include <algorithm>
#include <ostream>
#include <string>
#include <string_view>

#include "cli/watch/text.h"

namespace headrace::cli {

// `first` stands before the first line, `rest` before each further one.
inline void PrintLines(std::ostream& out, std::string_view first, std::string_view rest, std::string_view text) {
  std::string_view prefix = first;
  do {
    const std::size_t end = std::min(text.find('\n'), text.size());
    out << prefix << Printable(text.substr(0, end)) << '\n';
    text.remove_prefix(std::min(end + 1, text.size()));
    prefix = rest;
  } while (!text.empty());
}

// On one line: breaks become spaces.
inline std::string OneLine(std::string text) {
  std::replace(text.begin(), text.end(), '\n', ' ');
  return Printable(text);
}

}  // namespace headrace::cli
