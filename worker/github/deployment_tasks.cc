#include <algorithm>

#include "common/base/text.h"
#include "worker/github/github_tasks.h"
#include "worker/github/shared_state.h"
#include "worker/github/write.h"

namespace headrace::worker::github {
namespace {

using model::PropertyKind;

struct ReviewPlan {
  Repository repository{};
  std::int64_t run = 0;
  std::vector<std::string> environments{};
  bool approve = true;
  std::string comment{};
  Duration interval{};
  Duration appear{};

  std::string path() const { return repository.path() + "/actions/runs/" + std::to_string(run); }
  std::string decision() const { return approve ? "approved" : "rejected"; }
  std::string name() const { return "run " + std::to_string(run) + " of " + repository.full(); }
};

Result<ReviewPlan> ReadReviewPlan(Look& look) {
  TaskContext& context = look.context();
  ReviewPlan plan;
  ASSIGN_OR_RETURN(plan.repository, look.ReadRepository());
  ASSIGN_OR_RETURN(const auto run, context.Integer("runId"));
  if (!run) return InvalidArgument("runId: is missing");
  plan.run = *run;
  ASSIGN_OR_RETURN(plan.environments, context.Texts("environments"));
  if (plan.environments.empty()) return InvalidArgument("environments: name at least one");
  ASSIGN_OR_RETURN(const auto decision, context.Text("decision"));
  plan.approve = decision.value_or("APPROVE") != "REJECT";
  ASSIGN_OR_RETURN(const auto comment, context.Text("comment"));
  plan.comment = comment.value_or("");
  ASSIGN_OR_RETURN(plan.interval, ReadInterval(context, "interval", std::chrono::seconds(15)));
  ASSIGN_OR_RETURN(const auto appear, context.Span("appearWithin"));
  plan.appear = appear.value_or(std::chrono::minutes(30));
  return plan;
}

// Environments that have been decided about in this way, by whomever.
Result<std::vector<std::string>> SeeDecided(Look& look, const ReviewPlan& plan) {
  ASSIGN_OR_RETURN(const Answer answer, Read(look, plan.path() + "/approvals"));
  std::vector<std::string> names;
  for (const Value& review : answer.body.is_array() ? answer.body.get_array() : Array()) {
    if (TextAt(review, "state") != plan.decision()) continue;
    const Value* environments = Member(review, "environments");
    for (const Value& one : environments != nullptr && environments->is_array() ? environments->get_array() : Array()) names.push_back(TextAt(one, "name"));
  }
  return names;
}

struct Pending {
  Array ids{};
  std::vector<std::string> names{};
  std::vector<std::string> barred{};  // that this token may not decide about
};

Result<Pending> SeePending(Look& look, const ReviewPlan& plan) {
  ASSIGN_OR_RETURN(const Answer answer, Read(look, plan.path() + "/pending_deployments"));
  Pending pending;
  for (const Value& one : answer.body.is_array() ? answer.body.get_array() : Array()) {
    const Value* environment = Member(one, "environment");
    if (environment == nullptr) continue;
    const std::string name = TextAt(*environment, "name");
    if (std::find(plan.environments.begin(), plan.environments.end(), name) == plan.environments.end()) continue;
    if (TextAt(one, "current_user_can_approve") == "false") {
      pending.barred.push_back(name);
      continue;
    }
    pending.ids.push_back(NumberAt(*environment, "id"));
    pending.names.push_back(name);
  }
  return pending;
}

Object ReviewOutputs(Look& look, const Writer& writer, const ReviewPlan& plan) {
  Array here;
  if (const Array* names = look.memo()["here"].if_array()) here = *names;
  return {{"runId", plan.run}, {"decision", plan.decision()}, {"decidedHere", std::move(here)}, {"dryRun", writer.dry()}, {"apiCost", look.cost()}};
}

Status Decide(Look& look, Writer& writer, const ReviewPlan& plan, const Pending& pending) {
  const Ask ask{.method = "POST", .path = plan.path() + "/pending_deployments",
                .body = Object{{"environment_ids", pending.ids}, {"state", plan.decision()}, {"comment", plan.comment}}};
  RETURN_IF_ERROR(writer.Must(ask, Array()));
  Value& here = look.memo()["here"];
  if (!here.is_array()) here = Array();
  for (const std::string& name : pending.names) here.get_array().push_back(json::string(name));
  if (!writer.dry()) look.context().Log("INFO", plan.decision() + " " + Listed(pending.names) + " for " + plan.name());
  return {};
}

// Jobs come to their gates one after another, so the environments do not have to wait all at once.
Result<TaskOutcome> ApproveDeployment(Look& look) {
  ASSIGN_OR_RETURN(Writer writer, Writer::Of(look));
  ASSIGN_OR_RETURN(const ReviewPlan plan, ReadReviewPlan(look));
  ASSIGN_OR_RETURN(const Pending pending, SeePending(look, plan));
  if (!pending.barred.empty())
    return TaskOutcome::Failed(plan.name() + ": the token is no reviewer of " + Listed(pending.barred));
  if (!pending.ids.empty()) RETURN_IF_ERROR(Decide(look, writer, plan, pending));
  ASSIGN_OR_RETURN(const std::vector<std::string> decided, SeeDecided(look, plan));
  const auto is_left = [&](const std::string& name) {
    return std::find(decided.begin(), decided.end(), name) == decided.end() && std::find(pending.names.begin(), pending.names.end(), name) == pending.names.end();
  };
  std::vector<std::string> left;
  for (const std::string& name : plan.environments)
    if (is_left(name)) left.push_back(name);
  // A dry run sees only what waits now: nothing will come of what it did not do.
  const bool rejected = !plan.approve && left.size() < plan.environments.size();
  if (left.empty() || rejected || (writer.dry() && !pending.ids.empty())) return TaskOutcome::Success(ReviewOutputs(look, writer, plan));
  ASSIGN_OR_RETURN(const Answer run, Read(look, plan.path()));
  if (TextAt(run.body, "status") == "completed")
    return TaskOutcome::Failed(plan.name() + " ended (" + TextAt(run.body, "conclusion") + ") and never waited for " + Listed(left), ReviewOutputs(look, writer, plan));
  if (look.now() - look.context().began() >= plan.appear)
    return TaskOutcome::Failed("GateNotReached: " + plan.name() + " did not wait for " + Listed(left) + " within " + FormatDuration(plan.appear), ReviewOutputs(look, writer, plan));
  return look.Again(plan.interval);
}

Result<TaskOutcome> RunApproveDeployment(Look& look) { return LookAfterLost(look, ApproveDeployment(look)); }

model::TaskTypeSpec ApproveDeploymentSpec() {
  return {.type = "headrace.github.ApproveDeployment",
          .doc = "Approves or rejects the environments that a workflow run waits for, once it does. What somebody else has decided in the same way counts.",
          .properties = WithWrites({{.name = "repository", .required = true, .doc = "owner/name."},
                                    {.name = "runId", .kind = PropertyKind::kInteger, .required = true, .doc = "The run."},
                                    {.name = "environments", .kind = PropertyKind::kList, .required = true, .doc = "Their names."},
                                    {.name = "decision", .kind = PropertyKind::kEnum, .doc = "What to say.", .default_value = "APPROVE", .enum_values = {"APPROVE", "REJECT"}},
                                    {.name = "comment", .doc = "Shown beside it."},
                                    {.name = "appearWithin", .kind = PropertyKind::kDuration, .doc = "How long the run may need to come to its gates.", .default_value = "PT30M"},
                                    {.name = "interval", .kind = PropertyKind::kDuration, .doc = "Between two looks.", .default_value = "PT15S"}}),
          .outputs = WithDryRun({{.name = "runId", .kind = PropertyKind::kInteger, .doc = "The run."},
                                 {.name = "decision", .doc = "approved or rejected."},
                                 {.name = "decidedHere", .kind = PropertyKind::kList, .doc = "Environments that this task decided about; the others were decided about before."}}),
          .example = "id: ship\ntype: headrace.github.ApproveDeployment\nconnection: releases\nrepository: acme/app\nrunId: \"{{ outputs.start.runId }}\"\n"
                     "environments: [production]\ncomment: \"Release {{ inputs.version }}\"\n"};
}

}  // namespace

std::vector<TaskType> DeploymentTasks(const SharedHub& hub) {
  std::vector<TaskType> types;
  types.push_back(MakeGithubType(ApproveDeploymentSpec(), RunApproveDeployment, hub));
  return types;
}

}  // namespace headrace::worker::github
