#include <algorithm>

#include "common/expr/builtin.h"
#include "common/expr/operators.h"
#include "common/expr/utf8.h"

namespace headrace::expr {
namespace {

tl::unexpected<Error> WrongInput(const Invocation& call, std::string_view wanted) {
  return Refuse(call, "needs a " + std::string(wanted) + ", not a " + std::string(KindName(call.input)));
}

Result<const Array*> NeedList(const Invocation& call) {
  const Array* list = call.input.if_array();
  if (list == nullptr) return WrongInput(call, "list");
  RETURN_IF_ERROR(call.budget().SpendCopy(call.input));
  return list;
}

Result<Value> DefaultFilter(const Invocation& call) {
  const Value* otherwise = call.Argument(0);
  if (!IsEmpty(call.input)) return call.input;
  return otherwise == nullptr ? Value(nullptr) : *otherwise;
}

Result<Value> Edge(const Invocation& call, bool first) {
  if (const json::string* text = call.input.if_string()) {
    RETURN_IF_ERROR(call.budget().SpendText(text->size()));
    const std::u16string units = ToUtf16(*text);
    if (units.empty()) return Refuse(call, "the text is empty");
    return Value(FromUtf16(std::u16string(1, first ? units.front() : units.back())));
  }
  if (call.input.is_null()) return Value(nullptr);
  const Array* list = call.input.if_array();
  if (list == nullptr) return WrongInput(call, "list or text");
  if (list->empty()) return Value(nullptr);
  return first ? list->front() : list->back();
}
Result<Value> FirstFilter(const Invocation& call) { return Edge(call, true); }
Result<Value> LastFilter(const Invocation& call) { return Edge(call, false); }

Result<Value> JoinFilter(const Invocation& call) {
  if (call.input.is_null()) return Value(nullptr);
  const Array* list = call.input.if_array();
  if (list == nullptr) return WrongInput(call, "list");
  const Value separator(call.Text(0));
  const Value null("null");  // as Java's StringBuilder writes it
  std::string text;
  for (const Value& item : *list) {
    if (&item != list->data()) RETURN_IF_ERROR(AppendText(text, separator, call.budget()));
    RETURN_IF_ERROR(AppendJoined(text, item.is_null() ? null : item, call.budget()));
  }
  return Value(std::move(text));
}

Result<Value> LengthFilter(const Invocation& call) {
  std::size_t length = 0;
  if (const json::string* text = call.input.if_string()) {
    RETURN_IF_ERROR(call.budget().SpendText(text->size()));
    length = ToUtf16(*text).size();
  }
  if (const Array* list = call.input.if_array()) length = list->size();
  if (const Object* map = call.input.if_object()) length = map->size();
  return Value(static_cast<std::int64_t>(length));
}

Result<Value> SliceFilter(const Invocation& call) {
  if (call.input.is_null()) return Value(nullptr);
  const json::string* text = call.input.if_string();
  const Array* list = call.input.if_array();
  if (text == nullptr && list == nullptr) return WrongInput(call, "list or text");
  if (text != nullptr) RETURN_IF_ERROR(call.budget().SpendText(text->size()));
  const std::u16string units = text != nullptr ? ToUtf16(*text) : std::u16string();
  const auto size = static_cast<std::int64_t>(text != nullptr ? units.size() : list->size());
  ASSIGN_OR_RETURN(const std::int64_t from, call.Integer(0, 0));
  ASSIGN_OR_RETURN(const std::int64_t to, call.Integer(1, size));
  if (from < 0 || to > size || from > to) {
    return Refuse(call, std::to_string(from) + " to " + std::to_string(to) + " lies outside of 0 to " +
                            std::to_string(size));
  }
  const auto begin = static_cast<std::size_t>(from);
  const auto count = static_cast<std::size_t>(to - from);
  if (text != nullptr) return Value(FromUtf16(std::u16string_view(units).substr(begin, count)));
  RETURN_IF_ERROR(call.budget().SpendCopy(call.input));
  Array out;
  out.insert(out.end(), list->begin() + from, list->begin() + to);
  return Value(std::move(out));
}

Result<Value> Sorted(const Invocation& call, bool descending) {
  if (call.input.is_null()) return Value(nullptr);
  ASSIGN_OR_RETURN(const Array* list, NeedList(call));
  for (const Value& item : *list) {
    if (!Order(list->front(), item)) return Refuse(call, "the elements must be all numbers or all texts");
  }
  Array out = *list;
  std::stable_sort(out.begin(), out.end(), [&](const Value& a, const Value& b) {
    return descending ? *Order(b, a) < 0 : *Order(a, b) < 0;
  });
  return Value(std::move(out));
}
Result<Value> SortFilter(const Invocation& call) { return Sorted(call, false); }
Result<Value> RsortFilter(const Invocation& call) { return Sorted(call, true); }

Result<Value> ReverseFilter(const Invocation& call) {
  if (call.input.is_null()) return Value(nullptr);
  ASSIGN_OR_RETURN(const Array* list, NeedList(call));
  Array out = *list;
  std::reverse(out.begin(), out.end());
  return Value(std::move(out));
}

Result<Value> MergeFilter(const Invocation& call) {
  const Value* more = call.Argument(0);
  if (more == nullptr && call.input.is_null()) return Refuse(call, "both are null");
  if (more == nullptr) return call.input;
  if (call.input.is_null()) return *more;
  RETURN_IF_ERROR(call.budget().SpendCopy(call.input));
  RETURN_IF_ERROR(call.budget().SpendCopy(*more));
  // The input tells what comes of it: a list's elements are their own keys in a map, a map's entries elements of a list.
  if (const Object* map = call.input.if_object()) {
    Object out = *map;
    if (const Object* other = more->if_object()) {
      for (const auto& [key, value] : *other) out[key] = value;
    } else if (const Array* list = more->if_array()) {
      for (const Value& item : *list) out[ToText(item)] = item;
    } else {
      return Refuse(call, "a map takes in a map or a list, not a " + std::string(KindName(*more)));
    }
    SortAsHashMap(out, map->size() + (more->is_object() ? more->get_object().size() : more->get_array().size()) + 16);
    return Value(std::move(out));
  }
  const Array* list = call.input.if_array();
  if (list == nullptr) return WrongInput(call, "map or list");
  Array out = *list;
  if (const Array* other = more->if_array()) {
    out.insert(out.end(), other->begin(), other->end());
  } else if (const Object* other_map = more->if_object()) {
    for (const auto& [key, value] : *other_map) out.push_back(Object({{json::string(key), value}}));
  } else {
    return Refuse(call, "a list takes in a list or a map, not a " + std::string(KindName(*more)));
  }
  return Value(std::move(out));
}

Result<Value> KeysFilter(const Invocation& call) {
  if (call.input.is_null()) return Value(nullptr);
  RETURN_IF_ERROR(call.budget().SpendCopy(call.input));
  Array out;
  if (const Object* map = call.input.if_object()) {
    for (const auto& [key, value] : *map) out.push_back(json::string(key));
    return Value(std::move(out));
  }
  const Array* list = call.input.if_array();
  if (list == nullptr) return WrongInput(call, "map or list");
  for (std::size_t i = 0; i < list->size(); ++i) out.push_back(static_cast<std::int64_t>(i));
  return Value(std::move(out));
}

Result<Value> ValuesFilter(const Invocation& call) {
  if (call.input.is_null()) return Value(nullptr);
  const Object* map = call.input.if_object();
  if (map == nullptr) return WrongInput(call, "map");
  RETURN_IF_ERROR(call.budget().SpendCopy(call.input));
  Array out;
  for (const auto& [key, value] : *map) out.push_back(value);
  return Value(std::move(out));
}

Result<Value> ChunkFilter(const Invocation& call) {
  if (call.input.is_null()) return Value(nullptr);
  ASSIGN_OR_RETURN(const std::int64_t size, call.Integer(0, 0));
  if (size < 1) return Refuse(call, "the size must be at least 1");
  ASSIGN_OR_RETURN(const Array* list, NeedList(call));
  Array out;
  for (const Value& item : *list) {
    if (out.empty() || out.back().get_array().size() >= static_cast<std::size_t>(size)) out.push_back(Array());
    out.back().get_array().push_back(item);
  }
  return Value(std::move(out));
}

Result<Value> FlattenFilter(const Invocation& call) {
  if (call.input.is_null()) return Value(nullptr);
  ASSIGN_OR_RETURN(const Array* list, NeedList(call));
  Array out;
  for (const Value& item : *list) {
    if (const Array* inner = item.if_array()) {
      out.insert(out.end(), inner->begin(), inner->end());
    } else {
      out.push_back(item);
    }
  }
  return Value(std::move(out));
}

Result<Value> DistinctFilter(const Invocation& call) {
  if (call.input.is_null()) return Value(nullptr);
  ASSIGN_OR_RETURN(const Array* list, NeedList(call));
  Array out;
  for (const Value& item : *list) {
    RETURN_IF_ERROR(call.budget().Spend(out.size() / 16));
    if (std::find(out.begin(), out.end(), item) == out.end()) out.push_back(item);
  }
  return Value(std::move(out));
}

constexpr Builtin kFilters[] = {
    {"chunk", ChunkFilter, {"size"}, 1},
    {"default", DefaultFilter, {"default"}, 0, false, true},
    {"distinct", DistinctFilter},
    {"first", FirstFilter},
    {"flatten", FlattenFilter},
    {"join", JoinFilter, {"separator"}},
    {"keys", KeysFilter},
    {"last", LastFilter},
    {"length", LengthFilter},
    {"merge", MergeFilter, {"items"}},
    {"reverse", ReverseFilter},
    {"rsort", RsortFilter},
    {"slice", SliceFilter, {"fromIndex", "toIndex"}},
    {"sort", SortFilter},
    {"values", ValuesFilter},
};

}  // namespace

std::span<const Builtin> CollectionFilters() { return kFilters; }

}  // namespace headrace::expr
