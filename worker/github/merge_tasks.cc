#include "common/base/text.h"
#include "worker/github/checks.h"
#include "worker/github/github_tasks.h"
#include "worker/github/shared_state.h"

namespace headrace::worker::github {
namespace {

using model::PropertyKind;

constexpr Duration kSoon = std::chrono::seconds(2);
// GitHub finds out in the background whether a pull request can be merged.
constexpr std::int64_t kMovesMax = 5;

struct MergePlan {
  Repository repository{};
  std::int64_t number = 0;
  std::string sha{};  // the commit that must be head's; empty: whatever it is
  std::string method{};
  bool when_green = false;
  CheckRule rule{};
  Duration interval{};
  Object texts{};
};

Result<MergePlan> ReadMergePlan(Look& look) {
  TaskContext& context = look.context();
  MergePlan plan;
  ASSIGN_OR_RETURN(plan.repository, look.ReadRepository());
  ASSIGN_OR_RETURN(const auto number, context.Integer("number"));
  if (!number) return InvalidArgument("number: is missing");
  plan.number = *number;
  ASSIGN_OR_RETURN(plan.sha, TrimmedText(context, "sha"));
  ASSIGN_OR_RETURN(const auto method, context.Text("method"));
  plan.method = method.value_or("merge");
  ASSIGN_OR_RETURN(const auto when, context.Text("whenChecks"));
  plan.when_green = when.value_or("GREEN") == "GREEN";
  ASSIGN_OR_RETURN(plan.rule, ReadCheckRule(context));
  ASSIGN_OR_RETURN(plan.interval, ReadInterval(context, "interval", std::chrono::seconds(15)));
  for (const auto& [property, key] : {std::pair{"commitTitle", "commit_title"}, std::pair{"commitMessage", "commit_message"}}) {
    ASSIGN_OR_RETURN(const auto text, context.Text(property));
    if (text) plan.texts[key] = *text;
  }
  return plan;
}

Object MergeOutputs(Look& look, const Writer& writer, const MergePlan& plan, const std::string& sha, bool merged_here) {
  return {{"repository", plan.repository.full()}, {"number", plan.number}, {"merged", !writer.dry() || !merged_here}, {"sha", TextOrNull(sha)},
          {"mergedHere", merged_here}, {"dryRun", writer.dry()}, {"apiCost", look.cost()}};
}

// Nothing when it can be merged as far as is known.
Result<std::optional<TaskOutcome>> WaitUntilReady(Look& look, const MergePlan& plan, const Value& pull, const std::string& head, const std::string& name) {
  using Outcome = std::optional<TaskOutcome>;
  if (TextAt(pull, "state") != "open") return Outcome(TaskOutcome::Failed(name + " was closed without being merged"));
  if (!plan.sha.empty() && (plan.sha.size() < 7 || !head.starts_with(plan.sha)))
    return Outcome(TaskOutcome::Failed(name + ": head is at " + head + ", not at " + plan.sha + ": it is not merged"));
  if (TextAt(pull, "draft") == "true") return Outcome(TaskOutcome::Failed(name + " is a draft"));
  const Value* mergeable = Member(pull, "mergeable");
  if (mergeable == nullptr || mergeable->is_null()) return Outcome(look.Again(kSoon));
  if (mergeable->is_bool() && !mergeable->get_bool()) return Outcome(TaskOutcome::Failed(name + " has conflicts with its base"));
  if (!plan.when_green) return Outcome();
  ASSIGN_OR_RETURN(const Checks checks, See(look, plan.repository, head, plan.rule));
  if (!checks.red.empty()) return Outcome(TaskOutcome::Failed("ChecksFailed: " + name + ": " + Listed(checks.red)));
  if (!checks.pending.empty() || !checks.missing.empty()) return Outcome(look.Again(plan.interval));
  return Outcome();
}

// 405 and 409 are also said when base or head moved in this very moment.
Result<TaskOutcome> Refused(Look& look, const MergePlan& plan, const Ask& ask, const Answer& answer) {
  const bool base_moved = answer.code == 405 && answer.message.find("was modified") != std::string::npos;
  const bool head_moved = answer.code == 409 && plan.sha.empty();
  const bool unchecked = answer.code == 405 && plan.when_green && answer.message.find("status check") != std::string::npos;
  if (unchecked) return look.Again(plan.interval);
  const std::int64_t moves = NumberAt(Value(look.memo()), "moves") + 1;
  if ((!base_moved && !head_moved) || moves > kMovesMax) return TaskOutcome::Failed(Refusal(ask, answer));
  look.memo()["moves"] = moves;
  return look.Again(kSoon);
}

// Version 2026-03-10 does not tell the commit any more.
Result<std::string> MergedAs(Look& look, const std::string& path, const Value& pull) {
  if (std::string told = TextAt(pull, "merge_commit_sha"); !told.empty()) return told;
  ASSIGN_OR_RETURN(const Answer answer, look.client().Send({.path = path, .version = std::string(kOldVersion)}));
  return TextAt(answer.body, "merge_commit_sha");
}

Result<TaskOutcome> MergePull(Look& look) {
  ASSIGN_OR_RETURN(Writer writer, Writer::Of(look));
  ASSIGN_OR_RETURN(const MergePlan plan, ReadMergePlan(look));
  const std::string path = plan.repository.path() + "/pulls/" + std::to_string(plan.number);
  const std::string name = plan.repository.full() + "#" + std::to_string(plan.number);
  ASSIGN_OR_RETURN(const Answer seen, Read(look, path));
  const Value* head_sha = AtPath(seen.body, "head.sha");
  const std::string head = head_sha == nullptr ? "" : ToText(*head_sha);
  if (TextAt(seen.body, "merged") == "true") {
    if (!plan.sha.empty() && !head.starts_with(plan.sha)) return TaskOutcome::Failed(name + " was merged at " + head + ", not at " + plan.sha);
    ASSIGN_OR_RETURN(const std::string sha, MergedAs(look, path, seen.body));
    look.context().Log("INFO", name + " is merged");
    return TaskOutcome::Success(MergeOutputs(look, writer, plan, sha, look.memo().contains("sent")));
  }
  ASSIGN_OR_RETURN(auto outcome, WaitUntilReady(look, plan, seen.body, head, name));
  if (outcome) return std::move(*outcome);
  Ask ask{.method = "PUT", .path = path + "/merge", .body = plan.texts};
  ask.body.get_object()["sha"] = head;
  ask.body.get_object()["merge_method"] = plan.method;
  look.memo()["sent"] = true;
  auto sent = writer.Send(ask, Object{{"sha", nullptr}, {"merged", false}});
  if (!sent && sent.error().code != Code::kAborted) look.memo().erase("sent");
  ASSIGN_OR_RETURN(const Answer answer, std::move(sent));
  if (!answer.ok()) {
    look.memo().erase("sent");
    return Refused(look, plan, ask, answer);
  }
  if (!writer.dry()) look.context().Log("INFO", "merged " + name + " as " + TextAt(answer.body, "sha"));
  return TaskOutcome::Success(MergeOutputs(look, writer, plan, TextAt(answer.body, "sha"), true));
}

Result<TaskOutcome> RunMergePull(Look& look) { return LookAfterLost(look, MergePull(look)); }

model::TaskTypeSpec MergePullSpec() {
  std::vector<model::PropertySpec> properties = {
      {.name = "repository", .required = true, .doc = "owner/name."},
      {.name = "number", .kind = PropertyKind::kInteger, .required = true, .doc = "Of the pull request."},
      {.name = "whenChecks", .kind = PropertyKind::kEnum, .doc = "GREEN waits for the checks of head, and fails when one is red; ANY does not look at them.", .default_value = "GREEN", .enum_values = {"GREEN", "ANY"}},
      {.name = "sha", .doc = "Merges this commit of head only: fails when head has moved on."},
      {.name = "method", .kind = PropertyKind::kEnum, .doc = "How.", .default_value = "merge", .enum_values = {"merge", "squash", "rebase"}},
      {.name = "commitTitle", .doc = "Of the merge commit."},
      {.name = "commitMessage", .doc = "Of the merge commit."},
      {.name = "interval", .kind = PropertyKind::kDuration, .doc = "Between two looks at the checks.", .default_value = "PT15S"}};
  for (model::PropertySpec& one : CheckRuleProperties()) properties.push_back(std::move(one));
  return {.type = "headrace.github.MergePull",
          .doc = "Merges a pull request at the commit that was looked at. One that is merged already is no fault.",
          .properties = WithWrites(std::move(properties)),
          .outputs = WithDryRun({{.name = "repository", .doc = "owner/name."},
                                 {.name = "number", .kind = PropertyKind::kInteger, .doc = "Of the pull request."},
                                 {.name = "merged", .kind = PropertyKind::kBoolean, .doc = "It is."},
                                 {.name = "mergedHere", .kind = PropertyKind::kBoolean, .doc = "false: it was merged already."},
                                 {.name = "sha", .doc = "The merge commit, where GitHub tells it."}}),
          .example = "id: merge\ntype: headrace.github.MergePull\nconnection: releases\nrepository: acme/app\nnumber: \"{{ outputs.bump.number }}\"\n"
                     "sha: \"{{ outputs.bump.headSha }}\"\nmethod: squash\ntimeout: PT2H\n"};
}

}  // namespace

std::vector<TaskType> MergeTasks(const SharedHub& hub) {
  std::vector<TaskType> types;
  types.push_back(MakeGithubType(MergePullSpec(), RunMergePull, hub));
  return types;
}

}  // namespace headrace::worker::github
