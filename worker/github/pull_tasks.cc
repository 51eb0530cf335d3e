#include "common/base/text.h"
#include "worker/github/branch_files.h"
#include "worker/github/github_tasks.h"
#include "worker/github/reviewers.h"
#include "worker/github/shared_state.h"

namespace headrace::worker::github {
namespace {

using model::PropertyKind;

struct PullPlan {
  Repository repository{};
  std::string head{};
  std::string base{};
  std::string title{};
  std::string body{};
  bool draft = false;
  bool modify = false;
  bool update = false;
  std::vector<std::string> labels{};
  std::vector<std::string> reviewers{};
  std::vector<FileEdit> files{};
  std::string message{};
};

Result<PullPlan> ReadPullPlan(Look& look) {
  TaskContext& context = look.context();
  PullPlan plan;
  ASSIGN_OR_RETURN(plan.repository, look.ReadRepository());
  ASSIGN_OR_RETURN(const std::string head, context.RequiredText("head"));
  plan.head = std::string(Trim(head));
  ASSIGN_OR_RETURN(plan.base, TrimmedText(context, "base"));
  ASSIGN_OR_RETURN(const std::string title, context.RequiredText("title"));
  plan.title = std::string(Trim(title));
  ASSIGN_OR_RETURN(const auto body, context.Text("body"));
  plan.body = body.value_or("");
  ASSIGN_OR_RETURN(plan.draft, context.Bool("draft", false));
  ASSIGN_OR_RETURN(plan.modify, context.Bool("maintainerCanModify", false));
  ASSIGN_OR_RETURN(plan.update, context.Bool("update", false));
  ASSIGN_OR_RETURN(plan.labels, context.Texts("labels"));
  ASSIGN_OR_RETURN(plan.reviewers, context.Texts("reviewers"));
  ASSIGN_OR_RETURN(plan.files, ReadFileEdits(context));
  ASSIGN_OR_RETURN(plan.message, TrimmedText(context, "commitMessage"));
  if (plan.message.empty()) plan.message = plan.title;
  if (!plan.files.empty() && plan.head.find(':') != std::string::npos)
    return InvalidArgument("files: head '" + plan.head + "' is a branch of another repository, which this task does not write to");
  if (plan.base.empty()) {
    ASSIGN_OR_RETURN(const Answer repository, Read(look, plan.repository.path()));
    plan.base = TextAt(repository.body, "default_branch");
  }
  return plan;
}

// The newest with this head and base; of closed ones, the newest that was merged.
Result<std::optional<Value>> FindPull(Look& look, const PullPlan& plan, const std::string& state) {
  const std::string head = plan.head.find(':') == std::string::npos ? plan.repository.owner + ":" + plan.head : plan.head;
  ASSIGN_OR_RETURN(const Answer answer, Read(look, plan.repository.path() + "/pulls?state=" + state + "&head=" + Part(head) + "&base=" + Part(plan.base)));
  for (const Value& pull : answer.body.is_array() ? answer.body.get_array() : Array())
    if (state == "open" || !TextAt(pull, "merged_at").empty()) return std::optional<Value>(pull);
  return std::optional<Value>();
}

struct Found {
  std::optional<Value> pull{};
  bool created = false;
  bool merged = false;
};

// Merged, and nothing new on head since: a new one would be empty.
Result<std::optional<Value>> FindSpent(Look& look, const PullPlan& plan) {
  ASSIGN_OR_RETURN(auto merged, FindPull(look, plan, "closed"));
  if (!merged || plan.head.find(':') != std::string::npos) return std::optional<Value>();
  ASSIGN_OR_RETURN(const auto tip, TipOf(look, plan.repository, plan.head));
  const Value* sha = AtPath(*merged, "head.sha");
  if (tip && (sha == nullptr || ToText(*sha) != *tip)) return std::optional<Value>();
  return merged;
}

// 422 is GitHub's answer also when somebody else was faster.
Result<Found> FindOrCreate(Look& look, Writer& writer, const PullPlan& plan) {
  ASSIGN_OR_RETURN(auto open, FindPull(look, plan, "open"));
  if (open) return Found{.pull = std::move(open)};
  ASSIGN_OR_RETURN(auto spent, FindSpent(look, plan));
  if (spent) return Found{.pull = std::move(spent), .merged = true};
  Object body{{"title", plan.title}, {"head", plan.head}, {"base", plan.base}, {"body", plan.body},
              {"draft", plan.draft}, {"maintainer_can_modify", plan.modify}};
  const Ask ask{.method = "POST", .path = plan.repository.path() + "/pulls", .body = std::move(body)};
  look.memo()["sent"] = true;
  auto sent = writer.Send(ask, Object{{"number", 0}, {"html_url", nullptr}, {"state", "open"}});
  // Only one that may have been sent may be ours.
  if (!sent && sent.error().code != Code::kAborted) look.memo().erase("sent");
  ASSIGN_OR_RETURN(const Answer answer, std::move(sent));
  if (answer.ok()) return Found{.pull = answer.body, .created = true};
  look.memo().erase("sent");
  if (answer.code == 422) {
    ASSIGN_OR_RETURN(open, FindPull(look, plan, "open"));
    if (open) return Found{.pull = std::move(open)};
  }
  return Fail(Code::kFailedPrecondition, Refusal(ask, answer));
}

Status EnsureText(Writer& writer, const PullPlan& plan, const Value& pull, const std::string& path) {
  Object change;
  if (TextAt(pull, "title") != plan.title) change["title"] = plan.title;
  if (!plan.body.empty() && TextAt(pull, "body") != plan.body) change["body"] = plan.body;
  if (change.empty()) return {};
  return writer.Must({.method = "PATCH", .path = path, .body = std::move(change)}).transform([](const Answer&) {});
}

Status EnsureLabels(Writer& writer, const PullPlan& plan, const Value& pull) {
  Array missing = Without(plan.labels, NamesIn(pull, "labels", "name"));
  if (missing.empty()) return {};
  const std::string path = plan.repository.path() + "/issues/" + std::to_string(NumberAt(pull, "number")) + "/labels";
  return writer.Must({.method = "POST", .path = path, .body = Object{{"labels", std::move(missing)}}}).transform([](const Answer&) {});
}

Status AskReviewers(Writer& writer, const PullPlan& plan, const Value& pull, const std::string& path) {
  Object body = ReviewersOf(plan.reviewers, pull);
  if (body.empty()) return {};
  return writer.Must({.method = "POST", .path = path + "/requested_reviewers", .body = std::move(body)}).transform([](const Answer&) {});
}

Object PullOutputs(Look& look, const Writer& writer, const PullPlan& plan, const Found& found, const BranchTip& tip) {
  Object outputs{{"repository", plan.repository.full()}, {"number", nullptr}, {"url", nullptr}, {"state", "unneeded"}, {"draft", nullptr},
                 {"headSha", TextOrNull(tip.sha)}};
  if (found.pull) {
    outputs["number"] = NumberAt(*found.pull, "number");
    outputs["url"] = TextOrNull(TextAt(*found.pull, "html_url"));
    outputs["state"] = found.merged ? "merged" : "open";
    outputs["draft"] = TextAt(*found.pull, "draft") == "true";
    if (const Value* sha = AtPath(*found.pull, "head.sha"); sha != nullptr && tip.sha.empty()) outputs["headSha"] = *sha;
  }
  outputs["created"] = found.created || look.memo().contains("sent");
  outputs["commit"] = TextOrNull(TextAt(look.memo().contains("made") ? Value(look.memo()) : Value(), "made"));
  outputs["dryRun"] = writer.dry();
  outputs["apiCost"] = look.cost();
  return outputs;
}

Result<TaskOutcome> EnsurePull(Look& look) {
  ASSIGN_OR_RETURN(Writer writer, Writer::Of(look));
  ASSIGN_OR_RETURN(const PullPlan plan, ReadPullPlan(look));
  BranchTip tip{.exists = true};
  if (!plan.files.empty()) {
    ASSIGN_OR_RETURN(tip, EnsureFiles(look, writer, {plan.repository, plan.head, plan.base, plan.files, plan.message}));
    if (tip.changed) look.memo()["made"] = tip.sha;
  }
  if (!tip.exists) {
    ASSIGN_OR_RETURN(auto merged, FindPull(look, plan, "closed"));
    look.context().Log("INFO", plan.repository.full() + " " + plan.base + " holds these files already: no pull request is needed");
    return TaskOutcome::Success(PullOutputs(look, writer, plan, {.pull = merged, .merged = merged.has_value()}, tip));
  }
  ASSIGN_OR_RETURN(const Found found, FindOrCreate(look, writer, plan));
  const Value& pull = *found.pull;
  const std::string name = plan.repository.full() + "#" + TextAt(pull, "number");
  if (!found.merged) {
    const std::string path = plan.repository.path() + "/pulls/" + TextAt(pull, "number");
    if (plan.update) RETURN_IF_ERROR(EnsureText(writer, plan, pull, path));
    RETURN_IF_ERROR(EnsureLabels(writer, plan, pull));
    // People are asked once: whoever has answered is not asked again.
    if (look.memo().contains("sent")) RETURN_IF_ERROR(AskReviewers(writer, plan, pull, path));
  }
  look.context().Log("INFO", name + (found.merged ? " was merged already" : look.memo().contains("sent") ? " is open" : " is open already"));
  return TaskOutcome::Success(PullOutputs(look, writer, plan, found, tip));
}

Result<TaskOutcome> RunEnsurePull(Look& look) { return LookAfterLost(look, EnsurePull(look)); }

model::TaskTypeSpec EnsurePullSpec() {
  return {.type = "headrace.github.EnsurePull",
          .doc = "Sees to it that a pull request from head to base is open, with these files. One that is open already is taken; files that are there already are no commit.",
          .properties = WithWrites({{.name = "repository", .required = true, .doc = "owner/name."},
                                    {.name = "head", .required = true, .doc = "The branch with the changes; owner:branch of a fork. With files it is made from the base if it does not exist."},
                                    {.name = "base", .doc = "The branch to merge into; the default branch unless told."},
                                    {.name = "title", .required = true, .doc = "Of the pull request."},
                                    {.name = "body", .doc = "Its text, in Markdown."},
                                    {.name = "files", .kind = PropertyKind::kMap, .doc = "Paths with their whole text, or null to remove the file. All that differ become one commit on head."},
                                    {.name = "commitMessage", .doc = "Of that commit; the title unless told."},
                                    {.name = "draft", .kind = PropertyKind::kBoolean, .doc = "Opens it as a draft.", .default_value = false},
                                    {.name = "maintainerCanModify", .kind = PropertyKind::kBoolean, .doc = "Lets maintainers push to a fork's branch.", .default_value = false},
                                    {.name = "labels", .kind = PropertyKind::kList, .doc = "Labels that are missing are added."},
                                    {.name = "reviewers", .kind = PropertyKind::kList, .doc = "Logins, or team:slug. Asked when the pull request is opened by this task."},
                                    {.name = "update", .kind = PropertyKind::kBoolean, .doc = "Gives title and body to a pull request that was open already.", .default_value = false}}),
          .outputs = WithDryRun({{.name = "repository", .doc = "owner/name."},
                                 {.name = "number", .kind = PropertyKind::kInteger, .doc = "Of the pull request; null when none is needed."},
                                 {.name = "url", .doc = "Its page."},
                                 {.name = "state", .kind = PropertyKind::kEnum, .doc = "open; merged: it was merged before, and nothing is new; unneeded: the base holds the files already.", .enum_values = {"open", "merged", "unneeded"}},
                                 {.name = "draft", .kind = PropertyKind::kBoolean, .doc = "Whether it is a draft."},
                                 {.name = "created", .kind = PropertyKind::kBoolean, .doc = "Opened by this task."},
                                 {.name = "headSha", .doc = "The newest commit of head."},
                                 {.name = "commit", .doc = "The commit this task made, if it made one."}}),
          .example = "id: bump\ntype: headrace.github.EnsurePull\nconnection: releases\nrepository: acme/helm-charts\nhead: \"release/{{ inputs.version }}\"\n"
                     "title: \"Release {{ inputs.version }}\"\nfiles:\n  VERSION: \"{{ inputs.version }}\\n\"\nlabels: [release]\nreviewers: [\"team:platform\"]\n"};
}

}  // namespace

std::vector<TaskType> PullTasks(const SharedHub& hub) {
  std::vector<TaskType> types;
  types.push_back(MakeGithubType(EnsurePullSpec(), RunEnsurePull, hub));
  return types;
}

}  // namespace headrace::worker::github
