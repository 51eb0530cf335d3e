#include "worker/github/client.h"

#include <algorithm>

#include "common/base/hash.h"
#include "common/base/text.h"
#include "worker/github/app_jwt.h"
#include "worker/github/shared_state.h"

namespace headrace::worker::github {
namespace {

using std::chrono::seconds;

constexpr std::uint64_t kBodyMax = 32ULL * 1024 * 1024;
// An hour's quota of such answers still leaves room for the records of others.
constexpr std::size_t kSharedBodyMax = 32 * 1024;
constexpr int kRedirectsMax = 5;
// After an outage the next look is soon; weather that lasts is looked at as often as this.
constexpr Duration kTroubleWait = seconds(10);
constexpr Duration kBusyWait = seconds(1);

bool IsWrite(const Ask& ask) { return ask.method != "GET" && ask.method != "HEAD"; }

}  // namespace

std::string NextLink(std::string_view link) {
  while (!link.empty()) {
    const std::size_t open = link.find('<');
    const std::size_t close = link.find('>');
    if (open == std::string_view::npos || close == std::string_view::npos || close < open) return {};
    const std::string_view url = link.substr(open + 1, close - open - 1);
    const std::size_t end = std::min(link.find('<', close), link.size());
    if (link.substr(close, end - close).find("rel=\"next\"") != std::string_view::npos) return std::string(url);
    link.remove_prefix(end);
  }
  return {};
}

std::string Refusal(const Ask& ask, const Answer& answer) {
  std::string text = "GitHub answered " + std::to_string(answer.code) + " to " + ask.method + " " + ask.path + ": " + answer.message;
  if (answer.code == 401) text += ". The token is wrong or has expired";
  if (answer.code == 403) text += ". The token lacks a permission for it";
  if (answer.code == 404) text += ". It does not exist, or the token may not see it";
  return answer.request_id.empty() ? text : text + " (request " + answer.request_id + ")";
}

tl::unexpected<Error> Client::Weather(Timestamp due, std::string why) {
  due_ = std::max(due, Now() + std::chrono::milliseconds(200));
  return Fail(Code::kUnavailable, std::move(why));
}

std::string Client::Version() const {
  if (connection_.api_version != "auto") return connection_.api_version;
  return std::string(hub_.SpeaksOld(connection_.endpoint) ? kOldVersion : kNewVersion);
}

Result<Duration> Client::Spacing() {
  ASSIGN_OR_RETURN(const Board board, ReadBoard(door_, {BudgetKey()}));
  return github::Spacing(board.records.at(BudgetKey()), "core", Now());
}

Result<std::string> Client::Fingerprint() {
  ASSIGN_OR_RETURN(const std::string token, Token());
  return FingerprintOf(token);
}

// ---- Who asks ----

Result<std::string> Client::Token() {
  if (connection_.app.client_id.empty()) return connection_.token;
  const std::string installation = connection_.endpoint + " " + connection_.app.client_id + " " + connection_.app.installation_id;
  ASSIGN_OR_RETURN(std::string token, hub_.TokenOf(installation, Now(), [this] { return MintToken(); }));
  context_.masker().Register(token);
  return token;
}

Result<InstallationToken> Client::MintToken() {
  ASSIGN_OR_RETURN(const std::string jwt, MakeAppJwt(connection_.app, Now()));
  context_.masker().Register(jwt);
  const Ask ask{.method = "POST", .path = "/app/installations/" + connection_.app.installation_id + "/access_tokens", .body = Object()};
  auto exchanged = Exchange(ask, connection_.endpoint + ask.path, jwt, "");
  if (!exchanged && exchanged.error().code == Code::kAborted) return Weather(Now() + kTroubleWait, exchanged.error().message);
  if (!exchanged) return Fail(std::move(exchanged.error()));
  auto judged = Judge(ask, std::move(*exchanged), Now());
  if (!judged && judged.error().code == Code::kAborted) return Weather(Now() + kTroubleWait, judged.error().message);
  ASSIGN_OR_RETURN(const Answer answer, std::move(judged));
  if (!answer.ok()) return Fail(Code::kUnauthenticated, "the App gets no token: " + Refusal(ask, answer));
  const std::string token = TextAt(answer.body, "token");
  if (token.empty()) return Fail(Code::kUnauthenticated, "the App gets no token: GitHub's answer holds none");
  ASSIGN_OR_RETURN(const Timestamp expires, ParseInstant(TextAt(answer.body, "expires_at")));
  return InstallationToken{token, expires};
}

// ---- The budget ----

Status Client::Enter(const Ask& ask) {
  const Timestamp now = Now();
  Admission admission;
  RETURN_IF_ERROR(ChangeBoard(door_, {BudgetKey()}, [&](Board& board) -> Status {
    admission = Admit(board.at(BudgetKey()), connection_.allowance,
                      {.resource = ask.resource, .writes = IsWrite(ask), .turn = turn_}, now);
    return {};
  }));
  if (IsWrite(ask)) turn_ = admission.turn;
  if (admission.go) return {};
  // All that wait for the same moment need not come at once.
  const Duration jitter = Duration(static_cast<std::int64_t>(
      StableHash(context_.order().key.execution.str(), context_.order().key.fence.delivery) % 1'000'000));
  return Weather(admission.due + (admission.turn ? Duration(0) : jitter), admission.why);
}

// A note that cannot be made costs a little precision, not the answer.
void Client::Note(const Ask& ask, const HttpAnswer& answer, Timestamp sent) {
  const Timestamp now = Now();
  static_cast<void>(ChangeBoard(door_, {BudgetKey()}, [&](Board& board) -> Status {
    NoteAnswer(board.at(BudgetKey()), ask.resource, answer, sent, now);
    return {};
  }));
}

// ---- One request ----

// An older server refuses a version that it does not know before it does anything.
Result<HttpAnswer> Client::Exchange(const Ask& ask, const std::string& url, const std::string& login,
                                    const std::string& if_none_match) {
  auto answer = ExchangeOnce(ask, url, login, if_none_match);
  const bool refused = answer && answer->code == 400 && connection_.api_version == "auto" && Version() != kOldVersion &&
                       MessageOf(*answer).find("version") != std::string::npos;
  if (!refused) return answer;
  hub_.NoteOld(connection_.endpoint);
  return ExchangeOnce(ask, url, login, if_none_match);
}

Result<HttpAnswer> Client::ExchangeOnce(const Ask& ask, const std::string& url, const std::string& login,
                                        const std::string& if_none_match) {
  HttpRequest request{.method = ask.method, .uri = url, .follow_redirects = false, .idle_timeout = seconds(30),
                      .timeout = seconds(60), .allow = context_.services().options.http_allow, .allow_failed = true};
  request.headers = {{"Accept", ask.accept}, {"X-GitHub-Api-Version", ask.version.empty() ? Version() : ask.version}};
  if (!login.empty()) request.headers.emplace_back("Authorization", "Bearer " + login);
  if (!if_none_match.empty()) request.headers.emplace_back("If-None-Match", if_none_match);
  if (!ask.body.is_null()) {
    request.body = ToJson(ask.body);
    request.headers.emplace_back("Content-Type", "application/json");
  }
  auto answer = CallHttp(request, context_.cancel(), kBodyMax);
  if (answer || answer.error().code == Code::kAborted) {
    if (!answer && !IsWrite(ask)) return Weather(Now() + kTroubleWait, answer.error().message);
    return answer;
  }
  if (answer.error().code == Code::kUnavailable) return Weather(Now() + kTroubleWait, answer.error().message);
  return answer;
}

// The token goes to the endpoint's host only; a repository that was renamed answers with a redirect to itself.
Result<HttpAnswer> Client::Follow(const Ask& ask, const std::string& login, const std::string& if_none_match) {
  std::string url = ask.path.find("://") == std::string::npos ? connection_.endpoint + ask.path : ask.path;
  for (int turns = 0; turns <= kRedirectsMax; ++turns) {
    if (OriginOf(url) != OriginOf(connection_.endpoint))
      return Fail(Code::kPermissionDenied, "GitHub points to " + OriginOf(url) + ", which is not the connection's host " +
                                               OriginOf(connection_.endpoint) + ": the token is not sent there");
    ASSIGN_OR_RETURN(HttpAnswer answer, Exchange(ask, url, login, if_none_match));
    const bool moved = answer.code == 307 || answer.code == 308 || (!IsWrite(ask) && (answer.code == 301 || answer.code == 302));
    if (!ask.redirects || !moved || answer.Header("location").empty()) return answer;
    const std::string to(answer.Header("location"));
    url = to.starts_with('/') ? OriginOf(url) + to : to;
  }
  return Fail(Code::kFailedPrecondition, "GitHub redirects " + ask.method + " " + ask.path + " again and again");
}

Result<Answer> Client::Judge(const Ask& ask, HttpAnswer from, Timestamp sent) {
  Note(ask, from, sent);
  const Meaning meaning = MeaningOf(from);
  Answer answer{.code = from.code, .etag = std::string(from.Header("etag")), .next = NextLink(from.Header("link")),
                .request_id = std::string(from.Header("x-github-request-id"))};
  if (from.code >= 300 && from.code < 304) answer.location = std::string(from.Header("location"));
  answer.charged = from.code != 304;
  if (answer.charged) ++cost_;
  const std::string id = answer.request_id.empty() ? "" : " (request " + answer.request_id + ")";
  if (meaning == Meaning::kPrimary || meaning == Meaning::kSecondary) {
    // The pause is noted, so asking for admission tells until when it is.
    ASSIGN_OR_RETURN(const Board board, ReadBoard(door_, {BudgetKey()}));
    const std::string name = meaning == Meaning::kPrimary ? ask.resource : "all";
    const Value* pause = AtPath(board.records.at(BudgetKey()), "pause." + name);
    const Timestamp until = pause == nullptr ? Now() + seconds(60) : TimeAt(*pause, "until");
    return Weather(until, MessageOf(from) + id);
  }
  if (meaning == Meaning::kTrouble) {
    const std::string why = "GitHub answered " + std::to_string(from.code) + " to " + ask.method + " " + ask.path + id;
    if (IsWrite(ask)) return Fail(Code::kAborted, why);
    const auto told = RetryAfterOf(from);
    return Weather(Now() + std::max<Duration>(told.value_or(kTroubleWait), seconds(1)), why);
  }
  if (!answer.ok()) answer.message = MessageOf(from);
  if (!from.body.empty()) {
    auto body = ParseJson(from.body);
    const bool promised = from.Header("content-type").find("json") != std::string_view::npos;
    if (!body && answer.ok() && (promised || ask.accept.find("json") != std::string::npos)) {
      const std::string why = "GitHub's answer to " + ask.method + " " + ask.path + " is no JSON" + id;
      if (IsWrite(ask)) return Fail(Code::kAborted, why);
      return Weather(Now() + kTroubleWait, why);
    }
    if (body) answer.body = std::move(*body);
  }
  answer.text = std::move(from.body);
  return answer;
}

Status Client::Reserve(const Ask& ask) {
  ASSIGN_OR_RETURN(const std::string token, Token());
  RETURN_IF_ERROR(Enter(ask));
  reserved_ = true;
  return {};
}

Result<Answer> Client::Send(const Ask& ask) {
  const std::shared_ptr<void> place = hub_.Enter(connection_.name, connection_.concurrent_max);
  if (place == nullptr) return Weather(Now() + kBusyWait, "all places for requests of this worker are taken");
  ASSIGN_OR_RETURN(const std::string token, Token());
  if (!std::exchange(reserved_, false)) RETURN_IF_ERROR(Enter(ask));
  const std::string key = "gh/" + connection_.name + "/answer/" + Sha256Hex(FingerprintOf(token) + " " + ask.accept + " " + ask.path).substr(0, 32);
  std::optional<KeptAnswer> kept;
  if (ask.cached) {
    kept = hub_.FindAnswer(key);
    if (!kept) {
      ASSIGN_OR_RETURN(const Board board, ReadBoard(door_, {key}));
      const Value& record = board.records.at(key);
      if (!record.is_null()) kept = KeptAnswer{TextAt(record, "etag"), TextAt(record, "body"), TextAt(record, "link")};
    }
  }
  const Timestamp sent = Now();
  auto exchanged = Follow(ask, token, kept ? kept->etag : ask.if_none_match);
  if (!exchanged) return Fail(std::move(exchanged.error()));
  if (exchanged->code == 401 && !connection_.app.client_id.empty()) {
    hub_.ForgetToken(connection_.endpoint + " " + connection_.app.client_id + " " + connection_.app.installation_id, token);
  }
  const bool same = exchanged->code == 304 && kept.has_value();
  if (same) {
    Note(ask, *exchanged, sent);
    exchanged->code = 200;
    exchanged->body = kept->body;
    Answer answer{.code = 200, .text = kept->body, .etag = kept->etag, .next = NextLink(kept->link)};
    if (auto body = ParseJson(kept->body)) answer.body = std::move(*body);
    return answer;
  }
  const std::string link(exchanged->Header("link"));
  ASSIGN_OR_RETURN(Answer answer, Judge(ask, std::move(*exchanged), sent));
  if (ask.cached && answer.code == 200 && !answer.etag.empty()) {
    hub_.KeepAnswer(key, {answer.etag, answer.text, link});
    if (answer.text.size() <= kSharedBodyMax) {
      static_cast<void>(ChangeBoard(door_, {key}, [&](Board& board) -> Status {
        board.at(key) = Object{{"etag", answer.etag}, {"body", answer.text}, {"link", link}};
        board.keep = std::chrono::hours(1);
        return {};
      }));
    }
  }
  return answer;
}

Result<Answer> Client::GetAll(std::string path, std::string_view list, std::size_t most) {
  Array all;
  while (true) {
    ASSIGN_OR_RETURN(Answer answer, Get(path));
    if (!answer.ok()) return answer;
    const Value* page = list.empty() ? &answer.body : Member(answer.body, list);
    if (page != nullptr && page->is_array()) {
      for (const Value& item : page->get_array()) all.push_back(item);
    }
    if (answer.next.empty() || all.size() >= most) {
      answer.body = list.empty() ? Value(std::move(all)) : Value(Object{{list, std::move(all)}});
      return answer;
    }
    path = answer.next;
  }
}

}  // namespace headrace::worker::github
