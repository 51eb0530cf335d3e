#include "cli/output/table.h"

#include <algorithm>
#include <ostream>

#include "cli/output/lines.h"

namespace headrace::cli {
namespace {

constexpr std::size_t kGap = 2;

std::vector<std::size_t> Shown(const Listing& listing, bool wide) {
  std::vector<std::size_t> shown;
  for (std::size_t i = 0; i < listing.columns.size(); ++i) {
    if (wide || !listing.columns[i].wide_only) shown.push_back(i);
  }
  return shown;
}

// Past the last column nothing is padded, so that lines end where their text ends.
void PrintLine(const Context& context, const std::vector<Cell>& cells, const std::vector<std::size_t>& shown,
               const std::vector<std::size_t>& widths) {
  std::string line;
  for (std::size_t place = 0; place < shown.size(); ++place) {
    const Cell& cell = cells.at(shown[place]);
    const std::string text = OneLine(cell.text);
    line += Tinted(cell.tint, text, context.out_screen.color);
    if (place + 1 < shown.size()) line.append(widths[place] - Width(text) + kGap, ' ');
  }
  line.erase(line.find_last_not_of(' ') + 1);
  context.out << line << '\n';
}

void PrintTable(const Context& context, const Listing& listing) {
  const std::vector<std::size_t> shown = Shown(listing, context.output == "wide");
  std::vector<Cell> titles;
  for (const Column& column : listing.columns) titles.push_back({column.title, Tint::kDim});
  std::vector<std::size_t> widths;
  for (const std::size_t i : shown) {
    std::size_t width = Width(listing.columns[i].title);
    for (const Listing::Row& row : listing.rows) width = std::max(width, Width(OneLine(row.cells.at(i).text)));
    widths.push_back(width);
  }
  PrintLine(context, titles, shown, widths);
  for (const Listing::Row& row : listing.rows) PrintLine(context, row.cells, shown, widths);
}

std::string Quoted(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"') out += '"';
    out += c;
  }
  return out + '"';
}

void PrintCsv(const Context& context, const Listing& listing) {
  const auto line = [&](const auto& items, const auto& text_of) {
    for (std::size_t i = 0; i < items.size(); ++i) context.out << (i == 0 ? "" : ",") << Quoted(text_of(items[i]));
    context.out << "\r\n";
  };
  line(listing.columns, [](const Column& column) { return column.title; });
  for (const Listing::Row& row : listing.rows) line(row.cells, [](const Cell& cell) { return cell.text; });
}

}  // namespace

void PrintListing(const Context& context, const Listing& listing) {
  if (context.output == "name") {
    for (const Listing::Row& row : listing.rows) context.out << Printable(row.name) << '\n';
  } else if (context.output == "csv") {
    PrintCsv(context, listing);
  } else if (context.output == "jsonl") {
    for (const Listing::Row& row : listing.rows) PrintValue(context, row.object);
  } else if (WantsData(context)) {
    Array all;
    for (const Listing::Row& row : listing.rows) all.push_back(row.object);
    PrintValue(context, all);
  } else {
    PrintTable(context, listing);
  }
}

Cell StateCell(std::string_view state) {
  Tint tint = Tint::kCyan;
  if (state == "SUCCESS") tint = Tint::kGreen;
  else if (state == "FAILED" || state == "KILLED" || state == "CANCELLED") tint = Tint::kRed;
  else if (state == "WARNING" || state == "PAUSED" || state == "KILLING") tint = Tint::kYellow;
  else if (state == "CREATED" || state == "SUBMITTED" || state == "QUEUED" || state == "SKIPPED") tint = Tint::kDim;
  return {std::string(state), tint};
}

std::string AgeText(Timestamp at, Timestamp now) { return LeftText(std::max(now - at, Duration::zero())); }

}  // namespace headrace::cli
