// The nightly health matrix without asking anybody: its cells, what has changed since the last scheduled night, and its text.
// Shapes: a cell is a workflow on a branch of a repository. The record gh/<connection>/matrix/<namespace>/<flow>/<task> is
//   {by, at, cells: {"REPOSITORY BRANCH WORKFLOW": standing}, before: cells of the night before}.
// Laws: only a verdict changes the colour of a cell: MISSING, OVERDUE, NOT_DISPATCHABLE and INFRA keep what was known, so that
//   red, outage, green is a recovery and red, outage, red is no new red. A task that is run again compares with what it
//   compared with before, not with what it wrote.
// Threads: pure. Source: GITHUB 5(f).
#pragma once

#include <map>
#include <string>
#include <vector>

#include "worker/github/rerun.h"
#include "worker/github/run_view.h"

namespace headrace::worker::github {

struct Cell {
  std::string repository{};
  std::string branch{};
  std::string workflow{};
  std::string state{};  // empty: not known yet; GREEN, FLAKY_GREEN, RED, MISSING, OVERDUE, NOT_DISPATCHABLE, INFRA
  std::string reason{};  // of the last four
  RunId run = 0;
  std::int64_t attempt = 1;  // that is waited for, or counted
  std::string sha{};
  std::string url{};
  std::int64_t duration_ms = 0;
  std::vector<std::string> failed_jobs{};
  std::vector<std::string> flaky_jobs{};
  bool likely_flake = false;        // by the failed jobs' history
  std::vector<RedAttempt> red{};    // attempts that were run again
  Timestamp rerun_at{};

  // By the comparison.
  Timestamp since{};                // when it came to its state; of red and green, over gaps
  std::int64_t consecutive_reds = 0;
  std::string last_good_sha{};
  std::string change{};             // NEWLY_RED, RECOVERED, STILL_RED or nothing
  std::string suspicion{};          // of a red one: regression or flake

  std::string key() const { return repository + " " + branch + " " + workflow; }
  bool green() const { return state == "GREEN" || state == "FLAKY_GREEN"; }
  bool broken() const { return state == "RED"; }
};

// For the memo, between looks.
Value ToMemo(const Cell& cell);
Cell CellFromMemo(const Value& memo);

struct BranchRule {
  std::vector<std::string> include{};  // names and patterns
  std::int64_t newest = 0;             // of each pattern; 0: all
};
// What a request for matching refs asks for: the pattern up to its first wildcard.
std::string LiteralPrefix(const std::string& pattern);
// Of the branches that are there, those of one pattern; the newest versions first, v1.10 before v1.9.
std::vector<std::string> ChooseBranches(std::vector<std::string> branches, const std::string& pattern, std::int64_t newest);

// The cells of the last scheduled night that this task is to be compared with.
Value CellsBefore(const Value& record, const std::string& by);
// Fills what the comparison knows.
void Compare(std::vector<Cell>& cells, const Value& before, Timestamp now);
// The record of a scheduled night. REQUIRES: compared. Cells that this night has not seen are kept for the next.
Value NightRecord(const std::vector<Cell>& cells, const Value& before, const std::string& by, Timestamp now);

// Each of these jobs has failed and then been green at the same commit, more than once and most of the time; `flakes` as in
// flakes.h.
bool LooksFlaky(const std::vector<std::string>& failed_jobs, const Value& flakes);

// {STATE: number} of all states, and newlyRed, recovered, stillRed, cells.
Object CountsOf(const std::vector<Cell>& cells);
Object ToOutput(const Cell& cell);
Array OutputOf(const std::vector<Cell>& cells, const std::string& change = "");
std::string MarkdownOf(const std::vector<Cell>& cells);
std::string HtmlOf(const std::vector<Cell>& cells);

}  // namespace headrace::worker::github
