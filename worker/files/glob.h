// Names and patterns of outputFiles: `*` and `?` within a folder, `**` across folders, [a-z], {a,b}.
// Threads: values. Cost: linear in the name for each alternative of the pattern.
// Source: java.nio glob as Kestra uses it; `**/` also matches no folder at all.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace headrace::worker {

class Glob {
 public:
  explicit Glob(std::string_view pattern);
  bool Matches(std::string_view name) const;
  // No wildcard: the pattern is the name.
  bool literal() const { return literal_; }

 private:
  std::vector<std::string> alternatives_;  // without braces
  bool literal_ = true;
};

}  // namespace headrace::worker
