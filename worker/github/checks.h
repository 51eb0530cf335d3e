// What the checks of a commit say, those of GitHub's two worlds: check runs and commit statuses.
// Shapes: the newest of each name counts; a conclusion that nobody knows is no success.
// Errors: as the client's. Threads: Judge is pure; See is the task's. Source: GITHUB 3.1, 5(g).
#pragma once

#include <set>
#include <string>
#include <vector>

#include "worker/github/write.h"

namespace headrace::worker::github {

struct CheckRule {
  std::vector<std::string> names{};   // that must be there; empty: whatever is there
  std::vector<std::string> ignore{};
  std::vector<std::string> success = {"success", "neutral", "skipped"};
};

struct CheckSeen {
  std::string name{};
  std::string kind{};        // check or status
  bool ended = false;
  std::string conclusion{};  // success, failure, …; of one that has not ended: its status
  std::string url{};
};

struct Checks {
  std::vector<CheckSeen> all{};  // that count
  std::vector<std::string> pending{};
  std::vector<std::string> red{};
  std::vector<std::string> missing{};  // of the names

  bool green() const { return !all.empty() && pending.empty() && red.empty() && missing.empty(); }
  // Another one when anything has changed.
  std::string signature() const;
  Array ToOutput() const;
};

Checks Judge(std::vector<CheckSeen> seen, const CheckRule& rule);
// `ref` is a branch, tag or commit.
Result<Checks> See(Look& look, const Repository& repository, const std::string& ref, const CheckRule& rule);

// The properties `checks`, `ignore` and `success`.
Result<CheckRule> ReadCheckRule(TaskContext& context);
std::vector<model::PropertySpec> CheckRuleProperties();

}  // namespace headrace::worker::github
