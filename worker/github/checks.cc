#include "worker/github/checks.h"

#include <algorithm>

#include "common/base/hash.h"
#include "worker/github/shared_state.h"

namespace headrace::worker::github {
namespace {

using model::PropertyKind;

bool Holds(const std::vector<std::string>& names, const std::string& name) { return std::find(names.begin(), names.end(), name) != names.end(); }

Status SeeRuns(Look& look, const std::string& commit, std::vector<CheckSeen>& to) {
  ASSIGN_OR_RETURN(const Array runs, ReadList(look, commit + "/check-runs?filter=latest&per_page=100", "check_runs"));
  for (const Value& run : runs) {
    const bool ended = TextAt(run, "status") == "completed";
    to.push_back({.name = TextAt(run, "name"), .kind = "check", .ended = ended,
                  .conclusion = TextAt(run, ended ? "conclusion" : "status"), .url = TextAt(run, "html_url")});
  }
  return {};
}

Status SeeStatuses(Look& look, const std::string& commit, std::vector<CheckSeen>& to) {
  ASSIGN_OR_RETURN(const Array statuses, ReadList(look, commit + "/status?per_page=100", "statuses"));
  for (const Value& status : statuses) {
    const std::string state = TextAt(status, "state");
    to.push_back({.name = TextAt(status, "context"), .kind = "status", .ended = state != "pending", .conclusion = state,
                  .url = TextAt(status, "target_url")});
  }
  return {};
}

}  // namespace

std::string Checks::signature() const {
  std::string text;
  for (const CheckSeen& one : all) text += one.kind + " " + one.name + " " + one.conclusion + "\n";
  return Sha256Hex(text).substr(0, 16);
}

Array Checks::ToOutput() const {
  Array rows;
  for (const CheckSeen& one : all)
    rows.push_back(Object{{"name", one.name}, {"kind", one.kind}, {"ended", one.ended}, {"conclusion", one.conclusion}, {"url", TextOrNull(one.url)}});
  return rows;
}

Checks Judge(std::vector<CheckSeen> seen, const CheckRule& rule) {
  Checks checks;
  std::set<std::string> there;
  for (CheckSeen& one : seen) {
    if (Holds(rule.ignore, one.name) || (!rule.names.empty() && !Holds(rule.names, one.name))) continue;
    there.insert(one.name);
    if (!one.ended) checks.pending.push_back(one.name);
    else if (!Holds(rule.success, one.conclusion)) checks.red.push_back(one.name + " (" + one.conclusion + ")");
    checks.all.push_back(std::move(one));
  }
  for (const std::string& name : rule.names)
    if (!there.contains(name)) checks.missing.push_back(name);
  return checks;
}

Result<Checks> See(Look& look, const Repository& repository, const std::string& ref, const CheckRule& rule) {
  const std::string commit = repository.path() + "/commits/" + Part(ref);
  std::vector<CheckSeen> seen;
  RETURN_IF_ERROR(SeeRuns(look, commit, seen));
  RETURN_IF_ERROR(SeeStatuses(look, commit, seen));
  return Judge(std::move(seen), rule);
}

Result<CheckRule> ReadCheckRule(TaskContext& context) {
  CheckRule rule;
  ASSIGN_OR_RETURN(rule.names, context.Texts("checks"));
  ASSIGN_OR_RETURN(rule.ignore, context.Texts("ignore"));
  ASSIGN_OR_RETURN(const auto success, context.Texts("success"));
  if (!success.empty()) rule.success = success;
  return rule;
}

std::vector<model::PropertySpec> CheckRuleProperties() {
  return {{.name = "checks", .kind = PropertyKind::kList, .doc = "Names that must be there and green; then the others do not count. Whatever is there unless told."},
          {.name = "ignore", .kind = PropertyKind::kList, .doc = "Names that do not count."},
          {.name = "success", .kind = PropertyKind::kList, .doc = "Conclusions that are green: success, neutral and skipped unless told."}};
}

}  // namespace headrace::worker::github
