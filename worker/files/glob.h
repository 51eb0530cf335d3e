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

// A pattern over the files of a namespace or folder, as Kestra's PathMatcherPredicate reads it: "glob:" and a leading slash
// do not count, and one that begins with a word is found in any folder.
Glob PathGlob(std::string_view pattern);

}  // namespace headrace::worker
