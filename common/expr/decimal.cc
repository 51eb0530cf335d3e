#include "common/expr/decimal.h"

#include <algorithm>
#include <array>
#include <boost/multiprecision/cpp_int.hpp>
#include <charconv>
#include <cmath>

#include "common/model/value.h"

namespace headrace::expr {
namespace {

using Whole = boost::multiprecision::cpp_int;

constexpr std::size_t kDigitsMax = 1000;
constexpr int kPrecision = 34;  // MathContext.DECIMAL128

struct Decimal {
  Whole digits;
  std::int64_t scale = 0;
};

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

Whole PowerOfTen(std::int64_t exponent) {
  return boost::multiprecision::pow(Whole(10), static_cast<unsigned>(std::max<std::int64_t>(exponent, 0)));
}

// Digits with one point at most, then an exponent that may have a sign.
std::optional<Decimal> Parse(std::string_view text) {
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  Decimal decimal;
  std::string digits;
  bool point = false;
  std::size_t at = 0;
  for (; at < text.size() && (IsDigit(text[at]) || (text[at] == '.' && !point)); ++at) {
    if (text[at] == '.') {
      point = true;
      continue;
    }
    digits += text[at];
    if (point) ++decimal.scale;
  }
  if (digits.empty() || digits.size() > kDigitsMax) return std::nullopt;
  if (at < text.size()) {
    if (text[at] != 'e' && text[at] != 'E') return std::nullopt;
    std::string_view power = text.substr(at + 1);
    if (power.starts_with('+')) power.remove_prefix(1);
    std::int64_t exponent = 0;
    const auto [stop, failure] = std::from_chars(power.data(), power.data() + power.size(), exponent);
    if (power.empty() || failure != std::errc() || stop != power.data() + power.size()) return std::nullopt;
    if (exponent > 999'999'999 || exponent < -999'999'999) return std::nullopt;
    decimal.scale -= exponent;
  }
  const std::size_t first = std::min(digits.find_first_not_of('0'), digits.size());
  decimal.digits = first == digits.size() ? Whole(0) : Whole(digits.substr(first));  // a leading 0 would mean octal
  if (negative) decimal.digits = -decimal.digits;
  return decimal;
}

std::string Write(const Decimal& decimal) {
  std::string digits = Whole(boost::multiprecision::abs(decimal.digits)).str();
  const std::string sign = decimal.digits < 0 ? "-" : "";
  if (decimal.scale == 0) return sign + digits;
  const std::int64_t exponent = static_cast<std::int64_t>(digits.size()) - 1 - decimal.scale;
  if (decimal.scale > 0 && exponent >= -6) {
    const auto scale = static_cast<std::size_t>(decimal.scale);
    if (digits.size() <= scale) digits.insert(0, scale - digits.size() + 1, '0');
    return sign + digits.insert(digits.size() - scale, ".");
  }
  if (digits.size() > 1) digits.insert(1, ".");
  if (exponent != 0) digits += (exponent < 0 ? "E" : "E+") + std::to_string(exponent);
  return sign + digits;
}

void Align(Decimal& a, Decimal& b) {
  Decimal& coarse = a.scale < b.scale ? a : b;
  const std::int64_t scale = std::max(a.scale, b.scale);
  coarse.digits *= PowerOfTen(scale - coarse.scale);
  coarse.scale = scale;
}

int DigitCount(const Whole& number) { return static_cast<int>(Whole(boost::multiprecision::abs(number)).str().size()); }

// Quotient of whole numbers, half to even.
Whole Rounded(const Whole& dividend, const Whole& divisor) {
  Whole quotient;
  Whole rest;
  boost::multiprecision::divide_qr(dividend, divisor, quotient, rest);
  const Whole twice = boost::multiprecision::abs(rest) * 2;
  const Whole whole = boost::multiprecision::abs(divisor);
  if (twice > whole || (twice == whole && quotient % 2 != 0)) quotient += (dividend < 0) == (divisor < 0) ? 1 : -1;
  return quotient;
}

Decimal Divide(const Decimal& a, const Decimal& b) {
  const std::int64_t preferred = a.scale - b.scale;
  if (a.digits == 0) return {0, preferred};
  // So many zeros that the quotient has one digit more than are kept, or two; the rest only tells how to round.
  const std::int64_t zeros = std::max<std::int64_t>(kPrecision + 1 - DigitCount(a.digits) + DigitCount(b.digits), 0);
  const Whole dividend = a.digits * PowerOfTen(zeros);
  const int surplus = DigitCount(Whole(dividend / b.digits)) - kPrecision;
  Decimal result{Rounded(dividend, Whole(b.digits * PowerOfTen(surplus))), preferred + zeros - surplus};
  const bool exact = result.digits * b.digits * PowerOfTen(surplus) == dividend;
  while (exact && result.scale > preferred && result.digits % 10 == 0) {
    result.digits /= 10;
    --result.scale;
  }
  return result;
}

std::optional<Decimal> OfDouble(double number) {
  return std::isfinite(number) ? Parse(ToText(Value(number))) : std::nullopt;
}

}  // namespace

std::optional<std::string> DecimalText(std::string_view text) {
  const std::optional<Decimal> decimal = Parse(text);
  return decimal ? std::optional(Write(*decimal)) : std::nullopt;
}

std::optional<std::string> WholeText(std::string_view digits, int base) {
  if (digits.empty() || digits.size() > kDigitsMax) return std::nullopt;
  Whole number = 0;
  for (const char c : digits) {
    const int digit = IsDigit(c) ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : 99;
    if (digit >= base) return std::nullopt;
    number = number * base + digit;
  }
  return number.str();
}

std::optional<std::string> DecimalArithmetic(char op, double left, double right) {
  std::optional<Decimal> a = OfDouble(left);
  std::optional<Decimal> b = OfDouble(right);
  if (!a || !b) return std::nullopt;
  if ((op == '/' || op == '%') && b->digits == 0) return std::nullopt;
  if (op == '*') return Write({a->digits * b->digits, a->scale + b->scale});
  if (op == '/') return Write(Divide(*a, *b));
  Align(*a, *b);
  if (op == '%') return Write({a->digits % b->digits, a->scale});
  return Write({op == '+' ? Whole(a->digits + b->digits) : Whole(a->digits - b->digits), a->scale});
}

bool IsDecimalOf(std::string_view decimal, double number) {
  std::optional<Decimal> exact = Parse(decimal);
  std::optional<Decimal> shortest = OfDouble(number);
  if (!exact || !shortest) return false;
  if (std::abs(exact->scale - shortest->scale) > 2000) return exact->digits == 0 && shortest->digits == 0;
  Align(*exact, *shortest);
  return exact->digits == shortest->digits;
}

}  // namespace headrace::expr
