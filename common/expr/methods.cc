// What flows call on values as if they were Java's String, List, Map and Number: `x.size()`, `x.toUpperCase()`.
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

Result<Value> Size(const Invocation& call) {
  if (!call.input.is_string() && !call.input.is_structured()) return WrongInput(call, "text, list or map");
  return AsFilter(call, "length");
}
Result<Value> IsEmptyMethod(const Invocation& call) {
  if (const json::string* text = call.input.if_string()) return Value(text->empty());
  if (!call.input.is_structured()) return WrongInput(call, "text, list or map");
  return Value(IsEmpty(call.input));
}
Result<Value> IsBlank(const Invocation& call) {
  ASSIGN_OR_RETURN(const std::string_view text, NeedText(call));
  return Value(text.find_first_not_of(" \t\r\n\f\v") == std::string_view::npos);
}
Result<Value> ToStringMethod(const Invocation& call) { return AsFilter(call, "string"); }

Result<Value> ContainsMethod(const Invocation& call) {
  if (!call.input.is_string() && !call.input.is_array()) return WrongInput(call, "text or list");
  const Value& wanted = *call.arguments[0];
  const Value* list = call.input.is_array() ? &call.input : nullptr;
  // A list inside a list is an element here; the operator `contains` asks for all of its elements.
  if (list == nullptr || !wanted.is_array()) {
    return ApplyBinary(BinaryOperator::kContains, call.input, wanted, call.budget());
  }
  RETURN_IF_ERROR(call.budget().SpendCopy(*list));
  const Array& items = list->get_array();
  return Value(std::find(items.begin(), items.end(), wanted) != items.end());
}

Result<Value> ContainsKey(const Invocation& call) {
  const Object* map = call.input.if_object();
  if (map == nullptr) return WrongInput(call, "map");
  return Value(map->contains(call.Text(0)));
}
Result<Value> ContainsValue(const Invocation& call) {
  const Object* map = call.input.if_object();
  if (map == nullptr) return WrongInput(call, "map");
  RETURN_IF_ERROR(call.budget().SpendCopy(call.input));
  return Value(std::any_of(map->begin(), map->end(), [&](const auto& member) {
    return SameValue(member.value(), *call.arguments[0]);
  }));
}

Result<Value> Position(const Invocation& call, bool last) {
  if (const Array* list = call.input.if_array()) {
    RETURN_IF_ERROR(call.budget().SpendCopy(call.input));
    std::int64_t found = -1;
    for (std::size_t i = 0; i < list->size() && (last || found < 0); ++i) {
      if (SameValue((*list)[i], *call.arguments[0])) found = static_cast<std::int64_t>(i);
    }
    return Value(found);
  }
  ASSIGN_OR_RETURN(const std::string_view text, NeedText(call));
  const std::string wanted = call.Text(0);
  const std::size_t at = last ? text.rfind(wanted) : text.find(wanted);
  if (at == std::string_view::npos) return Value(-1);
  return Value(static_cast<std::int64_t>(CharacterCount(text.substr(0, at))));
}
Result<Value> IndexOf(const Invocation& call) { return Position(call, false); }
Result<Value> LastIndexOf(const Invocation& call) { return Position(call, true); }

Result<Value> SubList(const Invocation& call) {
  if (!call.input.is_array()) return WrongInput(call, "list");
  return AsFilter(call, "slice");
}

