#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <optional>

#include "common/base/text.h"
#include "common/expr/builtin.h"
#include "common/expr/decimal_format.h"
#include "common/expr/operators.h"

namespace headrace::expr {
namespace {

Result<Value> AbsFilter(const Invocation& call) {
  if (call.input.is_null()) return Value(nullptr);
  if (!IsNumber(call.input)) return Refuse(call, "needs a number, not a " + std::string(KindName(call.input)));
  if (AsDouble(call.input) >= 0) return call.input;
  return ApplyUnary(UnaryOperator::kMinus, call.input);
}

tl::unexpected<Error> NoNumber(const Invocation& call, std::string_view text) {
  return Refuse(call, "'" + std::string(text) + "' is not a number");
}

Result<double> ParseReal(const Invocation& call, std::string_view text) {
  std::string_view digits = text;
  if (!digits.empty() && std::string_view("fFdDlL").find(digits.back()) != std::string_view::npos) {
    digits.remove_suffix(1);
  }
  if (!digits.empty() && digits.front() == '+') digits.remove_prefix(1);
  double number = 0;
  const auto [stop, failure] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (failure != std::errc() || stop != digits.data() + digits.size() || digits.empty() || !std::isfinite(number)) {
    return NoNumber(call, text);
  }
  return number;
}

// The whole number `text` writes, if it writes one: decimal or 0x.
bool ParseWhole(std::string_view text, std::int64_t& number) {
  if (!text.empty() && (text.back() == 'l' || text.back() == 'L')) text.remove_suffix(1);
  const bool negative = !text.empty() && text.front() == '-';
  if (!text.empty() && (text.front() == '+' || negative)) text.remove_prefix(1);
  int base = 10;
  if (text.starts_with("0x") || text.starts_with("0X")) {
    base = 16;
    text.remove_prefix(2);
  }
  if (text.empty() || text.front() == '-') return false;
  std::string signed_text = (negative ? "-" : "") + std::string(text);
  const char* end = signed_text.data() + signed_text.size();
  const auto [stop, failure] = std::from_chars(signed_text.data(), end, number, base);
  return failure == std::errc() && stop == end;
}

// Past 64 bits a whole number is its digits.
std::optional<std::string> BigWhole(std::string_view text) {
  std::string_view digits = text;
  if (!digits.empty() && (digits.front() == '-' || digits.front() == '+')) digits.remove_prefix(1);
  const bool whole = !digits.empty() && std::all_of(digits.begin(), digits.end(), [](char c) { return c >= '0' && c <= '9'; });
  if (!whole) return std::nullopt;
  return std::string(text.front() == '+' ? digits : text);
}

Result<Value> WholeOf(const Invocation& call, const std::string& text, bool narrow) {
  std::int64_t number = 0;
  if (IsNumber(call.input) && !call.input.is_int64()) {
    const double real = std::trunc(AsDouble(call.input));
    if (std::abs(real) > 9.2e18) return NoNumber(call, text);
    number = static_cast<std::int64_t>(real);
  } else if (!ParseWhole(text, number)) {
    return NoNumber(call, text);
  }
  if (narrow && (number > INT32_MAX || number < INT32_MIN)) return Refuse(call, text + " does not fit an INT");
  return Value(number);
}

Result<Value> NumberFilter(const Invocation& call) {
  if (call.input.is_null()) return Value(nullptr);
  if (call.input.is_structured() || call.input.is_bool()) return NoNumber(call, KindName(call.input));
  const std::string type = call.Text(0);
  const std::string text(Trim(ToText(call.input)));
  if (type.empty()) {
    std::int64_t whole = 0;
    if (IsNumber(call.input)) return call.input;
    if (ParseWhole(text, whole)) return Value(whole);
    if (auto big = BigWhole(text)) return Value(std::move(*big));
    ASSIGN_OR_RETURN(const double real, ParseReal(call, text));
    return Value(real);
  }
  if (type == "INT") return WholeOf(call, text, true);
  if (type == "BIGINTEGER" && !IsNumber(call.input)) {
    std::int64_t whole = 0;
    if (auto big = BigWhole(text); big && !ParseWhole(text, whole)) return Value(std::move(*big));
  }
  if (type == "LONG" || type == "BIGINTEGER") return WholeOf(call, text, false);
  ASSIGN_OR_RETURN(const double real, ParseReal(call, text));
  if (type == "FLOAT") {
    // The shortest decimal of the float, so that 0.1f prints as 0.1.
    std::array<char, 32> digits{};
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), static_cast<float>(real)).ptr;
    double shortest = 0;
    std::from_chars(digits.data(), end, shortest);
    return Value(shortest);
  }
  if (type == "DOUBLE" || type == "BIGDECIMAL") return Value(real);
  return Refuse(call, "the type must be INT, FLOAT, LONG, DOUBLE, BIGDECIMAL or BIGINTEGER, not '" + type + "'");
}

