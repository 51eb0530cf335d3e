// Operators on values.
// Shapes: whole numbers are 64-bit; a double on either side makes a double. Texts equal only texts.
// Errors: INVALID_ARGUMENT naming the operator and the kinds it was given.
// Threads: pure.
#pragma once

#include "common/expr/ast.h"
#include "common/expr/budget.h"

namespace headrace::expr {

// REQUIRES: not one of the lazy operators (or, and, ??, ???).
Result<Value> ApplyBinary(BinaryOperator op, const Value& left, const Value& right, Budget& budget);
Result<Value> ApplyUnary(UnaryOperator op, const Value& operand);
Result<bool> ApplyTest(TestKind test, const Value& value);
// + - * / % of whole numbers and of others. Error: a result past 64 bits, a whole division by zero.
Result<Value> WholeArithmetic(BinaryOperator op, std::int64_t left, std::int64_t right);
Value RealArithmetic(BinaryOperator op, double left, double right);
// Booleans are themselves, numbers true unless 0, texts unless empty. Error: null, lists and maps.
Result<bool> AsCondition(const Value& value);

bool SameValue(const Value& left, const Value& right);
// Numbers by size, texts by code unit, booleans false first; -1, 0, 1. Error: kinds that have no order together.
Result<int> Order(const Value& left, const Value& right);
bool IsNumber(const Value& value);
bool IsEmpty(const Value& value);
double AsDouble(const Value& number);
// Appends what the value prints; charges the budget.
Status AppendText(std::string& out, const Value& value, Budget& budget);
// Appends what Java makes of it where texts are joined: lists and maps by toString(), nothing for null.
Status AppendJoined(std::string& out, const Value& value, Budget& budget);
// start..end by whole numbers or by single characters.
Result<Value> MakeRange(const Value& start, const Value& end, std::int64_t increment, Budget& budget);

}  // namespace headrace::expr
