#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <optional>

#include "common/base/text.h"
#include "common/expr/builtin.h"
#include "common/expr/decimal.h"
#include "common/expr/decimal_format.h"
#include "common/expr/operators.h"

namespace headrace::expr {
namespace {

Result<Value> AbsFilter(const Invocation& call) {
  const Typed input{call.input, call.input_type};
  const std::optional<double> number = JavaDouble(input);
  if (!number) return Refuse(call, "needs a number, not a " + std::string(KindName(call.input)));
  call.SetResultType(call.input_type);
  if (const json::string* digits = call.input.if_string()) {
    return Value(std::string_view(*digits).substr(digits->starts_with("-") ? 1 : 0));
  }
  if (*number >= 0) return call.input;
  return ApplyUnary(UnaryOperator::kMinus, call.input);
}

tl::unexpected<Error> NoNumber(const Invocation& call, std::string_view text) {
  return Refuse(call, "'" + std::string(text) + "' is not a number");
}

// A float or double as Java reads it: blanks around it and a letter of its type behind it do not matter.
std::optional<double> ReadReal(std::string_view text, float* as_float = nullptr) {
  text = Trim(text);
  if (!text.empty() && std::string_view("fFdD").find(text.back()) != std::string_view::npos) text.remove_suffix(1);
  if (text.starts_with('+')) text.remove_prefix(1);
  double number = 0;
  const char* end = text.data() + text.size();
  const auto [stop, failure] = std::from_chars(text.data(), end, number);
  const bool digits = text.find_first_of("0123456789") != std::string_view::npos;
  if (failure != std::errc() || stop != end || !digits) return std::nullopt;
  if (as_float != nullptr && std::from_chars(text.data(), end, *as_float).ec != std::errc()) *as_float = HUGE_VALF;
  return number;
}

Result<double> ParseReal(const Invocation& call, std::string_view text) {
  if (const std::optional<double> number = ReadReal(text)) return *number;
  return NoNumber(call, text);
}

// A whole number as Java's decode() reads it, or as parseInt() does: 0x, 0X or # before hexadecimal digits; for decode a
// 0 before octal ones. Past 64 bits it is the text of its decimal digits.
std::optional<Value> ReadWhole(std::string_view text, bool decode) {
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  int base = 10;
  const std::size_t prefix = text.starts_with("0x") || text.starts_with("0X") ? 2 : text.starts_with('#') ? 1 : 0;
  if (prefix > 0) {
    base = 16;
  } else if (decode && text.size() > 1 && text.front() == '0') {
    base = 8;
  }
  text.remove_prefix(prefix);
  std::optional<std::string> digits = WholeText(text, base);
  if (!digits) return std::nullopt;
  if (negative && *digits != "0") digits->insert(0, 1, '-');
  std::int64_t number = 0;
  const char* end = digits->data() + digits->size();
  if (std::from_chars(digits->data(), end, number).ec == std::errc()) return Value(number);
  return Value(std::move(*digits));
}

// What createNumber of commons-lang makes of a whole number: the narrowest class that its digits allow.
Value TypedWhole(const Invocation& call, Value number, bool at_least_long) {
  const bool narrow = number.is_int64() && number.get_int64() <= INT32_MAX && number.get_int64() >= INT32_MIN;
  call.SetResultType(number.is_string() ? JavaType::kBigInteger
                                        : narrow && !at_least_long ? JavaType::kInteger : JavaType::kLong);
  return number;
}

// Of a number with a fraction or an exponent: a float if its text is that of the double, a double if it is exact.
Result<Value> NarrowestReal(const Invocation& call, const std::string& text) {
  float narrow = 0;
  const std::optional<double> real = ReadReal(text, &narrow);
  const std::optional<std::string> decimal = DecimalText(Trim(text));
  if (!real && !decimal) return NoNumber(call, text);
  const bool zero = text.substr(0, text.find_first_of("eE")).find_first_of("123456789") == std::string::npos;
  if (real && std::isfinite(narrow) && (narrow != 0 || zero) && FloatDecimal(narrow) == *real) {
    call.SetResultType(JavaType::kFloat);
    return Value(*real);
  }
  if (real && (*real != 0 || zero) && (!decimal || IsDecimalOf(*decimal, *real))) {
    call.SetResultType(JavaType::kDouble);
    return Value(*real);
  }
  if (!decimal) return NoNumber(call, text);
  call.SetResultType(JavaType::kBigDecimal);
  return Value(*decimal);
}

// As NumberUtils.createNumber of commons-lang.
Result<Value> CreateNumber(const Invocation& call, const std::string& text) {
  if (Trim(text).empty()) return NoNumber(call, text);
  const char last = text.back();
  const bool hex = text.find_first_of("xX#") != std::string::npos;
  if (!hex && (last == 'l' || last == 'L')) {
    std::optional<Value> whole = ReadWhole(std::string_view(text).substr(0, text.size() - 1), false);
    if (!whole) return NoNumber(call, text);
    return TypedWhole(call, std::move(*whole), true);
  }
  if (!hex && (last == 'f' || last == 'F' || last == 'd' || last == 'D')) {
    float narrow = 0;
    const std::optional<double> real = ReadReal(text, &narrow);
    if (!real) return NoNumber(call, text);
    const bool single = (last == 'f' || last == 'F') && std::isfinite(narrow);
    call.SetResultType(single ? JavaType::kFloat : JavaType::kDouble);
    return Value(single ? FloatDecimal(narrow) : *real);
  }
  if (hex || text.find_first_of(".eE") == std::string::npos) {
    std::optional<Value> whole = ReadWhole(text, true);
    if (!whole) return NoNumber(call, text);
    return TypedWhole(call, std::move(*whole), false);
  }
  if (!(last >= '0' && last <= '9') && last != '.') return NoNumber(call, text);
  return NarrowestReal(call, text);
}

Result<Value> WholeOf(const Invocation& call, const std::string& text, JavaType type) {
  call.SetResultType(type);
  std::optional<Value> whole = ReadWhole(text, false);
  if (IsNumber(call.input) && !call.input.is_int64()) {
    const double real = std::trunc(AsDouble(call.input));
    if (!(std::abs(real) < 9.2e18)) return NoNumber(call, text);
    whole = Value(static_cast<std::int64_t>(real));
  }
  if (!whole || (whole->is_string() && type != JavaType::kBigInteger)) return NoNumber(call, text);
  if (type == JavaType::kInteger && (whole->get_int64() > INT32_MAX || whole->get_int64() < INT32_MIN)) {
    return Refuse(call, text + " does not fit an INT");
  }
  return std::move(*whole);
}

Result<Value> RealOf(const Invocation& call, const std::string& text, JavaType type) {
  if (type == JavaType::kBigDecimal) {
    std::optional<std::string> decimal = DecimalText(text);
    if (!decimal) return NoNumber(call, text);
    call.SetResultType(type);
    return Value(std::move(*decimal));
  }
  float narrow = 0;
  const std::optional<double> real = ReadReal(text, &narrow);
  if (!real) return NoNumber(call, text);
  call.SetResultType(type);
  return Value(type == JavaType::kFloat ? FloatDecimal(narrow) : *real);
}

Result<Value> NumberFilter(const Invocation& call) {
  if (call.input.is_null()) return Value(nullptr);
  if (call.input.is_structured() || call.input.is_bool()) return NoNumber(call, KindName(call.input));
  const std::string type = call.Text(0);
  const std::string text = ToText(call.input);
  if (type.empty()) {
    if (!IsNumber(call.input) && call.input_type == JavaType::kUnknown) return CreateNumber(call, text);
    call.SetResultType(call.input_type);
    return call.input;
  }
  if (type == "INT") return WholeOf(call, text, JavaType::kInteger);
  if (type == "LONG") return WholeOf(call, text, JavaType::kLong);
  if (type == "BIGINTEGER") return WholeOf(call, text, JavaType::kBigInteger);
  if (type == "FLOAT") return RealOf(call, text, JavaType::kFloat);
  if (type == "DOUBLE") return RealOf(call, text, JavaType::kDouble);
  if (type == "BIGDECIMAL") return RealOf(call, text, JavaType::kBigDecimal);
  return Refuse(call, "the type must be INT, FLOAT, LONG, DOUBLE, BIGDECIMAL or BIGINTEGER, not '" + type + "'");
}

Result<Value> NumberFormatFilter(const Invocation& call) {
  if (call.input.is_null()) return Value(nullptr);
  if (const json::string* text = call.input.if_string()) {
    ASSIGN_OR_RETURN(const double real, ParseReal(call, Trim(*text)));
    const bool exact = call.input_type != JavaType::kUnknown && text->size() < 300 && text->find_first_of("eE") == std::string::npos;
    ASSIGN_OR_RETURN(std::string formatted, FormatDecimal(exact ? call.input : Value(real), call.Text(0, "#,##0.###")));
    return Value(std::move(formatted));
  }
  if (!IsNumber(call.input)) return Refuse(call, "needs a number, not a " + std::string(KindName(call.input)));
  ASSIGN_OR_RETURN(std::string text, FormatDecimal(call.input, call.Text(0, "#,##0.###")));
  return Value(std::move(text));
}

constexpr Builtin kFilters[] = {
    {"abs", AbsFilter, {}, 0, false, false, "", true},
    {"number", NumberFilter, {"type"}, 0, false, false, "", true},
    {"numberFormat", NumberFormatFilter, {"format"}, 0, false, false, "", true},
    {"numberformat", NumberFormatFilter, {"format"}, 0, false, false, "", true},  // Pebble's own name of it
};

}  // namespace

std::span<const Builtin> NumberFilters() { return kFilters; }

}  // namespace headrace::expr
