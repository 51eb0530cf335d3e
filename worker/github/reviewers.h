// Whom a pull request asks for a review: logins, and teams as team:slug.
// Threads: pure. Source: GITHUB 2.1 (Kestra's pulls.Create).
#pragma once

#include <string>
#include <vector>

#include "common/model/value.h"

namespace headrace::worker::github {

// The body of a request for reviews, without those that `pull` has asked already; empty when none is left.
Object ReviewersOf(const std::vector<std::string>& reviewers, const Value& pull);
// The texts at `key` in the list `list` of `from`.
std::vector<std::string> NamesIn(const Value& from, std::string_view list, std::string_view key);
Array Without(const std::vector<std::string>& wanted, const std::vector<std::string>& there);

}  // namespace headrace::worker::github
