// Decimal numbers of any length, as java.math.BigDecimal: digits and a scale that trailing zeros count in.
// Shapes: texts as BigDecimal reads and writes them ("1.10", "1E+3"). Division and products keep 34 digits.
// Errors: nothing where the text is no such number, or is out of bounds. Threads: pure. The one home of Boost.Multiprecision.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace headrace::expr {

// The text as BigDecimal writes it. Bounds: 1,000 digits, exponents of 9 digits.
std::optional<std::string> DecimalText(std::string_view text);
// The whole number that digits of base 8, 10 or 16 write, in decimal; without a sign or a prefix.
std::optional<std::string> WholeText(std::string_view digits, int base);

// Of two doubles, as Pebble does it: `op` is one of + - * / %. Nothing for a division by zero.
std::optional<std::string> DecimalArithmetic(char op, double left, double right);

// Whether the decimal is what the double's shortest text says, exactly.
bool IsDecimalOf(std::string_view decimal, double number);

}  // namespace headrace::expr
