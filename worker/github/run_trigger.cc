// The look of a trigger that fires for completed workflow runs: at what polls and webhooks have brought for everybody.
#include <algorithm>

#include "common/base/text.h"
#include "common/model/polling.h"
#include "worker/github/github_tasks.h"
#include "worker/github/json_parts.h"
#include "worker/github/look.h"
#include "worker/github/poll.h"
#include "worker/github/run_news.h"
#include "worker/look_outcome.h"

namespace headrace::worker::github {
namespace {

using model::PropertyKind;

// One name or a list, under either of two names.
Status ReadNames(TaskContext& context, std::initializer_list<const char*> properties, std::vector<std::string>& to) {
  for (const char* property : properties) {
    ASSIGN_OR_RETURN(const std::vector<std::string> names, context.Texts(property));
    for (const std::string& name : names) {
      if (!Trim(name).empty()) to.emplace_back(Trim(name));
    }
  }
  return {};
}

// `on: {action: completed, conclusion: [failure]}`, as GitHub's own workflows write it.
Status ReadOn(TaskContext& context, RunFilter& filter) {
  ASSIGN_OR_RETURN(const Object on, context.Map("on", false));
  const Value written(on);
  for (const Value* value : {Member(written, "conclusion"), Member(written, "conclusions")}) {
    if (value == nullptr || value->is_null()) continue;
    if (!value->is_array()) filter.conclusions.push_back(ToText(*value));
    else for (const Value& one : value->get_array()) filter.conclusions.push_back(ToText(one));
  }
  const Value* action = Member(written, "action");
  if (action != nullptr && !action->is_null() && ToText(*action) != "completed") {
    return InvalidArgument("on.action: '" + ToText(*action) + "': this trigger fires for completed runs only");
  }
  return {};
}

Result<RunFilter> ReadFilter(TaskContext& context) {
  RunFilter filter;
  RETURN_IF_ERROR(ReadNames(context, {"workflowId", "workflows"}, filter.workflows));
  RETURN_IF_ERROR(ReadNames(context, {"branch", "branches"}, filter.branches));
  RETURN_IF_ERROR(ReadNames(context, {"event"}, filter.events));
  RETURN_IF_ERROR(ReadNames(context, {"actor"}, filter.actors));
  RETURN_IF_ERROR(ReadNames(context, {"conclusion"}, filter.conclusions));
  RETURN_IF_ERROR(ReadOn(context, filter));
  std::vector<std::string> status;
  RETURN_IF_ERROR(ReadNames(context, {"status"}, status));
  for (const std::string& one : status) {
    if (one != "completed") return InvalidArgument("status: '" + one + "': this trigger fires for completed runs only; say `conclusion` to tell them apart");
  }
  return filter;
}

Value TimeOrNull(Timestamp at) { return at == Timestamp{} ? Value() : Value(json::string(FormatInstant(at))); }

Object Told(const RunSnapshot& run) {
  return {{"runId", run.id}, {"runAttempt", run.attempt}, {"title", TextOrNull(run.title)}, {"status", TextOrNull(run.status)},
          {"conclusion", TextOrNull(run.conclusion)}, {"url", TextOrNull(run.url)}, {"event", TextOrNull(run.event)},
          {"headBranch", TextOrNull(run.branch)}, {"headSha", TextOrNull(run.sha)}, {"workflow", TextOrNull(run.workflow)},
          {"workflowId", TextOrNull(run.workflow_id)}, {"actor", TextOrNull(run.actor)}, {"createdAt", TimeOrNull(run.created)},
          {"updatedAt", TimeOrNull(run.updated)}};
}

Result<TaskOutcome> LookAtRuns(Look& look) {
  TaskContext& context = look.context();
  ASSIGN_OR_RETURN(const Repository repository, look.ReadRepository());
  ASSIGN_OR_RETURN(const RunFilter filter, ReadFilter(context));
  ASSIGN_OR_RETURN(const Duration interval, ReadInterval(context, "interval", model::kPollingInterval));
  const auto refreshed = Refresh(look, repository, {.any = true}, interval);
  if (!refreshed && refreshed.error().code == Code::kUnavailable) {
    return LookOutcome({.problem = refreshed.error().message, .later = std::max<Duration>(look.client().due() - look.now(), Duration(0))});
  }
  if (!refreshed) return Fail(refreshed.error());
  RunNews news = NewRuns(look.endpoint() + "/" + repository.full(), refreshed->all, filter, context.memo(), look.now());
  model::LookAnswer answer{.fires = !news.runs.empty(), .memo = std::move(news.memo)};
  if (!answer.fires) return LookOutcome(std::move(answer));
  Array runs;
  for (const RunSnapshot& run : news.runs) runs.push_back(Told(run));
  // The newest one also by itself: of most looks it is the only one.
  answer.variables = Told(news.runs.back());
  answer.variables["repository"] = json::string(repository.full());
  answer.variables["size"] = runs.size();
  answer.variables["runs"] = std::move(runs);
  return LookOutcome(std::move(answer));
}

model::TaskTypeSpec TriggerSpec() {
  return {.type = std::string(model::kRunTrigger),
          .aliases = {std::string(model::kRunTriggerOfKestra)},
          .doc = "Starts an execution for workflow runs that have been completed since the last look.",
          .properties = WithConnection({{.name = "repository", .required = true, .doc = "owner/name."},
                                        {.name = "workflowId", .doc = "File name or id; a pattern, or a list of them. Also `workflows`."},
                                        {.name = "branch", .doc = "Branch or tag; a pattern, or a list of them. Also `branches`."},
                                        {.name = "event", .doc = "What started the run, such as push; or a list."},
                                        {.name = "actor", .doc = "Who started it; or a list."},
                                        {.name = "conclusion", .doc = "Such as failure; or a list. Also `on: {conclusion: […]}`."},
                                        {.name = "status", .doc = "completed, or nothing."},
                                        {.name = "interval", .kind = PropertyKind::kDuration, .doc = "From one look to the next."}}),
          .outputs = {{.name = "runs", .kind = PropertyKind::kList, .doc = "In the order in which they ended."},
                      {.name = "size", .kind = PropertyKind::kInteger, .doc = "How many."},
                      {.name = "runId", .kind = PropertyKind::kInteger, .doc = "And what else there is of the newest of them."}}};
}

}  // namespace

std::vector<TaskType> RunTriggers(const SharedHub& hub) {
  TaskType type = MakeGithubType(TriggerSpec(), LookAtRuns, hub);
  type.of_trigger = true;
  return {std::move(type)};
}

}  // namespace headrace::worker::github
