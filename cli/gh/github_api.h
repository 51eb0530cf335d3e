// The few requests to GitHub that a command makes by itself, without a server.
// Shapes: a list that has not changed since the last one comes back as nothing, and costs nothing of the quota.
// Errors: UNAVAILABLE is weather (limits, outages): `pause` of the answer says how long to leave GitHub alone; what GitHub
//   refuses is FAILED_PRECONDITION or NOT_FOUND with its words. Threads: one owner; blocks.
// Source: GITHUB 3.1, 3.2.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "worker/github/run_view.h"
#include "worker/http_client/http_client.h"

namespace headrace::cli {

struct GithubTarget {
  std::string endpoint = "https://api.github.com";
  std::string repository;  // owner/name
  std::string workflow;    // file name or id
  std::string token;
};

class GithubApi {
 public:
  explicit GithubApi(GithubTarget target);

  using Runs = std::vector<worker::github::RunSnapshot>;
  // The newest hundred of the workflow, of one branch if given; nothing when nothing has changed.
  Result<std::optional<Runs>> List(const std::string& branch = {});
  Result<std::vector<std::string>> FailedJobs(const worker::github::RunSnapshot& run);
  // The failed jobs and those that need them. True when GitHub took it, or is at it already.
  Result<bool> RerunFailed(worker::github::RunId run);

  // After an UNAVAILABLE: how long to wait.
  Duration pause() const { return pause_; }
  int charged() const { return charged_; }
  worker::CancelToken& cancel() { return cancel_; }

 private:
  Result<worker::HttpAnswer> Send(const std::string& method, const std::string& path, const std::string& etag);
  Duration PauseAfter(const worker::HttpAnswer& answer) const;

  const GithubTarget target_;
  worker::CancelToken cancel_;
  std::map<std::string, std::string> etags_;  // by path
  Duration pause_{};
  int charged_ = 0;
};

}  // namespace headrace::cli
