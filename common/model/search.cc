#include "common/model/search.h"

#include <algorithm>

namespace headrace {
namespace {

constexpr int kDepthMax = 64;

bool Holds(const Value& value, std::string_view text, int depth) {
  if (depth > kDepthMax) return false;
  if (value.is_string()) return std::string_view(value.get_string()) == text;
  if (const Array* items = value.if_array())
    return std::any_of(items->begin(), items->end(), [&](const Value& item) { return Holds(item, text, depth + 1); });
  if (const Object* members = value.if_object())
    return std::any_of(members->begin(), members->end(),
                       [&](const auto& member) { return Holds(member.value(), text, depth + 1); });
  return false;
}

}  // namespace

bool HoldsText(const Value& value, std::string_view text) { return Holds(value, text, 0); }

bool HoldsText(const Object& members, std::string_view text) {
  return std::any_of(members.begin(), members.end(), [&](const auto& member) { return Holds(member.value(), text, 1); });
}

}  // namespace headrace
