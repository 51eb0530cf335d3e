#include <algorithm>

#include "common/base/text.h"
#include "worker/github/fetched.h"
#include "worker/github/github_tasks.h"
#include "worker/github/shared_state.h"
#include "worker/github/write.h"

namespace headrace::worker::github {
namespace {

using model::PropertyKind;

constexpr std::int64_t kRunsUnlessTold = 30;
constexpr std::int64_t kRunsMax = 1000;  // GitHub gives no more of a filtered list

Object RunOutputs(const Value& run) {
  return {{"runId", NumberAt(run, "id")}, {"name", TextOrNull(TextAt(run, "name"))}, {"title", TextOrNull(TextAt(run, "display_title"))},
          {"status", TextOrNull(TextAt(run, "status"))}, {"conclusion", TextOrNull(TextAt(run, "conclusion"))}, {"url", TextOrNull(TextAt(run, "html_url"))},
          {"event", TextOrNull(TextAt(run, "event"))}, {"headBranch", TextOrNull(TextAt(run, "head_branch"))}, {"headSha", TextOrNull(TextAt(run, "head_sha"))},
          {"workflowId", NumberAt(run, "workflow_id")}, {"runNumber", NumberAt(run, "run_number")}, {"runAttempt", NumberAt(run, "run_attempt", 1)},
          {"createdAt", TextOrNull(TextAt(run, "created_at"))}, {"updatedAt", TextOrNull(TextAt(run, "updated_at"))}};
}

std::vector<model::PropertySpec> RunOutputSpecs() {
  return {{.name = "runId", .kind = PropertyKind::kInteger, .doc = "The run."},
          {.name = "name", .doc = "Of the workflow."},
          {.name = "title", .doc = "What GitHub shows for the run."},
          {.name = "status", .doc = "queued, in_progress, completed, waiting, requested or pending."},
          {.name = "conclusion", .doc = "Of a completed one: success, failure, cancelled and so on."},
          {.name = "url", .doc = "Its page."},
          {.name = "event", .doc = "What started it."},
          {.name = "headBranch", .doc = "Branch or tag."},
          {.name = "headSha", .doc = "The commit."},
          {.name = "workflowId", .kind = PropertyKind::kInteger, .doc = "The workflow."},
          {.name = "runNumber", .kind = PropertyKind::kInteger, .doc = "Counts the workflow's runs."},
          {.name = "runAttempt", .kind = PropertyKind::kInteger, .doc = "The newest attempt."},
          {.name = "createdAt", .doc = "When it was made."},
          {.name = "updatedAt", .doc = "When it changed last."}};
}

// ---- GetRun ----

Result<TaskOutcome> RunGetRun(Look& look) {
  ASSIGN_OR_RETURN(const Repository repository, look.ReadRepository());
  ASSIGN_OR_RETURN(const auto id, look.context().Integer("runId"));
  if (!id) return InvalidArgument("runId: is missing");
  ASSIGN_OR_RETURN(const bool with_jobs, look.context().Bool("includeJobs", false));
  const std::string path = repository.path() + "/actions/runs/" + std::to_string(*id);
  ASSIGN_OR_RETURN(const Answer run, Read(look, path));
  Object outputs = RunOutputs(run.body);
  if (with_jobs) {
    ASSIGN_OR_RETURN(Array jobs, ReadList(look, path + "/jobs?filter=latest&per_page=100", "jobs"));
    outputs["jobs"] = std::move(jobs);
  }
  return TaskOutcome::Success(std::move(outputs));
}

model::TaskTypeSpec GetRunSpec() {
  std::vector<model::PropertySpec> outputs = RunOutputSpecs();
  outputs.push_back({.name = "jobs", .kind = PropertyKind::kList, .doc = "With includeJobs: of the newest attempt, as GitHub tells them."});
  return {.type = "io.kestra.plugin.github.actions.GetRun",
          .doc = "Looks at a workflow run once. headrace.github.WaitRun waits for its end.",
          .properties = WithConnection({{.name = "repository", .required = true, .doc = "owner/name."},
                                        {.name = "runId", .kind = PropertyKind::kInteger, .required = true, .doc = "The run."},
                                        {.name = "includeJobs", .kind = PropertyKind::kBoolean, .doc = "Its jobs, too.", .default_value = false}}),
          .outputs = std::move(outputs),
          .example = "id: look\ntype: io.kestra.plugin.github.actions.GetRun\noauthToken: \"{{ secret('GITHUB_TOKEN') }}\"\nrepository: acme/app\nrunId: \"{{ outputs.start.runId }}\"\n"};
}

// ---- ListRuns ----

// GitHub's filter `status` takes a status or a conclusion; when both are asked for, the status is looked at here.
Result<TaskOutcome> RunListRuns(Look& look) {
  TaskContext& context = look.context();
  ASSIGN_OR_RETURN(const Repository repository, look.ReadRepository());
  ASSIGN_OR_RETURN(const std::string workflow, TrimmedText(context, "workflowId"));
  ASSIGN_OR_RETURN(const std::string status, TrimmedText(context, "status"));
  ASSIGN_OR_RETURN(const std::string conclusion, TrimmedText(context, "conclusion"));
  ASSIGN_OR_RETURN(const auto limit, context.Integer("limit"));
  const std::int64_t most = limit.value_or(kRunsUnlessTold);
  if (most < 1 || most > kRunsMax) return InvalidArgument("limit: between 1 and " + std::to_string(kRunsMax) + " is wanted");
  std::string path = repository.path() + "/actions/" + (workflow.empty() ? "" : "workflows/" + Part(workflow) + "/") + "runs?per_page=" + std::to_string(std::min<std::int64_t>(most, 100));
  for (const char* name : {"branch", "actor", "event"}) {
    ASSIGN_OR_RETURN(const std::string value, TrimmedText(context, name));
    if (!value.empty()) path += "&" + std::string(name) + "=" + Part(value);
  }
  const std::string& filter = conclusion.empty() ? status : conclusion;
  if (!filter.empty()) path += "&status=" + Part(filter);
  ASSIGN_OR_RETURN(const Array runs, ReadList(look, path, "workflow_runs", static_cast<std::size_t>(most)));
  Array rows;
  for (const Value& run : runs) {
    if (static_cast<std::int64_t>(rows.size()) == most) break;
    if (status.empty() || conclusion.empty() || TextAt(run, "status") == status) rows.push_back(RunOutputs(run));
  }
  const auto total = static_cast<std::int64_t>(rows.size());
  ASSIGN_OR_RETURN(Object outputs, HandOut(context, std::move(rows), total));
  return TaskOutcome::Success(std::move(outputs));
}

model::TaskTypeSpec ListRunsSpec() {
  return {.type = "io.kestra.plugin.github.actions.ListRuns",
          .doc = "Lists workflow runs, the newest first.",
          .properties = WithConnection({{.name = "repository", .required = true, .doc = "owner/name."},
                                        {.name = "workflowId", .doc = "File name such as release.yml, or id; all workflows unless told."},
                                        {.name = "branch", .doc = "Branch or tag."},
                                        {.name = "actor", .doc = "Who started it."},
                                        {.name = "event", .doc = "What started it, such as push."},
                                        {.name = "status", .doc = "Such as in_progress."},
                                        {.name = "conclusion", .doc = "Such as failure."},
                                        {.name = "limit", .kind = PropertyKind::kInteger, .doc = "How many at most.", .default_value = kRunsUnlessTold},
                                        FetchTypeProperty()}),
          .outputs = FetchedOutputs(),
          .support = model::Support::kDiffers,
          .differs = "Rows have the names of GetRun's outputs.",
          .example = "id: list\ntype: io.kestra.plugin.github.actions.ListRuns\noauthToken: \"{{ secret('GITHUB_TOKEN') }}\"\nrepository: acme/app\n"
                     "workflowId: main.yml\nbranch: main\nconclusion: failure\nfetchType: FETCH\n"};
}

}  // namespace

std::vector<TaskType> ListingTasks(const SharedHub& hub) {
  std::vector<TaskType> types;
  types.push_back(MakeGithubType(GetRunSpec(), RunGetRun, hub));
  types.push_back(MakeGithubType(ListRunsSpec(), RunListRuns, hub));
  return types;
}

}  // namespace headrace::worker::github
