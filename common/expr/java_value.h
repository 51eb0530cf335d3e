// What values are to Java where JSON does not tell it: the class of a number, the entry of a map, toString().
// Shapes: a float is the double of its shortest decimal. A BigDecimal is the text of its digits; a BigInteger too where
//   64 bits do not hold it. An entry is {"key", "value"}; entries are a list of such.
// Threads: pure. Source: Pebble's OperatorUtils, java.util.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/error.h"
#include "common/expr/ast.h"
#include "common/model/value.h"

namespace headrace::expr {

enum class JavaType : std::uint8_t {
  kUnknown,  // what the JSON looks like
  kInteger, kLong, kFloat, kDouble, kBigInteger, kBigDecimal,
  kEntry, kEntries,
};

// A value that JSON has: entries become {key: value}, a BigDecimal a double where that loses nothing.
Value Settled(Value value, JavaType type);
bool NeedsSettling(JavaType type);

// "java.lang.Long" and the like; nothing for null.
std::string_view JavaClassName(const Value& value, JavaType type);
// toString(): lists as [1, a], maps as {a=1}, an entry as a=1, null as null.
std::string JavaText(const Value& value, JavaType type = JavaType::kUnknown);
// Puts the keys in the order in which Java's HashMap of that capacity walks them.
void SortAsHashMap(Object& map, std::size_t capacity);

// A float and its double: the shortest decimal that reads back as the float.
double FloatDecimal(float number);

struct Typed {
  const Value& value;
  JavaType type;
};
// Whether JSON's own arithmetic and comparison are not Java's for these two.
bool IsJavaNumber(const Typed& one);
// + - * / % and comparisons of two numbers of which one is a Java number. Error: not for that operator or kind.
Result<Value> JavaArithmetic(BinaryOperator op, const Typed& left, const Typed& right, JavaType& result);
// Of any number, as Java's doubleValue(); nothing if it is none.
std::optional<double> JavaDouble(const Typed& one);

}  // namespace headrace::expr
