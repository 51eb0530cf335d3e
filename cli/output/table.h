// A list of things in every form that -o knows.
// Shapes: table and wide pad to columns of the terminal; name is one name a line; csv as RFC 4180; json is one array,
//   jsonl one object a line.
// Laws: texts of others lose their control characters before a person sees them; colours only where the screen has them.
// Threads: pure.
#pragma once

#include <string>
#include <vector>

#include "cli/context.h"
#include "cli/output/json.h"
#include "cli/watch/text.h"

namespace headrace::cli {

struct Column {
  std::string title;
  bool wide_only = false;
};

struct Cell {
  std::string text;
  Tint tint = Tint::kNone;
};

struct Listing {
  std::vector<Column> columns;
  struct Row {
    std::string name;         // for -o name
    std::vector<Cell> cells;  // one a column
    Object object;            // for json, jsonl and yaml
  };
  std::vector<Row> rows{};
};

void PrintListing(const Context& context, const Listing& listing);

// The state's name in its colour.
Cell StateCell(std::string_view state);
// "3m", "2h05m" since `at`.
std::string AgeText(Timestamp at, Timestamp now);

}  // namespace headrace::cli
