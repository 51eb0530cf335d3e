// The base of GitHub's tasks: one look of a task at GitHub, from its connection to its outcome.
// Place: a task is a function of a Look. It asks with client(), leaves what it knows in memo(), and answers with an outcome:
//   TaskOutcome::Success, TaskOutcome::Failed, or Again() when it has to wait. Weather needs no care: return the client's
//   error, and the task is looked at again when the weather is over, with the memo as it stands then.
// Errors: an Error of the function fails the task with its text, but for UNAVAILABLE, which is weather.
// Threads: the task's. Source: GITHUB 5.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "worker/github/client.h"
#include "worker/github/hub.h"
#include "worker/registry.h"

namespace headrace::worker::github {

struct Repository {
  std::string owner;
  std::string name;
  std::string full() const { return owner + "/" + name; }
  std::string path() const { return "/repos/" + owner + "/" + name; }
};

class Look {
 public:
  // Reads connection, oauthToken, jwtToken, appInstallationToken and endpoint of the task.
  static Result<std::unique_ptr<Look>> Open(TaskContext& context, Hub& hub);

  TaskContext& context() { return context_; }
  const TaskContext& context() const { return context_; }
  EngineDoor& door() { return door_; }
  Client& client() { return *client_; }
  // What this task knows between its looks; no secrets.
  Object& memo() { return memo_; }
  // Of the GitHub that it asks.
  const std::string& endpoint() const { return connection_.endpoint; }
  Timestamp now() const { return context_.services().clock.Now(); }

  // The property `repository`: "owner/name".
  Result<Repository> ReadRepository();
  // The keys of shared records: "gh/CONNECTION/owner/name/REST".
  std::string Key(const Repository& repository, std::string_view rest) const;

  // Look again after `after`; `topic` and `keys` as in LookAgain.
  TaskOutcome Again(Duration after, Duration interval = {}, std::string topic = {}, std::vector<std::string> keys = {}, Duration at_latest = {});
  // The weather's outcome: looked at again when it is over, and said in the log now and then.
  TaskOutcome Wait(const Error& weather);
  // From now on weather, too, leaves the task where news of these keys wake it.
  void StayWith(std::string topic, std::vector<std::string> keys);
  // What this task's requests cost of GitHub's quota, all looks together.
  std::int64_t cost() const;

 private:
  Look(TaskContext& context, EngineDoor& door, Hub& hub, Connection connection);
  void KeepMemo();

  TaskContext& context_;
  EngineDoor& door_;
  const Connection connection_;
  std::unique_ptr<Client> client_;
  Object memo_{};
  std::string topic_{};
  std::vector<std::string> keys_{};
};

using LookFunction = Result<TaskOutcome> (*)(Look&);
TaskType MakeGithubType(model::TaskTypeSpec spec, LookFunction function, std::shared_ptr<Hub> hub);
// Adds what all of these tasks have: connection, oauthToken, jwtToken, appInstallationToken, endpoint.
std::vector<model::PropertySpec> WithConnection(std::vector<model::PropertySpec> properties);

// The interval as it is used: at least a second.
Result<Duration> ReadInterval(TaskContext& context, std::string_view property, Duration fallback);
// A path's part: "v1.0 x" to "v1.0%20x", slashes too.
std::string Part(std::string_view text);

}  // namespace headrace::worker::github
