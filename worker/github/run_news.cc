#include "worker/github/run_news.h"

#include <algorithm>

#include "common/model/look_answer.h"
#include "worker/files/glob.h"
#include "worker/github/shared_state.h"

namespace headrace::worker::github {
namespace {

constexpr Duration kLookBack = std::chrono::minutes(5);

bool OneOf(const std::vector<std::string>& wanted, std::string_view actual) {
  return wanted.empty() || std::find(wanted.begin(), wanted.end(), actual) != wanted.end();
}

bool Fits(const std::vector<std::string>& patterns, std::string_view actual) {
  return patterns.empty() || std::any_of(patterns.begin(), patterns.end(), [&](const std::string& pattern) {
           return Glob(pattern).Matches(actual);
         });
}

std::string NameOf(const RunSnapshot& run) { return std::to_string(run.id) + "/" + std::to_string(run.attempt); }

}  // namespace

bool Admits(const RunFilter& filter, const RunSnapshot& run) {
  const bool workflow = Fits(filter.workflows, run.workflow) || OneOf(filter.workflows, run.workflow_id);
  return workflow && Fits(filter.branches, run.branch) && OneOf(filter.events, run.event) && OneOf(filter.actors, run.actor) &&
         OneOf(filter.conclusions, run.conclusion);
}

RunNews NewRuns(const std::string& of, const std::vector<RunSnapshot>& known, const RunFilter& filter, const Value& had_memo, Timestamp now) {
  // Of another repository nothing is known: the trigger was edited.
  const bool same = Member(had_memo, "of") == nullptr || TextAt(had_memo, "of") == of;
  const Value memo = same ? had_memo : Value();
  // GitHub's times are whole seconds.
  const Timestamp since = std::chrono::floor<std::chrono::seconds>(model::SinceOf(memo).value_or(now));
  const Timestamp had_mark = std::max(since, TimeAt(memo, "mark"));
  const Timestamp floor = std::max(since, had_mark - kLookBack);
  const Value* had = Member(memo, "seen");
  const Object seen = had != nullptr && had->is_object() ? had->get_object() : Object();
  RunNews news;
  Timestamp mark = had_mark;
  Object keep;
  for (const RunSnapshot& run : known) {
    if (!run.ended()) continue;
    mark = std::max(mark, run.updated);
    keep[NameOf(run)] = ToMicros(run.updated);
    if (run.updated >= floor && !seen.contains(NameOf(run)) && Admits(filter, run)) news.runs.push_back(run);
  }
  std::sort(news.runs.begin(), news.runs.end(), [](const RunSnapshot& a, const RunSnapshot& b) {
    return std::pair(a.updated, a.id) < std::pair(b.updated, b.id);
  });
  // Of those that are known no more.
  for (const auto& [name, at] : seen) {
    if (at.is_int64() && FromMicros(at.get_int64()) >= mark - kLookBack) keep.emplace(name, at);
  }
  news.memo = Object{{"of", json::string(of)}, {"since", ToMicros(since)}, {"mark", ToMicros(mark)}, {"seen", std::move(keep)}};
  return news;
}

}  // namespace headrace::worker::github