template <typename Real>
std::string Shortest(Real number) {
  std::array<char, 64> digits{};
  return {digits.data(), std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr};
}

// Digits that count: without sign, point, exponent and zeros at either end.
std::string Significant(std::string_view text) {
  std::string digits;
  for (const char c : text.substr(0, text.find_first_of("eE"))) {
    if (c >= '0' && c <= '9' && (c != '0' || !digits.empty())) digits += c;
  }
  while (!digits.empty() && digits.back() == '0') digits.pop_back();
  return digits;
}

// The class that commons-lang's createNumber picks: the narrowest that loses nothing.
std::string_view ClassOf(const Value& number, std::string_view text) {
  if (number.is_string()) return "java.math.BigInteger";
  const char suffix = text.empty() ? '\0' : text.back();
  const bool hex = text.find_first_of("xX") != std::string_view::npos;
  if (number.is_int64()) {
    const bool narrow = number.get_int64() <= INT32_MAX && number.get_int64() >= INT32_MIN;
    return narrow && suffix != 'l' && suffix != 'L' ? "java.lang.Integer" : "java.lang.Long";
  }
  if (!hex && (suffix == 'f' || suffix == 'F')) return "java.lang.Float";
  const double real = AsDouble(number);
  if (!hex && (suffix == 'd' || suffix == 'D')) return "java.lang.Double";
  if (Shortest(static_cast<float>(real)) == Shortest(real)) return "java.lang.Float";
  return Significant(text) == Significant(Shortest(real)) ? "java.lang.Double" : "java.math.BigDecimal";
}

Result<Value> NumberClassFilter(const Invocation& call) {
  ASSIGN_OR_RETURN(const Value number, NumberFilter(call));
  if (number.is_null()) return number;
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 6> kClasses = {{
      {"INT", "java.lang.Integer"}, {"LONG", "java.lang.Long"}, {"FLOAT", "java.lang.Float"},
      {"DOUBLE", "java.lang.Double"}, {"BIGDECIMAL", "java.math.BigDecimal"}, {"BIGINTEGER", "java.math.BigInteger"},
  }};
  const std::string type = call.Text(0);
  for (const auto& [name, java] : kClasses) {
    if (name == type) return Value(java);
  }
  return Value(ClassOf(number, Trim(ToText(call.input))));
}

Result<Value> NumberFormatFilter(const Invocation& call) {
  if (call.input.is_null()) return Value(nullptr);
  if (call.input.is_string()) {
    ASSIGN_OR_RETURN(const double real, ParseReal(call, Trim(ToText(call.input))));
    ASSIGN_OR_RETURN(std::string formatted, FormatDecimal(Value(real), call.Text(0, "#,##0.###")));
    return Value(std::move(formatted));
  }
  if (!IsNumber(call.input)) return Refuse(call, "needs a number, not a " + std::string(KindName(call.input)));
  ASSIGN_OR_RETURN(std::string text, FormatDecimal(call.input, call.Text(0, "#,##0.###")));
  return Value(std::move(text));
}

constexpr Builtin kFilters[] = {
    {"abs", AbsFilter},
    {"number", NumberFilter, {"type"}},
    {"numberFormat", NumberFormatFilter, {"format"}},
};

}  // namespace

const Builtin& NumberClass() {
  static constexpr Builtin kNumberClass = {"className", NumberClassFilter, {"type"}};
  return kNumberClass;
}

std::span<const Builtin> NumberFilters() { return kFilters; }

}  // namespace headrace::expr
