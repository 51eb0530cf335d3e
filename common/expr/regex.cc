#include "common/expr/regex.h"

#include <re2/re2.h>

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

Result<Regex> CompileRegex(std::string_view pattern) {
  static RegexCache cache;
  const std::string key(pattern);
  if (Regex known = cache.Find(key)) return known;
  RE2::Options options;
  options.set_log_errors(false);
  options.set_max_mem(1 << 20);
  auto regex = std::make_shared<const RE2>(re2::StringPiece(pattern.data(), pattern.size()), options);
  if (!regex->ok()) {
    return InvalidArgument("'" + std::string(pattern) + "' is not a supported regular expression: " + regex->error());
  }
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
                                 std::size_t bytes_max) {
  ASSIGN_OR_RETURN(const Regex regex, CompileRegex(pattern));
  const re2::StringPiece whole(text.data(), text.size());
  std::vector<re2::StringPiece> groups(static_cast<std::size_t>(regex->NumberOfCapturingGroups()) + 1);
  std::string out;
  std::size_t at = 0;
  while (at <= text.size() && regex->Match(whole, at, text.size(), RE2::UNANCHORED, groups.data(),
                                           static_cast<int>(groups.size()))) {
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
  pieces.emplace_back(text.substr(piece_begin));
  while (limit == 0 && pieces.size() > 1 && pieces.back().empty()) pieces.pop_back();
  return pieces;
}

Result<bool> RegexMatches(std::string_view text, std::string_view pattern) {
  ASSIGN_OR_RETURN(const auto regex, CompileRegex(pattern));
  return RE2::FullMatch(re2::StringPiece(text.data(), text.size()), *regex);
}

}  // namespace headrace::expr
