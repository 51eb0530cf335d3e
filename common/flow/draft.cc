#include "common/flow/draft.h"

#include <algorithm>
#include <cctype>

#include "common/base/text.h"

namespace headrace::flow {
namespace {

constexpr std::size_t kReportsMax = 200;
constexpr std::size_t kListedMax = 14;

// Two letters can be turned into any other two: a short word must share letters with what it is taken for.
bool IsAlike(std::string_view word, const std::string& candidate) {
  if (word.size() > 4) return true;
  std::size_t shared = 0;
  for (const char c : word) {
    const auto same = [&](char other) {
      return std::tolower(static_cast<unsigned char>(c)) == std::tolower(static_cast<unsigned char>(other));
    };
    shared += std::any_of(candidate.begin(), candidate.end(), same) ? 1 : 0;
  }
  return shared * 2 >= word.size() && shared > 0;
}

}  // namespace

std::string Path::Text() const {
  std::string text = parent == nullptr ? std::string() : parent->Text();
  if (index != kNoIndex) return text + '[' + std::to_string(index) + ']';
  if (key.empty()) return text;
  if (!text.empty()) text += '.';
  return text + std::string(key);
}

bool Draft::full(bool of_warnings) const { return (of_warnings ? warnings : errors).size() >= kReportsMax; }

void Draft::ErrorAt(YamlPlace place, std::string field, std::string message) {
  if (full()) return;
  errors.push_back({std::move(field), std::move(message), place.line, place.column, file});
}

void Draft::WarnAt(YamlPlace place, std::string field, std::string message) {
  if (full(true)) return;
  warnings.push_back({std::move(field), std::move(message), place.line, place.column, file});
}

std::string Suggestion(std::string_view word, const std::vector<std::string>& candidates) {
  if (const auto nearest = Nearest(word, candidates); nearest && IsAlike(word, *nearest))
    return "; did you mean `" + *nearest + "`?";
  if (candidates.empty() || candidates.size() > kListedMax) return {};
  std::string text = "; known are ";
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    if (i > 0) text += i + 1 == candidates.size() ? " and " : ", ";
    text += candidates[i];
  }
  return text;
}

std::string KindName(const YamlNode& node) {
  switch (node.kind) {
    case YamlNode::Kind::kNull:
      return "nothing";
    case YamlNode::Kind::kScalar:
      return '`' + Shortened(node.text) + '`';
    case YamlNode::Kind::kList:
      return "a list";
    case YamlNode::Kind::kMap:
      return "a map";
  }
  return {};
}

std::string Shortened(std::string_view text, std::size_t length) {
  std::string_view line = text.substr(0, text.find('\n'));
  if (line.size() <= length) return line.size() == text.size() ? std::string(line) : std::string(line) + "…";
  while (length > 0 && (static_cast<unsigned char>(line[length]) & 0xc0) == 0x80) --length;
  return std::string(line.substr(0, length)) + "…";
}

}  // namespace headrace::flow
