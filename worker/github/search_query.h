// GitHub's search language, made of a task's properties: words, then qualifiers such as repo:acme/app.
// Shapes: one row a property; values with spaces are quoted, lists become one qualifier each.
// Threads: pure. Source: GITHUB 2.1.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "worker/github/look.h"

namespace headrace::worker::github {

enum class TermKind {
  kText,  // qualifier:value
  kFlag,  // the qualifier as it stands, when true
  kBool,  // qualifier:true or qualifier:false
};

struct SearchTerm {
  const char* property;
  const char* qualifier;
  TermKind kind = TermKind::kText;
  const char* doc;
};

struct SearchKind {
  const char* type;      // Kestra's name
  const char* path;      // "/search/issues"
  const char* resource;  // of the quota
  const char* doc;
  const char* fixed;     // what every query has
  std::vector<SearchTerm> terms;
  std::vector<std::string> sorts;
  const char* example;
};
const std::vector<SearchKind>& SearchKinds();

// `value` as the qualifier's; "a b" is quoted.
std::string Qualified(std::string_view qualifier, std::string_view value);

}  // namespace headrace::worker::github
