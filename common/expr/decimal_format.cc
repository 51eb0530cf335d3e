#include "common/expr/decimal_format.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "common/expr/operators.h"

namespace headrace::expr {
namespace {

constexpr int kDigitsMax = 300;

struct Shape {
  std::string prefix;
  std::string suffix;
  int whole_min = 0;
  int fraction_min = 0;
  int fraction_max = 0;
  int group = 0;
  int shift = 0;         // decimal places to move: 2 for percent, 3 for per mille
  int exponent_min = 0;  // digits of the exponent; 0 is plain notation
  int whole_max = 0;     // digits before the point, '#' included
  bool always_point = false;
};

bool IsNumberPart(char c) { return c == '#' || c == '0' || c == ',' || c == '.'; }

// Text around the digits: quotes are taken out, % and ‰ scale.
std::string ReadAffix(std::string_view text, std::size_t& at, bool before, int& shift) {
  std::string affix;
  for (; at < text.size(); ++at) {
    if (text[at] == '\'') {
      const std::size_t close = text.find('\'', at + 1);
      if (close == at + 1) affix += '\'';
      affix += text.substr(at + 1, close == std::string_view::npos ? close : close - at - 1);
      if (close == std::string_view::npos) break;
      at = close;
      continue;
    }
    if (before && IsNumberPart(text[at])) break;
    if (text[at] == '%') shift = 2;
    if (text.substr(at, 3) == "‰") shift = 3;
    affix += text[at];
  }
  return affix;
}

Result<Shape> ReadShape(std::string_view pattern) {
  Shape shape;
  std::size_t at = 0;
  shape.prefix = ReadAffix(pattern, at, true, shape.shift);
  bool fraction = false;
  int since_comma = -1;
  for (; at < pattern.size() && IsNumberPart(pattern[at]); ++at) {
    const char c = pattern[at];
    if (c == '.') {
      if (fraction) return InvalidArgument("'" + std::string(pattern) + "' has two decimal points");
      fraction = true;
    } else if (c == ',') {
      since_comma = 0;
    } else if (fraction) {
      ++shape.fraction_max;
      if (c == '0') ++shape.fraction_min;
    } else {
      ++shape.whole_max;
      if (c == '0') ++shape.whole_min;
      if (since_comma >= 0) ++since_comma;
    }
  }
  shape.group = std::max(since_comma, 0);
  if (at < pattern.size() && pattern[at] == 'E') {
    for (++at; at < pattern.size() && pattern[at] == '0'; ++at) ++shape.exponent_min;
    if (shape.exponent_min == 0) return InvalidArgument("'" + std::string(pattern) + "' has an exponent without digits");
  }
  shape.suffix = ReadAffix(pattern, at, false, shape.shift);
  if (shape.whole_max + shape.fraction_max == 0) {
    return InvalidArgument("'" + std::string(pattern) + "' has no digits such as #,##0.00");
  }
  if (shape.whole_max + shape.fraction_max > kDigitsMax) return InvalidArgument("the number pattern is too long");
  // Java's DecimalFormat writes 0.5 for `#.##`, and .50 for `#.00`.
  if (shape.whole_min == 0 && shape.fraction_min == 0 && shape.whole_max > 0) shape.whole_min = 1;
  return shape;
}

// |number| in decimal digits, exactly as its shortest text; `point` is the place of the decimal point. A text is the
// digits of a BigDecimal.
std::string DigitsOf(const Value& number, int& point) {
  std::array<char, 400> buffer{};
  char* end = buffer.data();
  if (const json::string* exact = number.if_string()) {
    end = std::copy_n(exact->data(), std::min(exact->size(), buffer.size()), buffer.data());
  } else if (number.is_int64()) {
    end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), number.get_int64()).ptr;
  } else {
    end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), AsDouble(number), std::chars_format::fixed).ptr;
  }
  std::string text(buffer.data(), end);
  if (text.front() == '-') text.erase(0, 1);
  const std::size_t dot = text.find('.');
  point = static_cast<int>(dot == std::string::npos ? text.size() : dot);
  std::erase(text, '.');
  while (point > 0 && text.size() > 1 && text.front() == '0') {
    text.erase(0, 1);
    --point;
  }
  return text;
}

// Keeps `keep` digits, rounding half to even; a carry moves the point.
void RoundDigits(std::string& digits, int& point, int keep) {
  if (keep >= static_cast<int>(digits.size())) return;
  if (keep < 0) {
    digits = "0";
    point = 1;
    return;
  }
  const auto cut = static_cast<std::size_t>(keep);
  const bool beyond = digits.find_first_not_of('0', cut + 1) != std::string::npos;
  const bool odd = cut > 0 && (digits[cut - 1] - '0') % 2 == 1;
  const bool up = digits[cut] > '5' || (digits[cut] == '5' && (beyond || odd));
  digits.resize(cut);
  if (!up) return;
  for (std::size_t i = cut; i > 0; --i) {
    if (digits[i - 1] != '9') {
      ++digits[i - 1];
      return;
    }
    digits[i - 1] = '0';
  }
  digits.insert(0, 1, '1');
  ++point;
}

