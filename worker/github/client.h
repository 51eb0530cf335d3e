// Requests to one GitHub, within the budget that all workers share.
// Shapes: paths stand below the endpoint; a full URL (of a Link or a redirect) is asked only at the endpoint's own host, which
//   alone is given the token.
// Errors: UNAVAILABLE is weather: nothing was done, ask again at due(). ABORTED: a write was sent and no answer came, so it
//   may have had its effect. Any other error is this side's fault. What GitHub says of the thing asked for is an Answer.
// Threads: one owner; blocks for one request, never for a limit. Source: GITHUB 3.2, 5(c).
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "worker/engine_door.h"
#include "worker/github/budget.h"
#include "worker/github/connection.h"
#include "worker/github/hub.h"
#include "worker/task_runner.h"

namespace headrace::worker::github {

struct Ask {
  std::string method = "GET";
  std::string path;               // "/repos/o/r/…", or a full URL
  Value body{};                   // null: none
  std::string resource = "core";
  std::string if_none_match{};    // sent as it is; a 304 is the answer then
  bool cached = false;            // of a GET: a 304 is answered with what is kept of it, and costs nothing
  std::string accept = "application/vnd.github+json";
  bool redirects = true;          // false: the answer is the redirect itself
  std::string version{};          // of the API, where a newer one leaves out what is wanted; empty: the connection's
};

struct Answer {
  int code = 0;
  Value body{};         // null when there is none, or it is no JSON
  std::string text{};   // the body as it came
  std::string etag{};
  std::string next{};   // of a page: the URL of the next one
  std::string location{};  // where a redirect leads to that was not followed
  std::string request_id{};
  std::string message{};  // GitHub's words about a refusal
  bool charged = false;   // it cost something of the quota

  bool ok() const { return code >= 200 && code < 300; }
};

class Client {
 public:
  // All outlive it.
  Client(TaskContext& context, EngineDoor& door, Hub& hub, const Connection& connection)
      : context_(context), door_(door), hub_(hub), connection_(connection) {}

  Result<Answer> Send(const Ask& ask);
  // Waits for everything that Send would wait for; the next Send goes at once. For writes that are recorded before they go.
  Status Reserve(const Ask& ask);
  Result<Answer> Get(std::string path) { return Send({.path = std::move(path), .cached = true}); }
  Result<Answer> Post(std::string path, Value body) { return Send({.method = "POST", .path = std::move(path), .body = std::move(body)}); }
  // All pages, the lists below `list` put together ("" when the page itself is the list); at most `most` elements.
  // An answer that is not ok ends it and is returned as it is.
  Result<Answer> GetAll(std::string path, std::string_view list, std::size_t most = 1000);

  // When to ask again after UNAVAILABLE.
  Timestamp due() const { return due_; }
  // The turn of a write that had to wait: kept in the task's memo between looks.
  std::optional<Timestamp> turn() const { return turn_; }
  void SetTurn(std::optional<Timestamp> turn) { turn_ = turn; }
  // How many requests were charged.
  int cost() const { return cost_; }
  // See budget.h.
  Result<Duration> Spacing();
  // Tells tokens apart in records, as answers belong to one.
  Result<std::string> Fingerprint();
  // A new token of the connection's App. REQUIRES: it has one.
  Result<InstallationToken> Mint() { return MintToken(); }
  const Connection& connection() const { return connection_; }

 private:
  Result<std::string> Token();
  Result<InstallationToken> MintToken();
  Status Enter(const Ask& ask);
  void Note(const Ask& ask, const HttpAnswer& answer, Timestamp sent);
  tl::unexpected<Error> Weather(Timestamp due, std::string why);
  Result<HttpAnswer> Exchange(const Ask& ask, const std::string& url, const std::string& login, const std::string& if_none_match);
  Result<HttpAnswer> ExchangeOnce(const Ask& ask, const std::string& url, const std::string& login, const std::string& if_none_match);
  Result<HttpAnswer> Follow(const Ask& ask, const std::string& login, const std::string& if_none_match);
  Result<Answer> Judge(const Ask& ask, HttpAnswer answer, Timestamp sent);
  std::string BudgetKey() const { return "gh/" + connection_.name + "/budget"; }
  std::string Version() const;
  Timestamp Now() const { return context_.services().clock.Now(); }

  TaskContext& context_;
  EngineDoor& door_;
  Hub& hub_;
  const Connection& connection_;
  Timestamp due_{};
  std::optional<Timestamp> turn_{};
  bool reserved_ = false;
  int cost_ = 0;
};

// "Not Found" of an answer, as the message of a task: "GitHub answered 404 to GET /repos/…: Not Found".
std::string Refusal(const Ask& ask, const Answer& answer);
// The URL of rel="next"; empty when there is none.
std::string NextLink(std::string_view link);

}  // namespace headrace::worker::github
