#include "worker/files/glob.h"

#include <algorithm>
#include <cctype>

namespace headrace::worker {
namespace {

constexpr std::size_t kAlternativesMax = 256;

// {a,b} multiplied out, innermost last; an unclosed brace stands for itself.
void Expand(std::string_view pattern, std::vector<std::string>& out) {
  const std::size_t open = pattern.find('{');
  const std::size_t close = open == std::string_view::npos ? open : pattern.find('}', open);
  if (close == std::string_view::npos || out.size() >= kAlternativesMax) {
    out.emplace_back(pattern);
    return;
  }
  for (std::size_t from = open + 1; from <= close;) {
    const std::size_t to = std::min(pattern.find(',', from), close);
    Expand(std::string(pattern.substr(0, open)) + std::string(pattern.substr(from, to - from)) +
               std::string(pattern.substr(close + 1)),
           out);
    from = to + 1;
  }
}

// The length of a [class] at the front of `pattern`, or 0 when it is not closed.
std::size_t MatchClass(std::string_view pattern, char c, bool& matched) {
  const std::size_t close = pattern.find(']', 2);
  if (close == std::string_view::npos) return 0;
  std::string_view set = pattern.substr(1, close - 1);
  const bool negated = set.front() == '!';
  if (negated) set.remove_prefix(1);
  bool found = false;
  for (std::size_t i = 0; i < set.size(); ++i) {
    if (i + 2 < set.size() && set[i + 1] == '-') {
      found = found || (set[i] <= c && c <= set[i + 2]);
      i += 2;
    } else {
      found = found || set[i] == c;
    }
  }
  matched = found != negated && c != '/';
  return close + 1;
}

// One pattern character against `c`: how much of the pattern it takes, 0 for no match.
std::size_t MatchOne(std::string_view pattern, char c) {
  if (pattern.front() == '?') return c != '/' ? 1 : 0;
  if (pattern.front() == '[') {
    bool matched = false;
    if (const std::size_t length = MatchClass(pattern, c, matched); length > 0) return matched ? length : 0;
  }
  if (pattern.front() == '\\' && pattern.size() > 1) return pattern[1] == c ? 2 : 0;
  return pattern.front() == c ? 1 : 0;
}

// Backtracks to the last `*` and the last `**` only, so the cost is bounded by pattern times name squared.
bool MatchesOne(std::string_view pattern, std::string_view name) {
  struct Retry {
    std::size_t pattern = std::string_view::npos;
    std::size_t name = 0;
  };
  Retry star;
  Retry deep;
  std::size_t p = 0;
  std::size_t n = 0;
  while (n < name.size() || p < pattern.size()) {
    if (pattern.substr(p).starts_with("**")) {
      p += 2;
      star = {};
      deep = {p, n};
      // "**/" stands for no folder too.
      if (p < pattern.size() && pattern[p] == '/' && (n == 0 || name[n - 1] == '/')) ++p;
      continue;
    }
    if (p < pattern.size() && pattern[p] == '*') {
      star = {++p, n};
      continue;
    }
    const std::size_t step = p < pattern.size() && n < name.size() ? MatchOne(pattern.substr(p), name[n]) : 0;
    if (step > 0) {
      p += step;
      ++n;
    } else if (star.pattern != std::string_view::npos && star.name < name.size() && name[star.name] != '/') {
      p = star.pattern;
      n = ++star.name;
    } else if (deep.pattern != std::string_view::npos && deep.name < name.size()) {
      star = {};
      p = deep.pattern;
      n = ++deep.name;
      if (p < pattern.size() && pattern[p] == '/' && name[n - 1] == '/') ++p;
    } else {
      return false;
    }
  }
  return true;
}

}  // namespace

Glob::Glob(std::string_view pattern) : literal_(pattern.find_first_of("*?[{") == std::string_view::npos) {
  if (literal_) alternatives_.emplace_back(pattern);
  else Expand(pattern, alternatives_);
}

bool Glob::Matches(std::string_view name) const {
  return std::any_of(alternatives_.begin(), alternatives_.end(), [&](const std::string& pattern) {
    return literal_ ? pattern == name : MatchesOne(pattern, name);
  });
}

Glob PathGlob(std::string_view pattern) {
  if (pattern.starts_with("glob:")) pattern.remove_prefix(5);
  if (pattern.starts_with('/')) return Glob(pattern.substr(1));
  const bool word = !pattern.empty() && (std::isalnum(static_cast<unsigned char>(pattern.front())) || pattern.front() == '_');
  return Glob(word ? "**/" + std::string(pattern) : std::string(pattern));
}

}  // namespace headrace::worker