std::string Grouped(const std::string& whole, int group) {
  if (group <= 0) return whole;
  std::string out;
  for (std::size_t i = 0; i < whole.size(); ++i) {
    if (i > 0 && (whole.size() - i) % static_cast<std::size_t>(group) == 0) out += ',';
    out += whole[i];
  }
  return out;
}

// Digits with the point at `point`, at least and at most as many as the shape says.
std::string Plain(std::string digits, int point, const Shape& shape) {
  RoundDigits(digits, point, point + shape.fraction_max);
  if (point < 0) {
    digits.insert(0, static_cast<std::size_t>(-point), '0');
    point = 0;
  }
  if (static_cast<int>(digits.size()) < point) digits.append(static_cast<std::size_t>(point) - digits.size(), '0');
  std::string whole = digits.substr(0, static_cast<std::size_t>(point));
  std::string fraction = digits.substr(static_cast<std::size_t>(point));
  whole.erase(0, std::min(whole.find_first_not_of('0'), whole.size()));
  if (static_cast<int>(whole.size()) < shape.whole_min) {
    whole.insert(0, static_cast<std::size_t>(shape.whole_min) - whole.size(), '0');
  }
  while (static_cast<int>(fraction.size()) > shape.fraction_min && !fraction.empty() && fraction.back() == '0') {
    fraction.pop_back();
  }
  if (static_cast<int>(fraction.size()) < shape.fraction_min) {
    fraction.append(static_cast<std::size_t>(shape.fraction_min) - fraction.size(), '0');
  }
  if (whole.empty() && fraction.empty()) whole = "0";
  std::string out = Grouped(whole, shape.group);
  if (!fraction.empty()) out += "." + fraction;
  return out;
}

int RoundedDown(int number, int step) {
  return (number >= 0 ? number / step : -((-number + step - 1) / step)) * step;
}

// As DecimalFormat: with more digits before the point than must be there, exponents go in steps of so many; else the
// point stands behind those that must be there.
std::string Scientific(std::string digits, int point, const Shape& shape) {
  const std::size_t first = std::min(digits.find_first_not_of('0'), digits.size());
  digits.erase(0, first);
  point -= static_cast<int>(first);
  RoundDigits(digits, point, shape.whole_max + shape.fraction_max);
  while (!digits.empty() && digits.back() == '0') digits.pop_back();
  const bool steps = shape.whole_max > 1 && shape.whole_max > shape.whole_min;
  int exponent = 0;
  int whole = steps ? 1 : shape.whole_min;  // of zero
  if (!digits.empty()) {
    exponent = steps ? RoundedDown(point - 1, shape.whole_max) : point - shape.whole_min;
    whole = point - exponent;
  }
  const int least = std::max(shape.whole_min + shape.fraction_min, whole);
  if (static_cast<int>(digits.size()) < least) digits.append(static_cast<std::size_t>(least) - digits.size(), '0');
  if (static_cast<int>(digits.size()) > whole) digits.insert(static_cast<std::size_t>(std::max(whole, 0)), ".");
  std::string power = std::to_string(std::abs(exponent));
  if (static_cast<int>(power.size()) < shape.exponent_min) {
    power.insert(0, static_cast<std::size_t>(shape.exponent_min) - power.size(), '0');
  }
  return digits + "E" + (exponent < 0 ? "-" : "") + power;
}

// The place of the ';' that splits positive from negative, outside quotes.
std::size_t Split(std::string_view pattern) {
  bool quoted = false;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] == '\'') quoted = !quoted;
    if (pattern[i] == ';' && !quoted) return i;
  }
  return std::string_view::npos;
}

}  // namespace

Result<std::string> FormatDecimal(const Value& number, std::string_view pattern) {
  const std::size_t split = Split(pattern);
  ASSIGN_OR_RETURN(const Shape shape, ReadShape(pattern.substr(0, split)));
  const double real = !number.is_string() ? AsDouble(number) : number.get_string().starts_with("-") ? -1 : 1;
  if (std::isnan(real)) return std::string("NaN");
  std::string prefix = (real < 0 ? "-" : "") + shape.prefix;
  std::string suffix = shape.suffix;
  if (real < 0 && split != std::string_view::npos) {
    int shift = 0;
    std::size_t at = 0;
    const std::string_view negative = pattern.substr(split + 1);
    prefix = ReadAffix(negative, at, true, shift);
    while (at < negative.size() && IsNumberPart(negative[at])) ++at;
    suffix = ReadAffix(negative, at, false, shift);
  }
  if (std::isinf(real)) return prefix + "∞" + suffix;
  int point = 0;
  std::string digits = DigitsOf(number, point);
  point += shape.shift;
  const std::string body =
      shape.exponent_min > 0 ? Scientific(std::move(digits), point, shape) : Plain(std::move(digits), point, shape);
  return prefix + body + suffix;
}

}  // namespace headrace::expr