Result<Value> CharAt(const Invocation& call) {
  ASSIGN_OR_RETURN(const std::string_view text, NeedText(call));
  ASSIGN_OR_RETURN(const std::int64_t at, call.Integer(0, 0));
  const std::u32string codes = Decode(text);
  if (at < 0 || static_cast<std::size_t>(at) >= codes.size()) {
    return Refuse(call, std::to_string(at) + " lies outside of the text");
  }
  return Value(Encode(std::u32string(1, codes[static_cast<std::size_t>(at)])));
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

// The value under a key or at an index; null if there is none under the key.
Result<Value> Element(const Invocation& call, const Value& otherwise) {
  const Value* found = nullptr;
  if (call.input.is_object()) {
    found = Member(call.input, call.Text(0));
  } else if (const Array* list = call.input.if_array()) {
    ASSIGN_OR_RETURN(const std::int64_t at, call.Integer(0, 0));
    if (at < 0 || static_cast<std::size_t>(at) >= list->size()) {
      return Refuse(call, std::to_string(at) + " lies outside of the list");
    }
    found = &(*list)[static_cast<std::size_t>(at)];
  } else {
    return WrongInput(call, "map or list");
  }
  if (found == nullptr) found = &otherwise;
  RETURN_IF_ERROR(call.budget().SpendCopy(*found));
  return *found;
}
Result<Value> Get(const Invocation& call) { return Element(call, Value()); }
Result<Value> GetOrDefault(const Invocation& call) { return Element(call, *call.arguments[1]); }
Result<Value> GetFirst(const Invocation& call) { return AsFilter(call, "first"); }
Result<Value> GetLast(const Invocation& call) { return AsFilter(call, "last"); }

Result<Value> KeySet(const Invocation& call) {
  if (!call.input.is_object()) return WrongInput(call, "map");
  return AsFilter(call, "keys");
}
Result<Value> Values(const Invocation& call) {
  if (!call.input.is_object()) return WrongInput(call, "map");
  return AsFilter(call, "values");
}
Result<Value> EntrySet(const Invocation& call) {
  const Object* map = call.input.if_object();
  if (map == nullptr) return WrongInput(call, "map");
  RETURN_IF_ERROR(call.budget().SpendCopy(call.input));
  Array entries;
  for (const auto& [key, value] : *map) entries.push_back(Object({{"key", key}, {"value", value}}));
  return Value(std::move(entries));
}

Result<Value> WholeNumber(const Invocation& call) {
  if (!IsNumber(call.input)) return WrongInput(call, "number");
  if (call.input.is_int64()) return call.input;
  const Value type("LONG");
  const std::array<const Value*, 1> arguments = {&type};
  return FindFilter("number")->body({call.name, call.input, arguments, call.session});
}
Result<Value> DoubleValue(const Invocation& call) {
  if (!IsNumber(call.input)) return WrongInput(call, "number");
  return Value(AsDouble(call.input));
}

constexpr Builtin kMethods[] = {
    {"charAt", CharAt, {"index"}, 1},
    {"concat", Concat, {"text"}, 1},
    {"contains", ContainsMethod, {"value"}, 1},
    {"containsKey", ContainsKey, {"key"}, 1},
    {"containsValue", ContainsValue, {"value"}, 1},
    {"doubleValue", DoubleValue},
    {"endsWith", TextFilter<kEndsWith>, {"text"}, 1},
    {"entrySet", EntrySet},
    {"equals", Equals, {"other"}, 1},
    {"equalsIgnoreCase", EqualsIgnoreCase, {"text"}, 1},
    {"get", Get, {"key"}, 1},
    {"getFirst", GetFirst},
    {"getLast", GetLast},
    {"getOrDefault", GetOrDefault, {"key", "default"}, 2},
    {"indexOf", IndexOf, {"value"}, 1},
    {"intValue", WholeNumber},
    {"isBlank", IsBlank},
    {"isEmpty", IsEmptyMethod},
    {"keySet", KeySet},
    {"lastIndexOf", LastIndexOf, {"value"}, 1},
    {"length", Size},
    {"longValue", WholeNumber},
    {"matches", Matches, {"regex"}, 1},
    {"repeat", Repeat, {"count"}, 1},
    {"replace", Replace, {"from", "to"}, 2},
    {"replaceAll", ReplaceAll, {"regex", "to"}, 2},
    {"size", Size},
    {"split", TextFilter<kSplit>, {"regex", "limit"}, 1},
    {"startsWith", TextFilter<kStartsWith>, {"text"}, 1},
    {"strip", TextFilter<kTrim>},
    {"subList", SubList, {"from", "to"}, 2},
    {"substring", TextFilter<kSlice>, {"from", "to"}, 1},
    {"toLowerCase", TextFilter<kLower>},
    {"toString", ToStringMethod},
    {"toUpperCase", TextFilter<kUpper>},
    {"trim", TextFilter<kTrim>},
    {"values", Values},
};

}  // namespace

std::span<const Builtin> Methods() { return kMethods; }

}  // namespace headrace::expr
