// What flows call on texts as if they were Java's String: `x.toUpperCase()`.
#include <algorithm>
#include <array>

#include "common/expr/builtin.h"
#include "common/expr/operators.h"
#include "common/expr/regex.h"
#include "common/expr/utf8.h"

namespace headrace::expr {
namespace {

tl::unexpected<Error> WrongInput(const Invocation& call, std::string_view wanted) {
  return Refuse(call, "needs a " + std::string(wanted) + ", not a " + std::string(KindName(call.input)));
}

Result<std::string_view> NeedText(const Invocation& call) {
  const json::string* text = call.input.if_string();
  if (text == nullptr) return WrongInput(call, "text");
  RETURN_IF_ERROR(call.budget().SpendText(text->size()));
  return std::string_view(*text);
}

Result<Value> AsFilter(const Invocation& call, std::string_view filter) { return FindFilter(filter)->body(call); }

template <const char* kFilter>
Result<Value> TextFilter(const Invocation& call) {
  if (!call.input.is_string()) return WrongInput(call, "text");
  return AsFilter(call, kFilter);
}
constexpr char kUpper[] = "upper";
constexpr char kLower[] = "lower";
constexpr char kTrim[] = "trim";
constexpr char kStartsWith[] = "startsWith";
constexpr char kEndsWith[] = "endsWith";
constexpr char kSlice[] = "slice";
constexpr char kSplit[] = "split";

Result<Value> IsBlank(const Invocation& call) {
  ASSIGN_OR_RETURN(const std::string_view text, NeedText(call));
  return Value(text.find_first_not_of(" \t\r\n\f\v") == std::string_view::npos);
}

Result<Value> CharAt(const Invocation& call) {
  ASSIGN_OR_RETURN(const std::string_view text, NeedText(call));
  ASSIGN_OR_RETURN(const std::int64_t at, call.Integer(0, 0));
  const std::u16string units = ToUtf16(text);
  if (at < 0 || static_cast<std::size_t>(at) >= units.size()) {
    return Refuse(call, std::to_string(at) + " lies outside of the text");
  }
  return Value(FromUtf16(std::u16string_view(units).substr(static_cast<std::size_t>(at), 1)));
}

// Through the filter, whose only pair these two make.
Result<Value> ReplaceWith(const Invocation& call, bool regexp) {
  if (!call.input.is_string()) return WrongInput(call, "text");
  const Value pairs = Object({{call.Text(0), call.Text(1)}});
  const Value flag = regexp;
  const std::array<const Value*, 2> arguments = {&pairs, &flag};
  return FindFilter("replace")->body({call.name, call.input, arguments, call.session});
}
Result<Value> Replace(const Invocation& call) { return ReplaceWith(call, false); }
Result<Value> ReplaceAll(const Invocation& call) { return ReplaceWith(call, true); }
Result<Value> ReplaceFirst(const Invocation& call) {
  ASSIGN_OR_RETURN(const std::string_view text, NeedText(call));
  RETURN_IF_ERROR(SpendRegex(call.budget(), call.Text(0)));
  const std::size_t most = call.budget().limits().output_bytes;
  ASSIGN_OR_RETURN(std::string replaced, RegexReplace(text, call.Text(0), call.Text(1), most, 1));
  return Value(std::move(replaced));
}

Result<Value> Matches(const Invocation& call) {
  ASSIGN_OR_RETURN(const std::string_view text, NeedText(call));
  RETURN_IF_ERROR(SpendRegex(call.budget(), call.Text(0)));
  ASSIGN_OR_RETURN(const bool matches, RegexMatches(text, call.Text(0)));
  return Value(matches);
}

Result<Value> Concat(const Invocation& call) {
  if (!call.input.is_string()) return WrongInput(call, "text");
  return ApplyBinary(BinaryOperator::kConcatenate, call.input, *call.arguments[0], call.budget());
}
Result<Value> Repeat(const Invocation& call) {
  ASSIGN_OR_RETURN(const std::string_view text, NeedText(call));
  ASSIGN_OR_RETURN(const std::int64_t times, call.Integer(0, 0));
  if (times < 0) return Refuse(call, "the count must not be negative");
  const std::size_t most = call.budget().limits().output_bytes;
  const auto count = std::min(static_cast<std::size_t>(times), most + 1);
  RETURN_IF_ERROR(call.budget().SpendText(text.size() * count));
  std::string out;
  for (std::size_t i = 0; i < count && !text.empty(); ++i) out += text;
  return Value(std::move(out));
}

Result<Value> Equals(const Invocation& call) {
  return ApplyBinary(BinaryOperator::kEqual, call.input, *call.arguments[0], call.budget());
}
Result<Value> EqualsIgnoreCase(const Invocation& call) {
  ASSIGN_OR_RETURN(const std::string_view text, NeedText(call));
  return Value(Lower(text) == Lower(call.Text(0)));
}


bool IsBlankCharacter(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

Result<Value> StripLeading(const Invocation& call) {
  ASSIGN_OR_RETURN(const std::string_view text, NeedText(call));
  const auto* first = std::find_if_not(text.begin(), text.end(), IsBlankCharacter);
  return Value(text.substr(static_cast<std::size_t>(first - text.begin())));
}
Result<Value> StripTrailing(const Invocation& call) {
  ASSIGN_OR_RETURN(const std::string_view text, NeedText(call));
  const auto last = std::find_if_not(text.rbegin(), text.rend(), IsBlankCharacter);
  return Value(text.substr(0, static_cast<std::size_t>(text.rend() - last)));
}

Result<Value> Lines(const Invocation& call) {
  ASSIGN_OR_RETURN(std::string_view text, NeedText(call));
  Array lines;
  while (!text.empty()) {
    RETURN_IF_ERROR(call.budget().Spend(1));
    const std::size_t end = std::min(text.find_first_of("\r\n"), text.size());
    lines.push_back(json::string(text.substr(0, end)));
    text.remove_prefix(end);
    text.remove_prefix(text.starts_with("\r\n") ? 2 : std::min<std::size_t>(text.size(), 1));
  }
  return Value(std::move(lines));
}

// As String.compareTo: the difference of the first units that differ, else of the lengths.
Result<Value> CompareTexts(const Invocation& call, bool ignore_case) {
  ASSIGN_OR_RETURN(const std::string_view text, NeedText(call));
  const json::string* other = call.arguments[0]->if_string();
  if (other == nullptr) return Refuse(call, "needs a text to compare with, not a " + std::string(KindName(*call.arguments[0])));
  const std::u16string left = ToUtf16(ignore_case ? Lower(text) : std::string(text));
  const std::u16string right = ToUtf16(ignore_case ? Lower(*other) : std::string(*other));
  call.SetResultType(JavaType::kInteger);
  for (std::size_t i = 0; i < std::min(left.size(), right.size()); ++i) {
    if (left[i] != right[i]) return Value(std::int64_t{left[i]} - std::int64_t{right[i]});
  }
  return Value(static_cast<std::int64_t>(left.size()) - static_cast<std::int64_t>(right.size()));
}
Result<Value> CompareToIgnoreCase(const Invocation& call) { return CompareTexts(call, true); }

Result<Value> Itself(const Invocation& call) {
  ASSIGN_OR_RETURN(const std::string_view text, NeedText(call));
  return Value(text);
}

constexpr Builtin kMethods[] = {
    {"charAt", CharAt, {"index"}, 1},
    {"compareToIgnoreCase", CompareToIgnoreCase, {"text"}, 1},
    {"concat", Concat, {"text"}, 1},
    {"contentEquals", Equals, {"text"}, 1},
    {"endsWith", TextFilter<kEndsWith>, {"text"}, 1},
    {"equalsIgnoreCase", EqualsIgnoreCase, {"text"}, 1},
    {"intern", Itself},
    {"isBlank", IsBlank},
    {"lines", Lines},
    {"matches", Matches, {"regex"}, 1},
    {"repeat", Repeat, {"count"}, 1},
    {"replace", Replace, {"from", "to"}, 2},
    {"replaceAll", ReplaceAll, {"regex", "to"}, 2},
    {"replaceFirst", ReplaceFirst, {"regex", "to"}, 2},
    {"split", TextFilter<kSplit>, {"regex", "limit"}, 1},
    {"startsWith", TextFilter<kStartsWith>, {"text"}, 1},
    {"strip", TextFilter<kTrim>},
    {"stripLeading", StripLeading},
    {"stripTrailing", StripTrailing},
    {"substring", TextFilter<kSlice>, {"from", "to"}, 1},
    {"toLowerCase", TextFilter<kLower>},
    {"toUpperCase", TextFilter<kUpper>},
    {"trim", TextFilter<kTrim>},
};

}  // namespace

std::span<const Builtin> TextMethods() { return kMethods; }

Result<Value> CompareTexts(const Invocation& call) { return CompareTexts(call, false); }

}  // namespace headrace::expr
