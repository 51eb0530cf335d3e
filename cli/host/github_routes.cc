#include "cli/host/github_routes.h"

#include "api/http/problem.h"
#include "common/base/clock.h"
#include "worker/github/budget_report.h"
#include "worker/github/flakes.h"

namespace headrace::cli {
namespace {

using api::http::HttpRequest;
using api::http::HttpResponse;
using worker::EngineDoor;
using Answer = std::function<Result<Object>(EngineDoor&, const HttpRequest&)>;

std::string Parameter(const HttpRequest& request, const char* name) {
  const auto found = request.target.parameters.find(name);
  return found == request.target.parameters.end() || found->second.empty() ? "" : found->second.back();
}

Result<Object> Flakes(EngineDoor& engine, const HttpRequest& request) {
  for (const auto& [name, unused] : request.target.parameters) {
    if (name != "repo" && name != "workflow" && name != "window") return InvalidArgument("there is no parameter " + name + ": repo, workflow and window are");
  }
  const std::string window = Parameter(request, "window");
  ASSIGN_OR_RETURN(worker::github::FlakeQuery query, worker::github::ParseFlakeQuery(Parameter(request, "repo"), Parameter(request, "workflow"), window));
  ASSIGN_OR_RETURN(const auto jobs, worker::github::ReadFlakes(engine, query, SystemClock().Now()));
  Array list;
  for (const worker::github::FlakyJob& job : jobs) list.push_back(job.ToObject());
  return Object{{"window", FormatDuration(query.window)}, {"jobs", std::move(list)}};
}

Result<Object> Budget(EngineDoor& engine, const HttpRequest& request) {
  return worker::github::ReadBudget(engine, request.captures.at("name"), SystemClock().Now());
}

api::http::Handler HandlerOf(std::shared_ptr<EngineDoor> engine, Answer answer) {
  return [engine = std::move(engine), answer = std::move(answer)](std::shared_ptr<const HttpRequest> request, const api::http::Reply& reply) {
    Result<Object> found = answer(*engine, *request);
    if (!found) return reply(api::http::Problem(found.error(), request->id));
    reply({.body = ToJson(Value(std::move(*found)))});
  };
}

}  // namespace

void AddGithubRoutes(api::http::Router& router, const std::shared_ptr<EngineDoor>& engine) {
  for (const std::string prefix : {"/api/v1", "/api/v1/{tenant:id}"}) {
    router.Add("GET", prefix + "/github/flakes", api::http::Role::kViewer, HandlerOf(engine, Flakes), {.in_flight_max = 8});
    router.Add("GET", prefix + "/connections/{name:id}/budget", api::http::Role::kViewer, HandlerOf(engine, Budget), {.in_flight_max = 8});
  }
}

}  // namespace headrace::cli
