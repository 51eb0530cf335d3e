#include "worker/github/matrix.h"

#include <algorithm>
#include <cctype>

#include "worker/files/glob.h"
#include "worker/github/json_parts.h"
#include "worker/github/shared_state.h"

namespace headrace::worker::github {
namespace {

// Once is no habit.
constexpr std::int64_t kFlakesMin = 2;

// Numbers inside names count as numbers.
bool IsOlder(std::string_view left, std::string_view right) {
  const auto is_digit = [](char c) { return std::isdigit(static_cast<unsigned char>(c)) != 0; };
  const auto number = [&](std::string_view& text) {
    std::size_t end = 0;
    while (end < text.size() && is_digit(text[end])) ++end;
    std::string_view digits = text.substr(0, end);
    text.remove_prefix(end);
    while (digits.size() > 1 && digits.front() == '0') digits.remove_prefix(1);
    return digits;
  };
  while (!left.empty() && !right.empty()) {
    if (is_digit(left.front()) && is_digit(right.front())) {
      const std::string_view a = number(left);
      const std::string_view b = number(right);
      if (a.size() != b.size()) return a.size() < b.size();
      if (a != b) return a < b;
      continue;
    }
    if (left.front() != right.front()) return left.front() < right.front();
    left.remove_prefix(1);
    right.remove_prefix(1);
  }
  return left.empty() && !right.empty();
}

// What is known of a cell from earlier nights.
struct Standing {
  std::string state{};
  Timestamp since{};      // of the state
  std::int64_t reds = 0;
  Timestamp red_since{};
  Timestamp green_since{};
  std::string good{};     // the last commit that was green
};

Standing StandingOf(const Value& cells, const std::string& key) {
  const Value* one = Member(cells, key);
  if (one == nullptr) return {};
  return {TextAt(*one, "state"), TimeAt(*one, "since"), NumberAt(*one, "reds"), TimeAt(*one, "redSince"), TimeAt(*one, "greenSince"), TextAt(*one, "good")};
}

void CompareOne(Cell& cell, const Standing& before, Timestamp now) {
  const bool was_red = before.reds > 0;
  cell.change.clear();
  cell.last_good_sha = before.good;
  cell.consecutive_reds = before.reds;
  if (cell.green()) {
    cell.change = was_red ? "RECOVERED" : "";
    cell.consecutive_reds = 0;
    cell.last_good_sha = cell.sha;
    cell.since = before.green_since == Timestamp{} ? now : before.green_since;
  } else if (cell.broken()) {
    cell.change = was_red ? "STILL_RED" : "NEWLY_RED";
    cell.consecutive_reds = before.reds + 1;
    cell.since = was_red ? before.red_since : now;
    // The commit has been green before, so it is not the commit.
    const bool same_commit = !cell.sha.empty() && cell.sha == before.good;
    cell.suspicion = same_commit || cell.likely_flake ? "flake" : "regression";
  } else {
    cell.since = before.state == cell.state ? before.since : now;
  }
}

Value ToStanding(const Cell& cell, const Standing& before) {
  Object to{{"state", cell.state}, {"since", ToMicros(cell.since)}, {"reds", cell.consecutive_reds}, {"good", cell.last_good_sha}};
  const Timestamp red = cell.broken() ? cell.since : cell.green() ? Timestamp{} : before.red_since;
  const Timestamp green = cell.green() ? cell.since : cell.broken() ? Timestamp{} : before.green_since;
  if (red != Timestamp{}) to["redSince"] = ToMicros(red);
  if (green != Timestamp{}) to["greenSince"] = ToMicros(green);
  return to;
}

}  // namespace

Value ToMemo(const Cell& cell) {
  Array red;
  for (const RedAttempt& one : cell.red)
    red.push_back(Object{{"attempt", one.attempt}, {"failedJobs", TextList(one.jobs)}, {"signatures", TextList(one.signatures)}});
  return Object{{"repository", cell.repository}, {"branch", cell.branch}, {"workflow", cell.workflow}, {"state", cell.state},
                {"reason", cell.reason}, {"run", cell.run}, {"attempt", cell.attempt}, {"sha", cell.sha}, {"url", cell.url},
                {"durationMs", cell.duration_ms}, {"failedJobs", TextList(cell.failed_jobs)}, {"flakyJobs", TextList(cell.flaky_jobs)},
                {"likelyFlake", cell.likely_flake}, {"red", std::move(red)}, {"rerunAt", ToMicros(cell.rerun_at)}};
}

Cell CellFromMemo(const Value& memo) {
  Cell cell{.repository = TextAt(memo, "repository"), .branch = TextAt(memo, "branch"), .workflow = TextAt(memo, "workflow"),
            .state = TextAt(memo, "state"), .reason = TextAt(memo, "reason"), .run = NumberAt(memo, "run"), .attempt = NumberAt(memo, "attempt", 1),
            .sha = TextAt(memo, "sha"), .url = TextAt(memo, "url"), .duration_ms = NumberAt(memo, "durationMs"),
            .failed_jobs = TextsOf(memo, "failedJobs"), .flaky_jobs = TextsOf(memo, "flakyJobs"),
            .likely_flake = TextAt(memo, "likelyFlake") == "true", .rerun_at = TimeAt(memo, "rerunAt")};
  const Value* red = Member(memo, "red");
  for (const Value& one : red != nullptr && red->is_array() ? red->get_array() : Array())
    cell.red.push_back({NumberAt(one, "attempt", 1), TextsOf(one, "failedJobs"), TextsOf(one, "signatures")});
  return cell;
}

std::string LiteralPrefix(const std::string& pattern) { return pattern.substr(0, pattern.find_first_of("*?[{\\")); }

std::vector<std::string> ChooseBranches(std::vector<std::string> branches, const std::string& pattern, std::int64_t newest) {
  const Glob glob(pattern);
  std::erase_if(branches, [&](const std::string& branch) { return !glob.Matches(branch); });
  std::sort(branches.begin(), branches.end(), [](const std::string& left, const std::string& right) { return IsOlder(right, left); });
  if (newest > 0 && branches.size() > static_cast<std::size_t>(newest)) branches.resize(static_cast<std::size_t>(newest));
  return branches;
}

Value CellsBefore(const Value& record, const std::string& by) {
  const Value* cells = Member(record, TextAt(record, "by") == by ? "before" : "cells");
  return cells == nullptr ? Value() : *cells;
}

void Compare(std::vector<Cell>& cells, const Value& before, Timestamp now) {
  for (Cell& cell : cells) CompareOne(cell, StandingOf(before, cell.key()), now);
}

Value NightRecord(const std::vector<Cell>& cells, const Value& before, const std::string& by, Timestamp now) {
  Object next;
  for (const Cell& cell : cells) next[cell.key()] = ToStanding(cell, StandingOf(before, cell.key()));
  // A repository that could not be asked has no branches tonight, and its colours are needed tomorrow.
  std::vector<std::string> unread;
  for (const Cell& cell : cells)
    if (cell.branch.empty()) unread.push_back(cell.repository + " ");
  if (const Object* known = before.if_object()) {
    for (const auto& [key, standing] : *known) {
      const bool kept = std::any_of(unread.begin(), unread.end(), [&](const std::string& start) { return std::string_view(key).starts_with(start); });
      if (kept && !next.contains(key)) next[key] = standing;
    }
  }
  return Object{{"by", by}, {"at", ToMicros(now)}, {"cells", std::move(next)}, {"before", before}};
}

bool LooksFlaky(const std::vector<std::string>& failed_jobs, const Value& flakes) {
  const Value* jobs = Member(flakes, "jobs");
  if (jobs == nullptr || failed_jobs.empty()) return false;
  return std::all_of(failed_jobs.begin(), failed_jobs.end(), [&](const std::string& name) {
    const Value* job = Member(*jobs, name);
    if (job == nullptr) return false;
    const std::int64_t flaked = NumberAt(*job, "flakes");
    return flaked >= kFlakesMin && flaked * 2 >= NumberAt(*job, "fails");
  });
}

}  // namespace headrace::worker::github
