#include <algorithm>

#include "common/base/text.h"
#include "worker/github/checks.h"
#include "worker/github/github_tasks.h"
#include "worker/github/shared_state.h"

namespace headrace::worker::github {
namespace {

using model::PropertyKind;

struct ChecksPlan {
  Repository repository{};
  std::string ref{};
  CheckRule rule{};
  Duration interval{};
  Duration appear{};
  Duration stable{};
};

Result<ChecksPlan> ReadChecksPlan(Look& look) {
  TaskContext& context = look.context();
  ChecksPlan plan;
  ASSIGN_OR_RETURN(plan.repository, look.ReadRepository());
  ASSIGN_OR_RETURN(const std::string ref, context.RequiredText("ref"));
  plan.ref = std::string(Trim(ref));
  for (const std::string_view prefix : {"refs/", "heads/", "tags/"})
    if (plan.ref.starts_with(prefix)) plan.ref = plan.ref.substr(prefix.size());
  ASSIGN_OR_RETURN(plan.rule, ReadCheckRule(context));
  ASSIGN_OR_RETURN(plan.interval, ReadInterval(context, "interval", std::chrono::seconds(15)));
  ASSIGN_OR_RETURN(const auto appear, context.Span("appearWithin"));
  plan.appear = appear.value_or(std::chrono::minutes(10));
  ASSIGN_OR_RETURN(const auto stable, context.Span("stableFor"));
  plan.stable = stable.value_or(std::chrono::seconds(30));
  return plan;
}

// When they became what they are; from there on the window counts in which no other check may appear.
Timestamp SteadySince(Look& look, const std::string& signature) {
  Value& steady = look.memo()["steady"];
  if (TextAt(steady, "signature") != signature) steady = Object{{"signature", signature}, {"since", ToMicros(look.now())}};
  return TimeAt(steady, "since");
}

// Those who wait for the checks of the same commit are looked at when one of them sees a change.
Status TellChange(Look& look, const std::string& topic, const std::string& signature) {
  return ChangeBoard(look.door(), {topic}, [&](Board& board) -> Status {
    if (TextAt(board.at(topic), "signature") == signature) return {};
    board.at(topic) = Object{{"signature", signature}};
    board.news = {{topic, {}}};
    return {};
  });
}

Object CheckOutputs(Look& look, const ChecksPlan& plan, const Checks& checks) {
  Array red;
  for (const std::string& name : checks.red) red.push_back(json::string(name));
  return {{"repository", plan.repository.full()}, {"ref", plan.ref}, {"green", checks.green()}, {"checks", checks.ToOutput()},
          {"failed", std::move(red)}, {"apiCost", look.cost()}};
}

Result<TaskOutcome> RunWaitChecks(Look& look) {
  ASSIGN_OR_RETURN(const ChecksPlan plan, ReadChecksPlan(look));
  ASSIGN_OR_RETURN(const Checks checks, See(look, plan.repository, plan.ref, plan.rule));
  const std::string place = plan.repository.full() + " " + plan.ref;
  if (!checks.red.empty()) return TaskOutcome::Failed("ChecksFailed: " + place + ": " + Listed(checks.red), CheckOutputs(look, plan, checks));
  const Timestamp since = look.context().began();
  const Timestamp steady = SteadySince(look, checks.signature());
  const bool named = !plan.rule.names.empty();
  if (checks.green() && (named || look.now() - steady >= plan.stable)) {
    look.context().Log("INFO", "all " + std::to_string(checks.all.size()) + " checks of " + place + " are green");
    return TaskOutcome::Success(CheckOutputs(look, plan, checks));
  }
  Duration at_latest = checks.green() ? steady + plan.stable - look.now() : Duration{};
  if (checks.all.empty() || !checks.missing.empty()) {
    const Timestamp end = since + plan.appear;
    if (look.now() >= end) {
      const std::string what = checks.missing.empty() ? "none appeared" : "did not appear: " + Listed(checks.missing);
      return TaskOutcome::Failed("ChecksNotFound: " + place + ": " + what + " within " + FormatDuration(plan.appear), CheckOutputs(look, plan, checks));
    }
    at_latest = end - look.now();
  }
  const std::string topic = look.Key(plan.repository, "checks/" + plan.ref);
  RETURN_IF_ERROR(TellChange(look, topic, checks.signature()));
  ASSIGN_OR_RETURN(const Duration spacing, look.client().Spacing());
  const Duration interval = std::max(plan.interval, spacing);
  return look.Again(at_latest > Duration{} ? std::min(interval, at_latest) : interval, interval, topic, {}, at_latest);
}

model::TaskTypeSpec WaitChecksSpec() {
  std::vector<model::PropertySpec> properties = {{.name = "repository", .required = true, .doc = "owner/name."},
                                                 {.name = "ref", .required = true, .doc = "Branch, tag or commit."}};
  for (model::PropertySpec& one : CheckRuleProperties()) properties.push_back(std::move(one));
  properties.push_back({.name = "appearWithin", .kind = PropertyKind::kDuration, .doc = "How long checks may need to appear.", .default_value = "PT10M"});
  properties.push_back({.name = "stableFor", .kind = PropertyKind::kDuration, .doc = "Without `checks`: how long all must be green with no other appearing.", .default_value = "PT30S"});
  properties.push_back({.name = "interval", .kind = PropertyKind::kDuration, .doc = "Between two looks; longer when the quota is short.", .default_value = "PT15S"});
  return {.type = "headrace.github.WaitChecks",
          .doc = "Waits until the checks of a commit are green, check runs and commit statuses together; fails at the first red one. Holds no worker while it waits.",
          .properties = WithConnection(std::move(properties)),
          .outputs = {{.name = "repository", .doc = "owner/name."},
                      {.name = "ref", .doc = "As given."},
                      {.name = "green", .kind = PropertyKind::kBoolean, .doc = "All are."},
                      {.name = "checks", .kind = PropertyKind::kList, .doc = "Each with name, kind (check or status), ended, conclusion, url."},
                      {.name = "failed", .kind = PropertyKind::kList, .doc = "Names of the red ones, with their conclusions."},
                      {.name = "apiCost", .kind = PropertyKind::kInteger, .doc = "Requests that GitHub charged."}},
          .example = "id: green\ntype: headrace.github.WaitChecks\nconnection: releases\nrepository: acme/app\nref: \"{{ outputs.bump.headSha }}\"\n"
                     "checks: [build, tests]\ntimeout: PT2H\n"};
}

}  // namespace

std::vector<TaskType> CheckTasks(const SharedHub& hub) {
  std::vector<TaskType> types;
  types.push_back(MakeGithubType(WaitChecksSpec(), RunWaitChecks, hub));
  return types;
}

}  // namespace headrace::worker::github
