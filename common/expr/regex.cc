#include "common/expr/regex.h"

#include <re2/re2.h>

#include <algorithm>
#include <array>
#include <memory>
#include <mutex>
#include <unordered_map>

namespace headrace::expr {
namespace {

using Regex = std::shared_ptr<const RE2>;

// Compiled patterns that all threads share; forgotten together when they are many.
class RegexCache {
 public:
  Regex Find(const std::string& pattern) {
    const std::lock_guard lock(mutex_);
    const auto found = regexes_.find(pattern);
    return found == regexes_.end() ? nullptr : found->second;
  }
  void Insert(const std::string& pattern, const Regex& regex) {
    if (pattern.size() > kPatternMax) return;
    const std::lock_guard lock(mutex_);
    if (regexes_.size() >= kEntriesMax) regexes_.clear();
    regexes_.emplace(pattern, regex);
  }

 private:
  static constexpr std::size_t kEntriesMax = 64;
  static constexpr std::size_t kPatternMax = 1000;
  std::mutex mutex_;
  std::unordered_map<std::string, Regex> regexes_;
};

// A class that Java names otherwise than RE2, such as \p{Alpha}; its length in the pattern, or 0.
std::size_t RewriteClass(std::string_view rest, bool in_brackets, std::string& out) {
  static constexpr std::array<std::string_view, 13> kNames = {"Lower", "Upper", "ASCII", "Alpha", "Digit", "Alnum", "Punct",
                                                              "Graph", "Print", "Blank", "Cntrl", "XDigit", "Space"};
  if (rest.starts_with("\\R") && !in_brackets) {
    out += "(?:\\r\\n|[\\n-\\r\\x{85}\\x{2028}\\x{2029}])";
    return 2;
  }
  if (rest.starts_with("\\h")) {
    out += in_brackets ? " \\t\\x{a0}" : "[ \\t\\x{a0}]";
    return 2;
  }
  if (!rest.starts_with("\\p{") && !rest.starts_with("\\P{")) return 0;
  const std::string_view name = rest.substr(3, std::min(rest.find('}'), rest.size()) - 3);
  if (std::find(kNames.begin(), kNames.end(), name) == kNames.end()) return 0;
  std::string posix = rest[1] == 'P' ? "[:^" : "[:";
  for (const char c : name) posix += static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
  posix += ":]";
  out += in_brackets ? posix : "[" + posix + "]";
  return name.size() + 4;
}

// What Java writes otherwise: (?<name>…) and some classes.
std::string ForRe2(std::string_view pattern) {
  std::string out;
  bool in_brackets = false;
  for (std::size_t at = 0; at < pattern.size(); ++at) {
    const std::string_view rest = pattern.substr(at);
    if (rest.front() == '\\' && rest.size() > 1) {
      const std::size_t length = RewriteClass(rest, in_brackets, out);
      if (length == 0) out += rest.substr(0, 2);
      at += length == 0 ? 1 : length - 1;
      continue;
    }
    if (rest.front() == '[') in_brackets = true;
    if (rest.front() == ']') in_brackets = false;
    const bool group = !in_brackets && rest.starts_with("(?<") && rest.size() > 3 && rest[3] != '=' && rest[3] != '!';
    out += group ? std::string_view("(?P<") : rest.substr(0, 1);
    if (group) at += 2;
  }
  return out;
}

Result<Regex> CompileRegex(std::string_view pattern) {
  static RegexCache cache;
  const std::string key(pattern);
  if (Regex known = cache.Find(key)) return known;
  RE2::Options options;
  options.set_log_errors(false);
  options.set_max_mem(1 << 20);
  auto regex = std::make_shared<const RE2>(ForRe2(pattern), options);
  if (!regex->ok()) {
    return InvalidArgument("'" + std::string(pattern) + "' is not a supported regular expression: " + regex->error());
  }
  cache.Insert(key, regex);
  return regex;
}

// The group that a `$` at `at` names, and the length of its writing; -1 if it is plain text.
int GroupAt(const RE2& regex, std::string_view replacement, std::size_t at, std::size_t& length) {
  const std::string_view rest = replacement.substr(at + 1);
  if (!rest.empty() && rest.front() >= '0' && rest.front() <= '9') {
    length = 2;
    return rest.front() - '0';
  }
  const std::size_t close = rest.find('}');
  if (rest.empty() || rest.front() != '{' || close == std::string_view::npos) return -1;
  length = close + 2;
  const auto group = regex.NamedCapturingGroups().find(std::string(rest.substr(1, close - 1)));
  return group == regex.NamedCapturingGroups().end() ? -1 : group->second;
}

Status AppendReplacement(std::string& out, const RE2& regex, std::string_view replacement,
                         const std::vector<re2::StringPiece>& groups) {
  for (std::size_t at = 0; at < replacement.size(); ++at) {
    if (replacement[at] == '\\' && at + 1 < replacement.size()) {
      out += replacement[++at];
      continue;
    }
    std::size_t length = 0;
    const int group = replacement[at] == '$' ? GroupAt(regex, replacement, at, length) : -1;
    if (group < 0) {
      out += replacement[at];
      continue;
    }
    if (static_cast<std::size_t>(group) >= groups.size()) {
      return InvalidArgument("the pattern has no group " + std::to_string(group));
    }
    out.append(groups[static_cast<std::size_t>(group)].data(), groups[static_cast<std::size_t>(group)].size());
    at += length - 1;
  }
  return {};
}

}  // namespace

Result<std::string> RegexReplace(std::string_view text, std::string_view pattern, std::string_view replacement,
                                 std::size_t bytes_max, std::size_t matches_max) {
  ASSIGN_OR_RETURN(const Regex regex, CompileRegex(pattern));
  const re2::StringPiece whole(text.data(), text.size());
  std::vector<re2::StringPiece> groups(static_cast<std::size_t>(regex->NumberOfCapturingGroups()) + 1);
  std::string out;
  std::size_t at = 0;
  const auto find = [&] {
    return regex->Match(whole, at, text.size(), RE2::UNANCHORED, groups.data(), static_cast<int>(groups.size()));
  };
  for (std::size_t count = 0; count < matches_max && at <= text.size() && find(); ++count) {
    const auto begin = static_cast<std::size_t>(groups[0].data() - text.data());
    out += text.substr(at, begin - at);
    RETURN_IF_ERROR(AppendReplacement(out, *regex, replacement, groups));
    at = begin + groups[0].size();
    if (groups[0].empty()) {
      if (at < text.size()) out += text[at];
      ++at;
    }
    if (out.size() > bytes_max) return Fail(Code::kResourceExhausted, "the replaced text is too long");
  }
  if (at < text.size()) out += text.substr(at);
  return out;
}

Result<std::vector<std::string>> RegexSplit(std::string_view text, std::string_view pattern, std::int64_t limit) {
  ASSIGN_OR_RETURN(const Regex regex, CompileRegex(pattern));
  const re2::StringPiece whole(text.data(), text.size());
  std::vector<std::string> pieces;
  std::size_t piece_begin = 0;
  std::size_t from = 0;
  re2::StringPiece match;
  while (from <= text.size() && (limit <= 0 || pieces.size() + 1 < static_cast<std::size_t>(limit)) &&
         regex->Match(whole, from, text.size(), RE2::UNANCHORED, &match, 1)) {
    const auto begin = static_cast<std::size_t>(match.data() - text.data());
    const std::size_t end = begin + match.size();
    from = match.empty() ? end + 1 : end;
    while (match.empty() && from < text.size() && (static_cast<unsigned char>(text[from]) & 0xC0U) == 0x80U) ++from;
    if (match.empty() && (begin == 0 || begin >= text.size())) continue;  // no empty piece at either end
    pieces.emplace_back(text.substr(piece_begin, begin - piece_begin));
    piece_begin = end;
  }
  const bool found = !pieces.empty();
  pieces.emplace_back(text.substr(piece_begin));
  while (limit == 0 && found && !pieces.empty() && pieces.back().empty()) pieces.pop_back();
  return pieces;
}

Result<bool> RegexMatches(std::string_view text, std::string_view pattern) {
  ASSIGN_OR_RETURN(const auto regex, CompileRegex(pattern));
  return RE2::FullMatch(re2::StringPiece(text.data(), text.size()), *regex);
}

}  // namespace headrace::expr
