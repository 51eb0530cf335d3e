#include <algorithm>

#include "common/base/text.h"
#include "worker/github/github_tasks.h"
#include "worker/github/look.h"
#include "worker/github/shared_state.h"
#include "worker/github/write.h"

namespace headrace::worker::github {
namespace {

using model::PropertyKind;

// ---- Request ----

Result<Ask> ReadAsk(Look& look) {
  TaskContext& context = look.context();
  Ask ask;
  ASSIGN_OR_RETURN(const auto method, context.Text("method"));
  ask.method = std::string(Trim(method.value_or("GET")));
  std::transform(ask.method.begin(), ask.method.end(), ask.method.begin(), [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  static const std::vector<std::string> kMethods = {"GET", "POST", "PUT", "PATCH", "DELETE"};
  if (std::find(kMethods.begin(), kMethods.end(), ask.method) == kMethods.end())
    return InvalidArgument("method: '" + ask.method + "' is none of GET, POST, PUT, PATCH, DELETE");
  ASSIGN_OR_RETURN(const std::string path, context.RequiredText("path"));
  ask.path = std::string(Trim(path));
  if (!ask.path.starts_with('/') && ask.path.find("://") == std::string::npos) ask.path = "/" + ask.path;
  if (ask.path.starts_with("/search/code")) ask.resource = "code_search";
  else if (ask.path.starts_with("/search/")) ask.resource = "search";
  else if (ask.path.starts_with("/graphql")) ask.resource = "graphql";
  ask.cached = ask.method == "GET";
  ASSIGN_OR_RETURN(ask.body, context.Render("body"));
  if (ask.body.is_string()) {
    auto parsed = ParseJson(ToText(ask.body));
    if (!parsed) return Fail(std::move(parsed.error()).Wrap("body is no JSON"));
    ask.body = std::move(*parsed);
  }
  return ask;
}

Result<TaskOutcome> RunRequest(Look& look) {
  ASSIGN_OR_RETURN(const Ask ask, ReadAsk(look));
  ASSIGN_OR_RETURN(const bool allow_failed, look.context().Bool("allowFailed", false));
  ASSIGN_OR_RETURN(Writer writer, Writer::Of(look));
  auto sent = ask.method == "GET" ? look.client().Send(ask) : writer.Send(ask);
  if (!sent && sent.error().code == Code::kAborted)
    return TaskOutcome::Failed(sent.error().message + ". Whether it had its effect is not known: it is not sent again");
  ASSIGN_OR_RETURN(Answer answer, std::move(sent));
  if (!answer.ok() && !allow_failed) return TaskOutcome::Failed(Refusal(ask, answer));
  Object outputs{{"code", answer.code}, {"body", std::move(answer.body)}};
  outputs["next"] = answer.next.empty() ? Value() : Value(json::string(answer.next));
  outputs["requestId"] = answer.request_id.empty() ? Value() : Value(json::string(answer.request_id));
  return TaskOutcome::Success(std::move(outputs));
}

model::TaskTypeSpec RequestSpec() {
  return {.type = "headrace.github.Request",
          .doc = "Any request of GitHub's REST API, within the budget that all tasks of the connection share. A write whose answer was lost is not sent again.",
          .properties = WithWrites({{.name = "path", .required = true, .doc = "Below the endpoint, such as /repos/acme/app/labels; or the `next` of an earlier answer."},
                                        {.name = "method", .kind = PropertyKind::kEnum, .doc = "GET unless told.", .default_value = "GET", .enum_values = {"GET", "POST", "PUT", "PATCH", "DELETE"}},
                                        {.name = "body", .kind = PropertyKind::kAny, .doc = "A map, or JSON as text."},
                                        {.name = "allowFailed", .kind = PropertyKind::kBoolean, .doc = "A status of 400 and above does not fail the task.", .default_value = false}}),
          .outputs = {{.name = "code", .kind = PropertyKind::kInteger, .doc = "The status."},
                      {.name = "body", .kind = PropertyKind::kAny, .doc = "The answer's JSON."},
                      {.name = "next", .doc = "The URL of the next page."},
                      {.name = "requestId", .doc = "GitHub's id of the request, for its support."}},
          .example = "id: labels\ntype: headrace.github.Request\nconnection: releases\npath: /repos/acme/app/labels?per_page=100\n"};
}

// ---- CancelRun ----

Result<TaskOutcome> RunCancelRun(Look& look) {
  ASSIGN_OR_RETURN(const Repository repository, look.ReadRepository());
  ASSIGN_OR_RETURN(const auto id, look.context().Integer("runId"));
  if (!id) return InvalidArgument("runId: is missing");
  ASSIGN_OR_RETURN(const bool force, look.context().Bool("force", false));
  const Ask ask{.method = "POST", .path = repository.path() + "/actions/runs/" + std::to_string(*id) + (force ? "/force-cancel" : "/cancel")};
  ASSIGN_OR_RETURN(Writer writer, Writer::Of(look));
  auto sent = writer.Send(ask);
  // To cancel twice is to cancel once.
  if (!sent && sent.error().code == Code::kAborted) return look.Again(std::chrono::seconds(5));
  ASSIGN_OR_RETURN(const Answer answer, std::move(sent));
  const bool over = answer.code == 409;
  if (!answer.ok() && !over) return TaskOutcome::Failed(Refusal(ask, answer));
  look.context().Log("INFO", "run " + std::to_string(*id) + " of " + repository.full() + (over ? " was over already" : " is being cancelled"));
  return TaskOutcome::Success({{"runId", *id}, {"cancelled", !over}});
}

model::TaskTypeSpec CancelRunSpec() {
  return {.type = "headrace.github.CancelRun",
          .doc = "Cancels a workflow run. One that is over already is no fault.",
          .properties = WithWrites({{.name = "repository", .required = true, .doc = "owner/name."},
                                        {.name = "runId", .kind = PropertyKind::kInteger, .required = true, .doc = "The run."},
                                        {.name = "force", .kind = PropertyKind::kBoolean, .doc = "Does not wait for steps that run always().", .default_value = false}}),
          .outputs = {{.name = "runId", .kind = PropertyKind::kInteger, .doc = "The run."},
                      {.name = "cancelled", .kind = PropertyKind::kBoolean, .doc = "false: it was over already."}},
          .example = "id: stop\ntype: headrace.github.CancelRun\nconnection: releases\nrepository: acme/app\nrunId: \"{{ outputs.start.runId }}\"\n"};
}

}  // namespace

std::vector<TaskType> RequestTasks(const SharedHub& hub) {
  std::vector<TaskType> types;
  types.push_back(MakeGithubType(RequestSpec(), RunRequest, hub));
  types.push_back(MakeGithubType(CancelRunSpec(), RunCancelRun, hub));
  return types;
}

}  // namespace headrace::worker::github
