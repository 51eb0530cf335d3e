#include "common/expr/operators.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <string>

#include "common/expr/builtin.h"
#include "common/expr/java_value.h"

namespace headrace::expr {
namespace {

std::string_view OperatorText(BinaryOperator op) {
  static constexpr std::array<std::string_view, 19> kTexts = {"or", "and", "contains", "==", "!=", ">",  "<",
                                                              ">=", "<=",  "+",        "-",  "*",  "/",  "%",
                                                              "~",  "..",  "??",       "???", "isIn"};
  return kTexts[static_cast<std::size_t>(op)];
}

tl::unexpected<Error> WrongKinds(BinaryOperator op, const Value& left, const Value& right) {
  return InvalidArgument("`" + std::string(OperatorText(op)) + "` cannot be applied to a " +
                         std::string(KindName(left)) + " and a " + std::string(KindName(right)));
}

Result<Value> Concatenate(const Value& left, const Value& right, Budget& budget) {
  std::string text;
  RETURN_IF_ERROR(AppendJoined(text, left, budget));
  RETURN_IF_ERROR(AppendJoined(text, right, budget));
  return Value(std::move(text));
}

bool ListContains(const Array& list, const Value& wanted) {
  return std::any_of(list.begin(), list.end(), [&](const Value& item) { return SameValue(item, wanted); });
}

Result<Value> AddToList(const Value& left, const Value& right, Budget& budget) {
  RETURN_IF_ERROR(budget.SpendCopy(left));
  RETURN_IF_ERROR(budget.SpendCopy(right));
  Array sum = left.get_array();
  if (const Array* more = right.if_array()) {
    sum.insert(sum.end(), more->begin(), more->end());
  } else {
    sum.push_back(right);
  }
  return Value(std::move(sum));
}

// Every occurrence of what a list holds, the first one of a single value (as Java's removeAll and remove).
Result<Value> TakeFromList(const Value& left, const Value& right, Budget& budget) {
  const Array& list = left.get_array();
  const Array* all = right.if_array();
  RETURN_IF_ERROR(budget.SpendCopy(left));
  RETURN_IF_ERROR(budget.Spend(all == nullptr ? 0 : list.size() * all->size() / 16));
  Array rest;
  bool removed = false;
  for (const Value& item : list) {
    const bool drop = all != nullptr ? ListContains(*all, item) : !removed && SameValue(item, right);
    removed = removed || drop;
    if (!drop) rest.push_back(item);
  }
  return Value(std::move(rest));
}

// Numbers; a text on any side of + joins, and a null says so then; else a list may be the left side of + and -.
Result<Value> Arithmetic(BinaryOperator op, const Value& left, const Value& right, Budget& budget) {
  if (op == BinaryOperator::kAdd && (left.is_string() || right.is_string())) {
    static const Value kNull("null");
    return Concatenate(left.is_null() ? kNull : left, right.is_null() ? kNull : right, budget);
  }
  if (left.is_array() && op == BinaryOperator::kAdd) return AddToList(left, right, budget);
  if (left.is_array() && op == BinaryOperator::kSubtract) return TakeFromList(left, right, budget);
  if (!IsNumber(left) || !IsNumber(right)) return WrongKinds(op, left, right);
  if (left.is_int64() && right.is_int64()) return WholeArithmetic(op, left.get_int64(), right.get_int64());
  return RealArithmetic(op, AsDouble(left), AsDouble(right));
}

// What looking through `value` once costs.
Status SpendLook(const Value& value, Budget& budget) {
  if (const json::string* text = value.if_string()) return budget.Spend(text->size() / 256);
  if (const Array* list = value.if_array()) return budget.Spend(list->size() / 8);
  if (const Object* map = value.if_object()) return budget.Spend(map->size() / 8);
  return {};
}

// Two lists or maps are walked together, at most as far as the left one reaches.
Result<bool> Same(const Value& left, const Value& right, Budget& budget) {
  RETURN_IF_ERROR(left.is_structured() && right.is_structured() ? budget.SpendCopy(left) : SpendLook(left, budget));
  return SameValue(left, right);
}

Result<Value> Contains(const Value& left, const Value& right, Budget& budget) {
  if (left.is_null()) return Value(false);
  RETURN_IF_ERROR(SpendLook(left, budget));
  if (const json::string* text = left.if_string()) {
    if (right.is_null()) return Value(false);
    return Value(std::string_view(*text).find(ToText(right)) != std::string_view::npos);
  }
  const Array* list = left.if_array();
  const Object* map = left.if_object();
  if (list == nullptr && map == nullptr) return WrongKinds(BinaryOperator::kContains, left, right);
  const auto holds = [&](const Value& wanted) {
    return list != nullptr ? ListContains(*list, wanted) : map->contains(ToText(wanted));
  };
  if (const Array* all = right.if_array()) {
    if (map != nullptr) return Value(false);  // a list is no key
    RETURN_IF_ERROR(budget.Spend(all->size() * (list->size() / 8 + 1)));
    return Value(std::all_of(all->begin(), all->end(), holds));
  }
  return Value(holds(right));
}

// By text: "1" is in [1]; of a map, keys and values count.
Result<Value> IsIn(const Value& left, const Value& right, Budget& budget) {
  if (right.is_null()) return Value(false);
  RETURN_IF_ERROR(budget.SpendCopy(right));
  const std::string wanted = ToText(left);
  if (const Array* list = right.if_array()) {
    return Value(std::any_of(list->begin(), list->end(), [&](const Value& item) { return ToText(item) == wanted; }));
  }
  if (const Object* map = right.if_object()) {
    return Value(std::any_of(map->begin(), map->end(), [&](const auto& member) {
      return member.key() == wanted || ToText(member.value()) == wanted;
    }));
  }
  if (const json::string* text = right.if_string()) {
    return Value(std::string_view(*text).find(wanted) != std::string_view::npos);
  }
  return WrongKinds(BinaryOperator::kIn, left, right);
}

Result<Value> Compare(BinaryOperator op, const Value& left, const Value& right) {
  if (left.is_null() || right.is_null()) return Value(false);
  if (!IsNumber(left) || !IsNumber(right)) return WrongKinds(op, left, right);
  if (std::isnan(AsDouble(left)) || std::isnan(AsDouble(right))) return Value(false);
  const Result<int> order = Order(left, right);
  if (!order) return WrongKinds(op, left, right);
  switch (op) {
    case BinaryOperator::kGreater: return Value(*order > 0);
    case BinaryOperator::kLess: return Value(*order < 0);
    case BinaryOperator::kGreaterEqual: return Value(*order >= 0);
    default: return Value(*order <= 0);
  }
}

// A number without its fraction, if 64 bits hold it.
std::optional<std::int64_t> Truncated(const Value& value) {
  if (value.is_int64()) return value.get_int64();
  if (!value.is_double() || !(std::abs(value.get_double()) < 9.2e18)) return std::nullopt;
  return static_cast<std::int64_t>(value.get_double());
}

Result<Value> WholeRange(std::int64_t start, std::int64_t end, std::int64_t step, Budget& budget) {
  if (step == 0) return InvalidArgument("the step of a range must not be 0");
  const bool up = step > 0;
  if (up ? start > end : start < end) return Value(Array());
  const std::uint64_t distance = up ? static_cast<std::uint64_t>(end) - static_cast<std::uint64_t>(start)
                                    : static_cast<std::uint64_t>(start) - static_cast<std::uint64_t>(end);
  const std::uint64_t stride = up ? static_cast<std::uint64_t>(step) : std::uint64_t{0} - static_cast<std::uint64_t>(step);
  const std::uint64_t steps = distance / stride;
  RETURN_IF_ERROR(budget.Spend(steps == UINT64_MAX ? steps : steps + 1));
  Array list;
  list.reserve(steps + 1);
  for (std::uint64_t i = 0; i <= steps; ++i) {
    list.push_back(static_cast<std::int64_t>(static_cast<std::uint64_t>(start) + i * static_cast<std::uint64_t>(step)));
  }
  return Value(std::move(list));
}

}  // namespace

Result<Value> WholeArithmetic(BinaryOperator op, std::int64_t left, std::int64_t right) {
  std::int64_t result = 0;
  bool overflow = false;
  switch (op) {
    case BinaryOperator::kAdd: overflow = __builtin_add_overflow(left, right, &result); break;
    case BinaryOperator::kSubtract: overflow = __builtin_sub_overflow(left, right, &result); break;
    case BinaryOperator::kMultiply: overflow = __builtin_mul_overflow(left, right, &result); break;
    default:
      if (right == 0) return InvalidArgument("division by zero");
      if (right == -1) {
        overflow = op == BinaryOperator::kDivide && __builtin_sub_overflow(std::int64_t{0}, left, &result);
      } else {
        result = op == BinaryOperator::kDivide ? left / right : left % right;
      }
  }
  if (overflow) return InvalidArgument("the result of `" + std::string(OperatorText(op)) + "` does not fit 64 bits");
  return Value(result);
}

Value RealArithmetic(BinaryOperator op, double left, double right) {
  switch (op) {
    case BinaryOperator::kAdd: return left + right;
    case BinaryOperator::kSubtract: return left - right;
    case BinaryOperator::kMultiply: return left * right;
    case BinaryOperator::kDivide: return left / right;
    default: return std::fmod(left, right);
  }
}

bool IsNumber(const Value& value) { return value.is_int64() || value.is_double() || value.is_uint64(); }

double AsDouble(const Value& number) {
  if (number.is_int64()) return static_cast<double>(number.get_int64());
  if (number.is_uint64()) return static_cast<double>(number.get_uint64());
  return number.is_double() ? number.get_double() : 0;
}

bool IsEmpty(const Value& value) {
  if (const json::string* text = value.if_string()) {
    return std::string_view(*text).find_first_not_of(" \t\r\n") == std::string_view::npos;
  }
  if (const Array* list = value.if_array()) return list->empty();
  if (const Object* map = value.if_object()) return map->empty();
  return value.is_null();
}

bool SameValue(const Value& left, const Value& right) {
  if (IsNumber(left) && IsNumber(right) && (left.is_double() || right.is_double())) {
    return AsDouble(left) == AsDouble(right);
  }
  return left == right;
}

Result<int> Order(const Value& left, const Value& right) {
  const auto order = [](const auto& a, const auto& b) { return a < b ? -1 : (b < a ? 1 : 0); };
  if (left.is_int64() && right.is_int64()) return order(left.get_int64(), right.get_int64());
  if (IsNumber(left) && IsNumber(right)) return order(AsDouble(left), AsDouble(right));
  if (left.is_string() && right.is_string()) return order(left.get_string(), right.get_string());
  if (left.is_bool() && right.is_bool()) return order(left.get_bool(), right.get_bool());
  return InvalidArgument("a " + std::string(KindName(left)) + " and a " + std::string(KindName(right)) +
                         " have no order");
}

Status AppendText(std::string& out, const Value& value, Budget& budget) {
  if (const json::string* text = value.if_string()) {
    RETURN_IF_ERROR(budget.SpendAppend(out.size(), text->size()));
    out.append(text->data(), text->size());
    return {};
  }
  if (value.is_null()) return {};
  if (value.is_structured()) RETURN_IF_ERROR(budget.SpendCopy(value));
  const std::string text = ToText(value);
  RETURN_IF_ERROR(budget.SpendAppend(out.size(), text.size()));
  out += text;
  return {};
}

Status AppendJoined(std::string& out, const Value& value, Budget& budget) {
  if (!value.is_structured()) return AppendText(out, value, budget);
  RETURN_IF_ERROR(budget.SpendCopy(value));
  const std::string text = JavaText(value);
  RETURN_IF_ERROR(budget.SpendAppend(out.size(), text.size()));
  out += text;
  return {};
}

Result<Value> MakeRange(const Value& start, const Value& end, std::int64_t increment, Budget& budget) {
  if (const auto first = Truncated(start), last = Truncated(end); first && last) {
    return WholeRange(*first, *last, increment, budget);
  }
  const json::string* first = start.if_string();
  const json::string* last = end.if_string();
  if (first == nullptr || last == nullptr || first->size() != 1 || last->size() != 1) {
    return InvalidArgument("a range needs two numbers or two single characters");
  }
  const auto code = [](char c) { return std::int64_t{static_cast<unsigned char>(c)}; };
  ASSIGN_OR_RETURN(Value codes, WholeRange(code(first->front()), code(last->front()), increment, budget));
  for (Value& item : codes.get_array()) item = std::string(1, static_cast<char>(item.get_int64()));
  return codes;
}

Result<Value> ApplyBinary(BinaryOperator op, const Value& left, const Value& right, Budget& budget) {
  switch (op) {
    case BinaryOperator::kContains: return Contains(left, right, budget);
    case BinaryOperator::kEqual:
    case BinaryOperator::kNotEqual: {
      ASSIGN_OR_RETURN(const bool same, Same(left, right, budget));
      return Value(same == (op == BinaryOperator::kEqual));
    }
    case BinaryOperator::kGreater:
    case BinaryOperator::kLess:
    case BinaryOperator::kGreaterEqual:
    case BinaryOperator::kLessEqual: return Compare(op, left, right);
    case BinaryOperator::kConcatenate: return Concatenate(left, right, budget);
    case BinaryOperator::kRange: return MakeRange(left, right, 1, budget);
    case BinaryOperator::kIn: return IsIn(left, right, budget);
    default: return Arithmetic(op, left, right, budget);
  }
}

Result<Value> ApplyUnary(UnaryOperator op, const Value& operand) {
  if (op == UnaryOperator::kNot) {
    ASSIGN_OR_RETURN(const bool holds, AsCondition(operand));
    return Value(!holds);
  }
  if (!IsNumber(operand)) return InvalidArgument("a sign needs a number, not a " + std::string(KindName(operand)));
  if (op == UnaryOperator::kPlus) return operand;
  if (operand.is_int64()) return WholeArithmetic(BinaryOperator::kSubtract, 0, operand.get_int64());
  return Value(-AsDouble(operand));
}

Result<bool> AsCondition(const Value& value) {
  if (value.is_bool()) return value.get_bool();
  if (const json::string* text = value.if_string()) return !text->empty();
  if (IsNumber(value)) return AsDouble(value) != 0;
  return InvalidArgument("a condition needs a boolean, a number or a text, not a " + std::string(KindName(value)));
}

Result<bool> ApplyTest(TestKind test, const Value& value) {
  switch (test) {
    case TestKind::kEmpty: return IsEmpty(value);
    case TestKind::kIterable: return value.is_array();
    case TestKind::kMap: return value.is_object();
    case TestKind::kNull: return value.is_null();
    case TestKind::kDefined: return !value.is_null();
    case TestKind::kJson: return value.is_string() && ParseJson(value.get_string()).has_value();
    case TestKind::kEven:
    case TestKind::kOdd: break;
  }
  if (!value.is_int64()) {
    return InvalidArgument("`even` and `odd` need a whole number, not a " + std::string(KindName(value)));
  }
  return (value.get_int64() % 2 == 0) == (test == TestKind::kEven);
}

}  // namespace headrace::expr
