#include "common/expr/builtin.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>

#include "common/base/text.h"
#include "common/expr/template.h"

namespace headrace::expr {
namespace {

using Index = std::map<std::string_view, const Builtin*>;

Index MakeIndex(std::initializer_list<std::span<const Builtin>> tables) {
  Index index;
  for (const auto& table : tables) {
    for (const Builtin& builtin : table) index.emplace(builtin.name, &builtin);
  }
  return index;
}

const Index& Filters() {
  static const Index index = MakeIndex(
      {TextFilters(), EncodingFilters(), CollectionFilters(), NumberFilters(), DateFilters(), DataFilters()});
  return index;
}

const Index& Functions() {
  static const Index index = MakeIndex({ValueFunctions(), IdFunctions(), ContextFunctions(), DateFunctions(),
                                        DataFunctions(), CipherFunctions()});
  return index;
}

const Index& MethodIndex() {
  static const Index index = MakeIndex({Methods(), TextMethods()});
  return index;
}

const Builtin* Find(const Index& index, std::string_view name) {
  const auto found = index.find(name);
  return found == index.end() ? nullptr : found->second;
}

}  // namespace

const Builtin* FindFilter(std::string_view name) { return Find(Filters(), name); }
const Builtin* FindFunction(std::string_view name) { return Find(Functions(), name); }
const Builtin* FindMethod(std::string_view name) {
  if (const Builtin* method = Find(MethodIndex(), name); method != nullptr || name.empty()) return method;
  std::string capital(name);
  if (capital.front() >= 'a' && capital.front() <= 'z') capital.front() = static_cast<char>(capital.front() - 'a' + 'A');
  const Builtin* getter = Find(MethodIndex(), "get" + capital);
  return getter != nullptr ? getter : Find(MethodIndex(), "is" + capital);
}

std::vector<std::string> FilterNames() {
  std::vector<std::string> names;
  for (const auto& [name, filter] : Filters()) names.emplace_back(name);
  return names;
}

std::vector<std::string> MethodNames() {
  std::vector<std::string> names;
  for (const auto& [name, method] : MethodIndex()) names.emplace_back(name);
  return names;
}

std::vector<std::string> FunctionNames() {
  std::vector<std::string> names = EnvironmentFunctionNames();
  for (const auto& [name, function] : Functions()) names.emplace_back(name);
  std::sort(names.begin(), names.end());
  return names;
}

tl::unexpected<Error> Refuse(const Invocation& call, std::string_view message) {
  return InvalidArgument("`" + std::string(call.name) + "`: " + std::string(message));
}

std::string_view KindName(const Value& value) {
  switch (value.kind()) {
    case json::kind::null: return "null";
    case json::kind::bool_: return "boolean";
    case json::kind::string: return "text";
    case json::kind::array: return "list";
    case json::kind::object: return "map";
    default: return "number";
  }
}

std::string Invocation::Text(std::size_t index, std::string_view otherwise) const {
  const Value* value = Argument(index);
  return value == nullptr ? std::string(otherwise) : ToText(*value);
}

Result<std::int64_t> Invocation::Integer(std::size_t index, std::int64_t otherwise) const {
  const Value* value = Argument(index);
  if (value == nullptr) return otherwise;
  if (value->is_int64()) return value->get_int64();
  if (value->is_double() && value->get_double() == std::floor(value->get_double()) &&
      std::abs(value->get_double()) < 9e15) {
    return static_cast<std::int64_t>(value->get_double());
  }
  if (const json::string* text = value->if_string()) {
    std::int64_t number = 0;
    const char* end = text->data() + text->size();
    const auto [stop, failure] = std::from_chars(text->data(), end, number);
    if (failure == std::errc() && stop == end) return number;
  }
  return Refuse(*this, "argument " + std::to_string(index + 1) + " must be a whole number, not " + ToText(*value));
}

bool Invocation::Flag(std::size_t index, bool otherwise) const {
  const Value* value = Argument(index);
  if (value == nullptr) return otherwise;
  return value->is_bool() ? value->get_bool() : IsTruthy(ToText(*value));
}

}  // namespace headrace::expr
