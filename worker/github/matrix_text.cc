#include <algorithm>

#include "worker/github/json_parts.h"
#include "worker/github/matrix.h"
#include "worker/html.h"

namespace headrace::worker::github {
namespace {

constexpr const char* kStates[] = {"GREEN", "FLAKY_GREEN", "RED", "MISSING", "OVERDUE", "NOT_DISPATCHABLE", "INFRA"};

std::int64_t CountOf(const std::vector<Cell>& cells, std::string_view state) {
  return std::count_if(cells.begin(), cells.end(), [&](const Cell& cell) { return cell.state == state; });
}

std::int64_t ChangesOf(const std::vector<Cell>& cells, std::string_view change) {
  return std::count_if(cells.begin(), cells.end(), [&](const Cell& cell) { return cell.change == change; });
}

// https://github.com/acme/app of a run's page.
std::string CompareUrl(const Cell& cell) {
  const std::size_t end = cell.url.find("/actions/");
  if (!cell.broken() || end == std::string::npos || cell.last_good_sha.empty() || cell.sha.empty() || cell.last_good_sha == cell.sha) return {};
  return cell.url.substr(0, end) + "/compare/" + cell.last_good_sha + "..." + cell.sha;
}

std::string Detail(const Cell& cell) {
  if (cell.broken()) {
    std::string text = Listed(cell.failed_jobs);
    if (cell.suspicion == "flake") text += text.empty() ? "may be a flake" : " (may be a flake)";
    return text;
  }
  return cell.state == "FLAKY_GREEN" ? Listed(cell.flaky_jobs) : cell.reason;
}

std::string Since(const Cell& cell) {
  std::string text = FormatInstant(cell.since).substr(0, 10);
  if (cell.broken() && cell.consecutive_reds > 1) text += ", " + std::to_string(cell.consecutive_reds) + " nights";
  return text;
}

// "3 GREEN, 1 RED", those there are.
std::string Sums(const std::vector<Cell>& cells) {
  std::string text;
  for (const char* state : kStates)
    if (const std::int64_t count = CountOf(cells, state); count > 0) text += (text.empty() ? "" : ", ") + std::to_string(count) + " " + state;
  return text.empty() ? "no cells" : text;
}

// Text in which nothing is meant as markdown, on one line.
std::string Marked(std::string_view text) {
  std::string safe;
  for (const char c : text) {
    if (std::string_view("\\|*_`[]<").find(c) != std::string_view::npos) safe += '\\';
    safe += c == '\n' || c == '\r' ? ' ' : c;
  }
  return safe;
}

void TellChanges(std::string& text, const std::vector<Cell>& cells, std::string_view change, std::string_view title) {
  if (ChangesOf(cells, change) == 0) return;
  text += "\n**" + std::string(title) + "**\n\n";
  for (const Cell& cell : cells) {
    if (cell.change != change) continue;
    text += "- " + Marked(cell.repository + " " + cell.branch + " " + cell.workflow);
    if (const std::string detail = Detail(cell); !detail.empty() && cell.broken()) text += ": " + Marked(detail);
    if (!cell.url.empty()) text += " ([run](" + cell.url + ")";
    if (const std::string compare = CompareUrl(cell); !compare.empty()) text += ", [changes](" + compare + ")";
    text += cell.url.empty() ? "\n" : ")\n";
  }
}

constexpr const char* kColumns[] = {"Repository", "Branch", "Workflow", "State", "Since", "What"};

std::string Colour(const Cell& cell) { return cell.green() ? "#1a7f37" : cell.broken() ? "#cf222e" : "#9a6700"; }

}  // namespace

Object CountsOf(const std::vector<Cell>& cells) {
  Object counts{{"cells", static_cast<std::int64_t>(cells.size())}};
  for (const char* state : kStates) counts[state] = CountOf(cells, state);
  counts["newlyRed"] = ChangesOf(cells, "NEWLY_RED");
  counts["recovered"] = ChangesOf(cells, "RECOVERED");
  counts["stillRed"] = ChangesOf(cells, "STILL_RED");
  return counts;
}

Object ToOutput(const Cell& cell) {
  return {{"repository", cell.repository}, {"branch", cell.branch}, {"workflow", cell.workflow}, {"state", cell.state},
          {"runId", cell.run == 0 ? Value() : Value(cell.run)}, {"attempt", cell.run == 0 ? Value() : Value(cell.attempt)},
          {"sha", TextOrNull(cell.sha)}, {"since", FormatInstant(cell.since)}, {"consecutiveReds", cell.consecutive_reds},
          {"lastGoodSha", TextOrNull(cell.last_good_sha)}, {"compareUrl", TextOrNull(CompareUrl(cell))}, {"failedJobs", TextList(cell.failed_jobs)},
          {"flakyJobs", TextList(cell.flaky_jobs)}, {"suspicion", TextOrNull(cell.suspicion)}, {"reason", TextOrNull(cell.reason)},
          {"durationMs", cell.duration_ms}, {"url", TextOrNull(cell.url)}};
}

Array OutputOf(const std::vector<Cell>& cells, const std::string& change) {
  Array out;
  for (const Cell& cell : cells)
    if (change.empty() || cell.change == change) out.push_back(ToOutput(cell));
  return out;
}

std::string MarkdownOf(const std::vector<Cell>& cells) {
  std::string text = Marked(Sums(cells)) + "\n";
  TellChanges(text, cells, "NEWLY_RED", "Newly red");
  TellChanges(text, cells, "RECOVERED", "Recovered");
  TellChanges(text, cells, "STILL_RED", "Still red");
  text += "\n|";
  for (const char* column : kColumns) text += " " + std::string(column) + " |";
  text += "\n|---|---|---|---|---|---|\n";
  for (const Cell& cell : cells) {
    const std::string state = cell.url.empty() ? Marked(cell.state) : "[" + Marked(cell.state) + "](" + cell.url + ")";
    text += "| " + Marked(cell.repository) + " | " + Marked(cell.branch) + " | " + Marked(cell.workflow) + " | " + state + " | " + Since(cell) + " | " + Marked(Detail(cell)) + " |\n";
  }
  return text;
}

std::string HtmlOf(const std::vector<Cell>& cells) {
  std::string text = "<p>" + EscapeHtml(Sums(cells)) + "</p>\n<table>\n<tr>";
  for (const char* column : kColumns) text += "<th>" + std::string(column) + "</th>";
  text += "</tr>\n";
  for (const Cell& cell : cells) {
    const std::string state = "<b style=\"color:" + Colour(cell) + "\">" + cell.state + "</b>";
    text += "<tr><td>" + EscapeHtml(cell.repository) + "</td><td>" + EscapeHtml(cell.branch) + "</td><td>" + EscapeHtml(cell.workflow) + "</td><td>";
    text += cell.url.empty() ? state : "<a href=\"" + EscapeHtml(cell.url) + "\">" + state + "</a>";
    text += "</td><td>" + EscapeHtml(Since(cell)) + "</td><td>" + EscapeHtml(Detail(cell)) + "</td></tr>\n";
  }
  return text + "</table>\n";
}

}  // namespace headrace::worker::github
