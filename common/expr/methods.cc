// What flows call on values as if they were Java's List, Map and Number, and what they leave the brackets away from:
// `x.size()`, `x.size`.
#include <algorithm>
#include <array>
#include <cmath>
#include <optional>

#include "common/expr/builtin.h"
#include "common/expr/operators.h"
#include "common/expr/utf8.h"

namespace headrace::expr {
namespace {

tl::unexpected<Error> WrongInput(const Invocation& call, std::string_view wanted) {
  return Refuse(call, "needs a " + std::string(wanted) + ", not a " + std::string(KindName(call.input)));
}

Result<Value> AsFilter(const Invocation& call, std::string_view filter) { return FindFilter(filter)->body(call); }

Result<Value> Size(const Invocation& call) {
  if (!call.input.is_string() && !call.input.is_structured()) return WrongInput(call, "text, list or map");
  return AsFilter(call, "length");
}
Result<Value> IsEmptyMethod(const Invocation& call) {
  if (const json::string* text = call.input.if_string()) return Value(text->empty());
  if (!call.input.is_structured()) return WrongInput(call, "text, list or map");
  return Value(IsEmpty(call.input));
}
Result<Value> ToStringMethod(const Invocation& call) {
  if (call.input.is_null()) return WrongInput(call, "value");
  return AsFilter(call, "string");
}

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
  const json::string* whole = call.input.if_string();
  if (whole == nullptr) return WrongInput(call, "text or list");
  RETURN_IF_ERROR(call.budget().SpendText(whole->size()));
  const std::string_view text(*whole);
  const std::string wanted = call.Text(0);
  const std::size_t at = last ? text.rfind(wanted) : text.find(wanted);
  if (at == std::string_view::npos) return Value(-1);
  return Value(static_cast<std::int64_t>(ToUtf16(text.substr(0, at)).size()));
}
Result<Value> IndexOf(const Invocation& call) { return Position(call, false); }
Result<Value> LastIndexOf(const Invocation& call) { return Position(call, true); }

Result<Value> SubList(const Invocation& call) {
  if (!call.input.is_array()) return WrongInput(call, "list");
  return AsFilter(call, "slice");
}

Result<Value> Equals(const Invocation& call) {
  return ApplyBinary(BinaryOperator::kEqual, call.input, *call.arguments[0], call.budget());
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
  call.SetResultType(JavaType::kEntries);
  return Value(std::move(entries));
}

Result<Value> PartOfEntry(const Invocation& call, std::string_view part) {
  const Value* found = call.input_type == JavaType::kEntry ? Member(call.input, part) : nullptr;
  if (found == nullptr) return Refuse(call, "needs an entry of a map");
  RETURN_IF_ERROR(call.budget().SpendCopy(*found));
  return *found;
}
Result<Value> GetKey(const Invocation& call) { return PartOfEntry(call, "key"); }
Result<Value> GetValue(const Invocation& call) { return PartOfEntry(call, "value"); }

Result<Value> ContainsAll(const Invocation& call) {
  if (!call.input.is_array() || !call.arguments[0]->is_array()) return WrongInput(call, "list and another list");
  return ApplyBinary(BinaryOperator::kContains, call.input, *call.arguments[0], call.budget());
}
Result<Value> Reversed(const Invocation& call) {
  if (!call.input.is_array()) return WrongInput(call, "list");
  return AsFilter(call, "reverse");
}

Result<double> NeedNumber(const Invocation& call) {
  if (const std::optional<double> number = JavaDouble({call.input, call.input_type})) return *number;
  return WrongInput(call, "number");
}

Result<Value> Whole(const Invocation& call, JavaType type) {
  ASSIGN_OR_RETURN(const double number, NeedNumber(call));
  call.SetResultType(type);
  if (call.input.is_int64()) return call.input;
  if (!(std::abs(number) < 9.2e18)) return Refuse(call, "the number does not fit 64 bits");
  return Value(static_cast<std::int64_t>(number));
}
Result<Value> IntValue(const Invocation& call) { return Whole(call, JavaType::kInteger); }
Result<Value> LongValue(const Invocation& call) { return Whole(call, JavaType::kLong); }
Result<Value> DoubleValue(const Invocation& call) {
  ASSIGN_OR_RETURN(const double number, NeedNumber(call));
  call.SetResultType(JavaType::kDouble);
  return Value(number);
}
Result<Value> FloatValue(const Invocation& call) {
  ASSIGN_OR_RETURN(const double number, NeedNumber(call));
  call.SetResultType(JavaType::kFloat);
  return Value(FloatDecimal(static_cast<float>(number)));
}
Result<Value> IsNaN(const Invocation& call) {
  ASSIGN_OR_RETURN(const double number, NeedNumber(call));
  return Value(std::isnan(number));
}
Result<Value> BooleanValue(const Invocation& call) {
  if (!call.input.is_bool()) return WrongInput(call, "boolean");
  return call.input;
}
Result<Value> CompareTo(const Invocation& call) {
  if (call.input.is_string() && call.input_type == JavaType::kUnknown) return CompareTexts(call);
  ASSIGN_OR_RETURN(const double number, NeedNumber(call));
  if (!IsNumber(*call.arguments[0])) return Refuse(call, "needs a number to compare with");
  const double other = AsDouble(*call.arguments[0]);
  call.SetResultType(JavaType::kInteger);
  return Value(number < other ? -1 : (number > other ? 1 : 0));
}

constexpr Builtin kMethods[] = {
    {"booleanValue", BooleanValue},
    {"compareTo", CompareTo, {"other"}, 1, false, false, "", true},
    {"contains", ContainsMethod, {"value"}, 1},
    {"containsAll", ContainsAll, {"values"}, 1},
    {"containsKey", ContainsKey, {"key"}, 1},
    {"containsValue", ContainsValue, {"value"}, 1},
    {"doubleValue", DoubleValue, {}, 0, false, false, "", true},
    {"entrySet", EntrySet},
    {"equals", Equals, {"other"}, 1},
    {"floatValue", FloatValue, {}, 0, false, false, "", true},
    {"get", Get, {"key"}, 1},
    {"getFirst", GetFirst},
    {"getKey", GetKey, {}, 0, false, false, "", true},
    {"getLast", GetLast},
    {"getOrDefault", GetOrDefault, {"key", "default"}, 2},
    {"getValue", GetValue, {}, 0, false, false, "", true},
    {"indexOf", IndexOf, {"value"}, 1},
    {"intValue", IntValue, {}, 0, false, false, "", true},
    {"isEmpty", IsEmptyMethod},
    {"isNaN", IsNaN, {}, 0, false, false, "", true},
    {"keySet", KeySet},
    {"lastIndexOf", LastIndexOf, {"value"}, 1},
    {"length", Size},
    {"longValue", LongValue, {}, 0, false, false, "", true},
    {"reversed", Reversed},
    {"size", Size},
    {"subList", SubList, {"from", "to"}, 2},
    {"toString", ToStringMethod, {}, 0, false, false, "", true},
    {"values", Values},
};

enum : unsigned { kText = 1, kList = 2, kMap = 4, kNumber = 8, kBoolean = 16 };

// Methods without arguments, by the kinds that have them in Java.
struct Property {
  std::string_view method;
  unsigned kinds;
};
constexpr std::array<Property, 25> kProperties = {{
    {"booleanValue", kBoolean}, {"doubleValue", kNumber}, {"entrySet", kMap}, {"floatValue", kNumber},
    {"getFirst", kList}, {"getLast", kList}, {"intValue", kNumber}, {"intern", kText}, {"isBlank", kText},
    {"isEmpty", kText | kList | kMap}, {"isNaN", kNumber}, {"keySet", kMap}, {"length", kText}, {"lines", kText},
    {"longValue", kNumber}, {"reversed", kList}, {"size", kList | kMap}, {"strip", kText}, {"stripLeading", kText},
    {"stripTrailing", kText}, {"toLowerCase", kText}, {"toString", kText | kList | kMap | kNumber | kBoolean},
    {"toUpperCase", kText}, {"trim", kText}, {"values", kMap},
}};

unsigned KindOf(const Value& value) {
  switch (value.kind()) {
    case json::kind::string: return kText;
    case json::kind::array: return kList;
    case json::kind::object: return kMap;
    case json::kind::bool_: return kBoolean;
    case json::kind::null: return 0;
    default: return kNumber;
  }
}

const Property* FindPropertyRow(std::string_view name) {
  const Builtin* method = FindMethod(name);
  if (method == nullptr) return nullptr;
  const auto* row = std::find_if(kProperties.begin(), kProperties.end(),
                                 [&](const Property& property) { return property.method == method->name; });
  return row == kProperties.end() ? nullptr : row;
}

}  // namespace

std::span<const Builtin> Methods() { return kMethods; }

bool IsProperty(std::string_view name) { return FindPropertyRow(name) != nullptr; }

const Builtin* FindProperty(const Value& value, JavaType type, std::string_view name) {
  const Property* row = FindPropertyRow(name);
  const unsigned kind = type == JavaType::kEntry ? 0 : (value.is_string() && type != JavaType::kUnknown) ? kNumber : KindOf(value);
  return row != nullptr && (row->kinds & kind) != 0 ? FindMethod(row->method) : nullptr;
}

}  // namespace headrace::expr
