#include "worker/github/json_parts.h"

#include "common/base/time.h"
#include "worker/github/shared_state.h"

namespace headrace::worker::github {
namespace {

constexpr std::size_t kNamesMax = 10;

}  // namespace

Timestamp InstantAt(const Value& from, std::string_view key) {
  const auto at = ParseInstant(TextAt(from, key));
  return at ? *at : Timestamp{};
}

std::vector<std::string> TextsOf(const Value& from, std::string_view key) {
  std::vector<std::string> texts;
  const Value* list = Member(from, key);
  if (list != nullptr && list->is_array()) {
    for (const Value& text : list->get_array()) texts.push_back(ToText(text));
  }
  return texts;
}

Array TextList(const std::vector<std::string>& texts) {
  Array list;
  for (const std::string& text : texts) list.emplace_back(json::string(text));
  return list;
}

Value TextOrNull(const std::string& text) { return text.empty() ? Value() : Value(json::string(text)); }

std::string Listed(const std::vector<std::string>& names) {
  std::string text;
  for (std::size_t i = 0; i < names.size() && i < kNamesMax; ++i) text += (i == 0 ? "" : ", ") + names[i];
  return names.size() <= kNamesMax ? text : text + " and " + std::to_string(names.size() - kNamesMax) + " more";
}

}  // namespace headrace::worker::github
