#include "api/http/github_hook.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <iterator>
#include <sstream>
#include <utility>

#include "api/http/hmac.h"
#include "api/http/problem.h"
#include "common/base/text.h"
#include "common/model/value.h"

namespace headrace::api::http {
namespace {

constexpr std::array<std::string_view, 11> kEvents = {
    "check_run",         "check_suite",  "create",      "deployment_protection_rule",
    "deployment_review", "pull_request", "push",        "release",
    "workflow_dispatch", "workflow_job", "workflow_run"};
constexpr std::string_view kSignaturePrefix = "sha256=";
constexpr std::size_t kAtOnceMax = 128;
constexpr std::size_t kGuidBytesMax = 128;
// GitHub gives up after ten.
constexpr std::chrono::seconds kAnswerWithin(9);

std::string HeaderOr(const HttpRequest& request, std::string_view name) {
  const std::string* value = FindHeader(request.headers, name);
  return value != nullptr ? *value : "";
}

bool IsSigned(const HttpRequest& request, const std::string& secret) {
  const std::string given = HeaderOr(request, "X-Hub-Signature-256");
  return given.starts_with(kSignaturePrefix) &&
         EqualInConstantTime(std::string_view(given).substr(kSignaturePrefix.size()),
                             HmacSha256Hex(secret, request.body));
}

HttpResponse Message(int status, const char* text) {
  return {.status = status, .body = status == 204 ? "" : ToJson(Value(Object{{"message", text}}))};
}

class Hook {
 public:
  Hook(GithubHookOptions options, Metrics& metrics) : options_(std::move(options)), metrics_(metrics) {}

  void Take(const HttpRequest& request, const Reply& reply) const {
    const std::string& connection = request.captures.at("connection");
    const auto secret = options_.secrets.find(connection);
    if (secret == options_.secrets.end()) {
      return reply(Problem(404, "there is no GitHub connection of this name with a webhook secret", request.id));
    }
    if (!IsSigned(request, secret->second)) {
      metrics_.CountGithubDelivery("bad_signature");
      spdlog::warn("github {}: a delivery with a missing or wrong signature from {}, id={}", connection, request.peer,
                   request.id);
      return reply(Problem(401, "X-Hub-Signature-256 is missing or wrong", request.id));
    }
    if (auto refused = Refusal(request)) {
      metrics_.CountGithubDelivery("refused");
      return reply(std::move(*refused));
    }
    if (auto settled = Settle(connection, request)) return reply(std::move(*settled));
    Deliver(connection, request, reply);
  }

 private:
  static std::optional<HttpResponse> Refusal(const HttpRequest& request) {
    const std::string type = HeaderOr(request, "Content-Type");
    if (!SameName(Trim(std::string_view(type).substr(0, type.find(';'))), "application/json")) {
      return Problem(415, "choose the content type application/json in the webhook's settings", request.id);
    }
    const std::string guid = HeaderOr(request, "X-GitHub-Delivery");
    if (guid.empty() || guid.size() > kGuidBytesMax || HeaderOr(request, "X-GitHub-Event").empty()) {
      return Problem(400, "X-GitHub-Event or X-GitHub-Delivery is missing", request.id);
    }
    return std::nullopt;
  }

  // What needs nobody's attention.
  std::optional<HttpResponse> Settle(const std::string& connection, const HttpRequest& request) const {
    const std::string event = HeaderOr(request, "X-GitHub-Event");
    if (event != "ping" && std::find(kEvents.begin(), kEvents.end(), event) == kEvents.end()) {
      metrics_.CountGithubDelivery("unknown_event");
      return Message(204, "");
    }
    const Result<Value> body = ParseJson(request.body);
    if (!body || !body->is_object()) {
      metrics_.CountGithubDelivery("refused");
      return Problem(400, "the body is no JSON object", request.id);
    }
    if (event == "ping") {
      metrics_.CountGithubDelivery("ignored");
      return Message(200, "pong");
    }
    const Value* job = Member(*body, "workflow_job");
    if (event == "workflow_job" && (job == nullptr || job->is_null())) {
      // Any other answer and GitHub would deliver it again and again.
      metrics_.CountGithubDelivery("ignored");
      spdlog::warn("github {}: delivery {} has workflow_job: null; it is passed over", connection,
                   HeaderOr(request, "X-GitHub-Delivery"));
      return Message(200, "workflow_job is null");
    }
    return std::nullopt;
  }

  void Deliver(const std::string& connection, const HttpRequest& request, const Reply& reply) const {
    if (options_.door == nullptr) {
      metrics_.CountGithubDelivery("unavailable");
      return reply(TryLater(503, "this server has nobody who waits for GitHub's webhooks", request.id));
    }
    GithubDelivery delivery{connection, HeaderOr(request, "X-GitHub-Event"), HeaderOr(request, "X-GitHub-Delivery"),
                            request.body, true};
    options_.door->Deliver(std::move(delivery), [reply, id = request.id, &metrics = metrics_](const Status& taken) {
      metrics.CountGithubDelivery(taken ? "accepted" : "unavailable");
      if (taken) return reply(Message(202, "accepted"));
      spdlog::warn("http {}: a delivery of GitHub was not taken: {}", id, taken.error().ToString());
      reply(TryLater(503, "the delivery cannot be taken now; deliver it again", id));
    });
  }

  const GithubHookOptions options_;
  Metrics& metrics_;
};

}  // namespace

void AddGithubHookRoute(Router& router, GithubHookOptions options, Metrics& metrics) {
  const auto hook = std::make_shared<const Hook>(std::move(options), metrics);
  router.Add(
      "POST", "/api/v1/hooks/github/{connection:id}", Role::kPublic,
      [hook](const std::shared_ptr<const HttpRequest>& request, const Reply& reply) { hook->Take(*request, reply); },
      {.body_max = kBodyMaxWebhook, .in_flight_max = kAtOnceMax, .answer_within = kAnswerWithin});
}

Result<std::map<std::string, std::string>> ParseHookSecrets(const std::string& text, const std::string& file) {
  std::map<std::string, std::string> out;
  std::istringstream lines(text);
  std::string line;
  for (int number = 1; std::getline(lines, line); ++number) {
    const std::string_view trimmed = Trim(line);
    if (trimmed.empty() || trimmed.starts_with('#')) continue;
    const std::size_t space = trimmed.find_first_of(" \t");
    const std::string place = file + ":" + std::to_string(number) + ": ";
    if (space == std::string_view::npos) return InvalidArgument(place + "a line is CONNECTION SECRET");
    const std::string connection(trimmed.substr(0, space));
    if (!out.emplace(connection, Trim(trimmed.substr(space))).second)
      return InvalidArgument(place + connection + " is there twice");
  }
  if (out.empty()) return InvalidArgument(file + " holds no webhook secret; a line is CONNECTION SECRET");
  return out;
}

Result<std::map<std::string, std::string>> ReadHookSecrets(const std::string& file) {
  std::ifstream stream(file, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
  if (!stream) return InvalidArgument("cannot read webhook secrets from " + file);
  return ParseHookSecrets(text, file);
}

}  // namespace headrace::api::http
