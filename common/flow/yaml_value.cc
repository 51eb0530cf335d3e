#include <charconv>
#include <cmath>
#include <optional>

#include "common/expr/yaml_reader.h"
#include "common/flow/yaml.h"

namespace headrace::flow {
namespace {

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

bool IsOneOf(std::string_view word, std::initializer_list<std::string_view> words) {
  for (const std::string_view one : words) {
    if (word == one) return true;
  }
  return false;
}

// YAML 1.1: yes/no and on/off are booleans, as Kestra reads them. A property of type string keeps the text.
std::optional<bool> AsBoolean(std::string_view text) {
  if (IsOneOf(text, {"true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON"})) return true;
  if (IsOneOf(text, {"false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF"})) return false;
  return std::nullopt;
}

// Digits of `base` without underscores; the whole of it must fit 64 bits.
std::optional<Value> Integer(std::string digits, int base, bool negative) {
  if (digits.empty()) return std::nullopt;
  std::uint64_t magnitude = 0;
  const char* end = digits.data() + digits.size();
  const auto [pointer, failure] = std::from_chars(digits.data(), end, magnitude, base);
  if (failure != std::errc() || pointer != end) return std::nullopt;
  if (!negative) {
    if (magnitude <= static_cast<std::uint64_t>(INT64_MAX)) return Value(static_cast<std::int64_t>(magnitude));
    return Value(magnitude);
  }
  if (magnitude > static_cast<std::uint64_t>(INT64_MAX) + 1) return std::nullopt;
  return Value(static_cast<std::int64_t>(~magnitude + 1));
}

std::string WithoutUnderscores(std::string_view text) {
  std::string plain;
  for (const char c : text) {
    if (c != '_') plain += c;
  }
  return plain;
}

std::optional<Value> AsInteger(std::string_view text) {
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  if (text.empty() || !IsDigit(text.front())) return std::nullopt;
  if (text.starts_with("0x")) return Integer(WithoutUnderscores(text.substr(2)), 16, negative);
  if (text.starts_with("0b")) return Integer(WithoutUnderscores(text.substr(2)), 2, negative);
  for (const char c : text) {
    if (!IsDigit(c) && c != '_') return std::nullopt;
  }
  if (text.size() > 1 && text.front() == '0') return Integer(WithoutUnderscores(text.substr(1)), 8, negative);
  return Integer(WithoutUnderscores(text), 10, negative);
}

// [-+]?digits[.digits][e[-+]digits] or .digits…; with a fraction or an exponent, else it is no float.
bool LooksLikeFloat(std::string_view text) {
  std::size_t i = 0;
  const auto digits = [&] {
    const std::size_t from = i;
    while (i < text.size() && (IsDigit(text[i]) || (text[i] == '_' && i > from))) ++i;
    return i > from;
  };
  if (i < text.size() && (text[i] == '-' || text[i] == '+')) ++i;
  const bool whole = digits();
  bool point = false;
  if (i < text.size() && text[i] == '.') {
    point = true;
    ++i;
    if (!digits() && !whole) return false;
  }
  if (!whole && !point) return false;
  if (i == text.size()) return point;
  if (text[i] != 'e' && text[i] != 'E') return false;
  ++i;
  if (i < text.size() && (text[i] == '-' || text[i] == '+')) ++i;
  return digits() && i == text.size();
}

std::optional<Value> AsFloat(std::string_view text) {
  if (!LooksLikeFloat(text)) return std::nullopt;
  std::string plain = WithoutUnderscores(text);
  if (plain.front() == '+') plain.erase(0, 1);
  double number = 0;
  const auto [pointer, failure] = std::from_chars(plain.data(), plain.data() + plain.size(), number);
  if (failure != std::errc() || pointer != plain.data() + plain.size() || !std::isfinite(number)) return std::nullopt;
  return Value(number);
}

}  // namespace

Value ToValue(const YamlNode& node) {
  switch (node.kind) {
    case YamlNode::Kind::kNull:
      return nullptr;
    case YamlNode::Kind::kList: {
      Array list;
      list.reserve(node.items.size());
      for (const YamlNode& item : node.items) list.push_back(ToValue(item));
      return list;
    }
    case YamlNode::Kind::kMap: {
      Object map;
      map.reserve(node.entries.size());
      for (const YamlEntry& entry : node.entries) map.insert_or_assign(entry.key.text, ToValue(entry.value));
      return map;
    }
    case YamlNode::Kind::kScalar:
      break;
  }
  if (!node.is_text && !node.text.empty()) {
    if (const auto boolean = AsBoolean(node.text)) return *boolean;
    if (auto integer = AsInteger(node.text)) return *std::move(integer);
    if (auto number = AsFloat(node.text)) return *std::move(number);
  }
  return Value(node.text);
}

Result<Value> ParseYamlValue(std::string_view text, const std::string& file) {
  ASSIGN_OR_RETURN(const YamlNode node, ParseYaml(text, file));
  return ToValue(node);
}

namespace {

// Every program that reads flows can thereby render yaml().
[[maybe_unused]] const bool kGaveYamlReader =
    (expr::SetYamlReader([](std::string_view text) { return ParseYamlValue(text); }), true);

}  // namespace

}  // namespace headrace::flow
