#include "common/expr/java_value.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <vector>

#include "common/expr/decimal.h"
#include "common/expr/operators.h"
#include "common/expr/utf8.h"

namespace headrace::expr {
namespace {

std::optional<double> ReadDouble(std::string_view text) {
  if (text.starts_with('+')) text.remove_prefix(1);
  double number = 0;
  const auto [stop, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failure == std::errc::result_out_of_range) {
    const bool tiny = text.find("E-") != std::string_view::npos;
    const double infinite = tiny ? 0 : HUGE_VAL;
    return text.starts_with('-') ? -infinite : infinite;
  }
  if (failure != std::errc() || stop != text.data() + text.size()) return std::nullopt;
  return number;
}

Value SettledEntry(const Value& entry) {
  const Value* key = Member(entry, "key");
  const Value* value = Member(entry, "value");
  if (key == nullptr || value == nullptr) return entry;
  return Object({{ToText(*key), *value}});
}

void AppendJava(std::string& out, const Value& value) {
  if (const Array* list = value.if_array()) {
    out += '[';
    for (const Value& item : *list) {
      if (&item != list->data()) out += ", ";
      AppendJava(out, item);
    }
    out += ']';
  } else if (const Object* map = value.if_object()) {
    out += '{';
    const char* separator = "";
    for (const auto& [key, item] : *map) {
      out.append(separator).append(key).append("=");
      AppendJava(out, item);
      separator = ", ";
    }
    out += '}';
  } else {
    out += value.is_null() ? "null" : ToText(value);
  }
}

std::uint32_t JavaHash(std::string_view key) {
  std::uint32_t hash = 0;
  for (const char16_t unit : ToUtf16(key)) hash = hash * 31 + unit;
  return hash ^ (hash >> 16U);
}

Result<Value> FloatArithmetic(BinaryOperator op, float left, float right) {
  switch (op) {
    case BinaryOperator::kAdd: return Value(FloatDecimal(left + right));
    case BinaryOperator::kSubtract: return Value(FloatDecimal(left - right));
    case BinaryOperator::kMultiply: return Value(FloatDecimal(left * right));
    case BinaryOperator::kDivide: return Value(FloatDecimal(left / right));
    default: return Value(FloatDecimal(std::fmod(left, right)));
  }
}

char Sign(BinaryOperator op) {
  switch (op) {
    case BinaryOperator::kAdd: return '+';
    case BinaryOperator::kSubtract: return '-';
    case BinaryOperator::kMultiply: return '*';
    case BinaryOperator::kDivide: return '/';
    default: return '%';
  }
}

std::optional<Value> JavaComparison(BinaryOperator op, double left, double right) {
  switch (op) {
    case BinaryOperator::kEqual: return Value(left == right);
    case BinaryOperator::kNotEqual: return Value(left != right);
    case BinaryOperator::kGreater: return Value(left > right);
    case BinaryOperator::kLess: return Value(left < right);
    case BinaryOperator::kGreaterEqual: return Value(left >= right);
    case BinaryOperator::kLessEqual: return Value(left <= right);
    default: return std::nullopt;
  }
}

bool Is(const Typed& left, const Typed& right, JavaType type) { return left.type == type || right.type == type; }
bool IsDouble(const Typed& one) {
  return one.type == JavaType::kDouble || (one.type == JavaType::kUnknown && one.value.is_double());
}

}  // namespace

bool NeedsSettling(JavaType type) {
  return type == JavaType::kEntry || type == JavaType::kEntries || type == JavaType::kBigDecimal;
}

Value Settled(Value value, JavaType type) {
  if (type == JavaType::kEntry) return SettledEntry(value);
  if (type == JavaType::kEntries && value.is_array()) {
    for (Value& entry : value.get_array()) entry = SettledEntry(entry);
  }
  if (type == JavaType::kBigDecimal && value.is_string()) {
    const std::optional<double> number = ReadDouble(value.get_string());
    if (number && IsDecimalOf(value.get_string(), *number)) return Value(*number);
  }
  return value;
}

std::string_view JavaClassName(const Value& value, JavaType type) {
  static constexpr std::array<std::string_view, 9> kNames = {
      "", "java.lang.Integer", "java.lang.Long", "java.lang.Float", "java.lang.Double", "java.math.BigInteger",
      "java.math.BigDecimal", "java.util.LinkedHashMap$Entry", "java.util.LinkedHashMap$LinkedEntrySet"};
  if (type != JavaType::kUnknown) return kNames[static_cast<std::size_t>(type)];
  switch (value.kind()) {
    case json::kind::null: return "";
    case json::kind::bool_: return "java.lang.Boolean";
    case json::kind::string: return "java.lang.String";
    case json::kind::double_: return "java.lang.Double";
    case json::kind::array: return "java.util.ArrayList";
    case json::kind::object: return "java.util.LinkedHashMap";
    case json::kind::uint64: return "java.math.BigInteger";
    default: break;
  }
  const std::int64_t number = value.get_int64();
  return number <= INT32_MAX && number >= INT32_MIN ? "java.lang.Integer" : "java.lang.Long";
}

std::string JavaText(const Value& value, JavaType type) {
  std::string out;
  if (type == JavaType::kEntry && value.is_object()) {
    AppendJava(out, value.at("key"));
    out += '=';
    AppendJava(out, value.at("value"));
  } else if (type == JavaType::kEntries && value.is_array()) {
    for (const Value& entry : value.get_array()) out += (out.empty() ? "[" : ", ") + JavaText(entry, JavaType::kEntry);
    out += out.empty() ? "[]" : "]";
  } else {
    AppendJava(out, value);
  }
  return out;
}

void SortAsHashMap(Object& map, std::size_t capacity) {
  if (map.size() < 2) return;
  std::size_t buckets = 1;
  while (buckets < capacity) buckets *= 2;
  while (map.size() > buckets * 3 / 4) buckets *= 2;
  std::vector<std::pair<std::size_t, std::size_t>> order;
  for (const auto& [key, value] : map) order.emplace_back(JavaHash(key) & (buckets - 1), order.size());
  std::sort(order.begin(), order.end());
  Object sorted;
  sorted.reserve(map.size());
  for (const auto& [bucket, place] : order) {
    auto& entry = *(map.begin() + static_cast<std::ptrdiff_t>(place));
    sorted.emplace(entry.key(), std::move(entry.value()));
  }
  map = std::move(sorted);
}

double FloatDecimal(float number) {
  std::array<char, 64> digits{};
  const char* end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
  double shortest = number;
  std::from_chars(digits.data(), end, shortest);
  return shortest;
}

bool IsJavaNumber(const Typed& one) {
  return one.type == JavaType::kFloat || one.type == JavaType::kBigDecimal || one.type == JavaType::kBigInteger;
}

std::optional<double> JavaDouble(const Typed& one) {
  if (one.type == JavaType::kFloat && one.value.is_double()) return static_cast<float>(one.value.get_double());
  if (IsNumber(one.value)) return AsDouble(one.value);
  const bool digits = (one.type == JavaType::kBigDecimal || one.type == JavaType::kBigInteger) && one.value.is_string();
  return digits ? ReadDouble(one.value.get_string()) : std::nullopt;
}

Result<Value> JavaArithmetic(BinaryOperator op, const Typed& left, const Typed& right, JavaType& result) {
  const std::optional<double> a = JavaDouble(left);
  const std::optional<double> b = JavaDouble(right);
  if (!a || !b) return InvalidArgument("no number");
  if (std::optional<Value> comparison = JavaComparison(op, *a, *b)) return std::move(*comparison);
  if (Is(left, right, JavaType::kBigDecimal)) {
    result = JavaType::kBigDecimal;
    std::optional<std::string> text = DecimalArithmetic(Sign(op), *a, *b);
    if (!text) return InvalidArgument("division by zero");
    return Value(std::move(*text));
  }
  if (IsDouble(left) || IsDouble(right)) {
    result = JavaType::kDouble;
    return RealArithmetic(op, *a, *b);
  }
  if (Is(left, right, JavaType::kFloat)) {
    result = JavaType::kFloat;
    return FloatArithmetic(op, static_cast<float>(*a), static_cast<float>(*b));
  }
  result = JavaType::kLong;
  if (!left.value.is_int64() || !right.value.is_int64()) return InvalidArgument("a number does not fit 64 bits");
  return WholeArithmetic(op, left.value.get_int64(), right.value.get_int64());
}

}  // namespace headrace::expr
