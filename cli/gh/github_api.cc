#include "cli/gh/github_api.h"

#include <algorithm>
#include <utility>

#include "common/base/clock.h"
#include "worker/github/rerun.h"
#include "worker/github/weather.h"
#include "worker/http/request_plan.h"

namespace headrace::cli {
namespace {

using worker::github::Meaning;
using worker::github::RunSnapshot;

constexpr std::uint64_t kBodyMax = 32 * 1024 * 1024;
constexpr Duration kPatience = std::chrono::seconds(30);
constexpr Duration kShortest = std::chrono::seconds(5);
constexpr Duration kSecondary = std::chrono::seconds(60);

}  // namespace

GithubApi::GithubApi(GithubTarget target) : target_(std::move(target)) {}

Duration GithubApi::PauseAfter(const worker::HttpAnswer& answer) const {
  if (const auto after = worker::github::RetryAfterOf(answer)) return std::max(*after, kShortest);
  const auto quota = worker::github::QuotaOf(answer);
  if (worker::github::MeaningOf(answer) == Meaning::kPrimary && quota) {
    const Timestamp reset = FromMicros(quota->reset_s * 1'000'000);
    return std::max<Duration>(reset - SystemClock().Now() + std::chrono::seconds(1), kShortest);
  }
  return worker::github::MeaningOf(answer) == Meaning::kTrouble ? kShortest : kSecondary;
}

Result<worker::HttpAnswer> GithubApi::Send(const std::string& method, const std::string& path, const std::string& etag) {
  worker::HttpRequest request{.method = method, .uri = target_.endpoint + path};
  request.headers = {{"Accept", "application/vnd.github+json"}, {"User-Agent", "headrace"}, {"X-GitHub-Api-Version", "2022-11-28"}};
  if (!etag.empty()) request.headers.emplace_back("If-None-Match", etag);
  request.bearer = target_.token;
  request.timeout = kPatience;
  request.allow_failed = true;
  request.allow = {"0.0.0.0/0", "::/0"};  // the endpoint is the caller's own word
  auto answer = worker::CallHttp(request, cancel_, kBodyMax);
  if (!answer) {
    pause_ = kShortest;
    if (answer.error().code == Code::kCancelled) return Fail(std::move(answer.error()));
    return Fail(Code::kUnavailable, answer.error().message);
  }
  if (answer->code != 304) ++charged_;
  if (worker::github::MeaningOf(*answer) != Meaning::kWord) {
    pause_ = PauseAfter(*answer);
    return Fail(Code::kUnavailable, "GitHub answers " + std::to_string(answer->code) + ": " + worker::github::MessageOf(*answer));
  }
  if (answer->code == 401) {
    return Fail(Code::kPermissionDenied, "GitHub refuses the token: " + worker::github::MessageOf(*answer) + "; set GITHUB_TOKEN to one that may read Actions");
  }
  return answer;
}

Result<std::optional<GithubApi::Runs>> GithubApi::List(const std::string& branch) {
  const std::string path = "/repos/" + target_.repository + "/actions/workflows/" + worker::PercentEncode(target_.workflow) + "/runs?" +
                           (branch.empty() ? "per_page=100" : "per_page=1&branch=" + worker::PercentEncode(branch)) + "&exclude_pull_requests=true";
  ASSIGN_OR_RETURN(const worker::HttpAnswer answer, Send("GET", path, etags_[path]));
  if (answer.code == 304) return std::optional<Runs>();
  if (answer.code == 404) {
    return NotFound("GitHub knows no workflow " + target_.workflow + " in " + target_.repository + ", or the token may not see it: " +
                    worker::github::MessageOf(answer));
  }
  if (answer.code != 200) return Fail(Code::kFailedPrecondition, "GitHub answers " + std::to_string(answer.code) + ": " + worker::github::MessageOf(answer));
  auto body = ParseJson(answer.body);
  const Value* list = body ? Member(*body, "workflow_runs") : nullptr;
  if (list == nullptr || !list->is_array()) {
    pause_ = kShortest;
    return Fail(Code::kUnavailable, "GitHub's answer is no list of runs");
  }
  etags_[path] = std::string(answer.Header("etag"));
  Runs runs;
  for (const Value& item : list->get_array()) {
    if (auto run = worker::github::ReadRun(item, "poll")) runs.push_back(std::move(*run));
  }
  return std::optional(std::move(runs));
}

Result<std::vector<std::string>> GithubApi::FailedJobs(const RunSnapshot& run) {
  const std::string path = "/repos/" + target_.repository + "/actions/runs/" + std::to_string(run.id) + "/attempts/" +
                           std::to_string(run.attempt) + "/jobs?per_page=100";
  ASSIGN_OR_RETURN(const worker::HttpAnswer answer, Send("GET", path, {}));
  const auto body = ParseJson(answer.body);
  return body ? worker::github::FailedNames(worker::github::ReadJobs(*body)) : std::vector<std::string>();
}

Result<bool> GithubApi::RerunFailed(worker::github::RunId run) {
  const std::string path = "/repos/" + target_.repository + "/actions/runs/" + std::to_string(run) + "/rerun-failed-jobs";
  ASSIGN_OR_RETURN(const worker::HttpAnswer answer, Send("POST", path, {}));
  if (answer.code == 201) return true;
  const std::string message = worker::github::MessageOf(answer);
  // Somebody else was faster.
  if (answer.code == 403 && message.find("already running") != std::string::npos) return true;
  return Fail(Code::kFailedPrecondition, "GitHub does not run it again (" + std::to_string(answer.code) + "): " + message);
}

}  // namespace headrace::cli
