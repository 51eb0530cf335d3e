#include "worker/github/reviewers.h"

#include <algorithm>

#include "worker/github/shared_state.h"

namespace headrace::worker::github {

std::vector<std::string> NamesIn(const Value& from, std::string_view list, std::string_view key) {
  std::vector<std::string> names;
  const Value* items = Member(from, list);
  for (const Value& item : items != nullptr && items->is_array() ? items->get_array() : Array()) names.push_back(TextAt(item, key));
  return names;
}

Array Without(const std::vector<std::string>& wanted, const std::vector<std::string>& there) {
  Array missing;
  for (const std::string& name : wanted)
    if (std::find(there.begin(), there.end(), name) == there.end()) missing.push_back(json::string(name));
  return missing;
}

Object ReviewersOf(const std::vector<std::string>& reviewers, const Value& pull) {
  std::vector<std::string> people;
  std::vector<std::string> teams;
  for (const std::string& name : reviewers) {
    if (name.starts_with("team:")) teams.push_back(name.substr(5));
    else people.push_back(name);
  }
  Object body;
  if (Array missing = Without(people, NamesIn(pull, "requested_reviewers", "login")); !missing.empty()) body["reviewers"] = std::move(missing);
  if (Array missing = Without(teams, NamesIn(pull, "requested_teams", "slug")); !missing.empty()) body["team_reviewers"] = std::move(missing);
  return body;
}

}  // namespace headrace::worker::github
