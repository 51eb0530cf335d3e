#include <array>
#include <charconv>
#include <cmath>

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
    ASSIGN_OR_RETURN(const double real, ParseReal(call, text));
    return Value(real);
  }
  if (type == "INT") return WholeOf(call, text, true);
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

Result<Value> NumberFormatFilter(const Invocation& call) {
  if (call.input.is_null()) return Value(nullptr);
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

std::span<const Builtin> NumberFilters() { return kFilters; }

}  // namespace headrace::expr
