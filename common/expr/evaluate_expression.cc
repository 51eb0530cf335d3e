#include <array>
#include <charconv>
#include <optional>

#include "common/expr/evaluator.h"
#include "common/expr/operators.h"

namespace headrace::expr {
namespace {

// The place a subscript names in a list: a whole number or its text.
std::optional<std::size_t> ListIndex(const Value& index, std::size_t size) {
  std::int64_t at = -1;
  if (index.is_int64()) {
    at = index.get_int64();
  } else if (const json::string* text = index.if_string()) {
    const char* end = text->data() + text->size();
    if (std::from_chars(text->data(), end, at).ptr != end) return std::nullopt;
  } else {
    return std::nullopt;
  }
  if (at < 0 || static_cast<std::size_t>(at) >= size) return std::nullopt;
  return static_cast<std::size_t>(at);
}

// What two numbers of Java's own kinds do otherwise than those of JSON.
bool IsArithmetic(BinaryOperator op) {
  switch (op) {
    case BinaryOperator::kEqual:
    case BinaryOperator::kNotEqual:
    case BinaryOperator::kGreater:
    case BinaryOperator::kLess:
    case BinaryOperator::kGreaterEqual:
    case BinaryOperator::kLessEqual:
    case BinaryOperator::kAdd:
    case BinaryOperator::kSubtract:
    case BinaryOperator::kMultiply:
    case BinaryOperator::kDivide:
    case BinaryOperator::kModulo: return true;
    default: return false;
  }
}

// An entry of a map among texts is a=1.
Operand AsText(Operand operand) {
  if (operand.type() != JavaType::kEntry) return operand;
  return Operand(Value(JavaText(operand.value(), JavaType::kEntry)));
}

// Counts one level of evaluation while it lives.
class Level {
 public:
  explicit Level(Budget& budget) : budget_(budget) {}
  ~Level() { budget_.Leave(); }
  Level(const Level&) = delete;
  Level& operator=(const Level&) = delete;

 private:
  Budget& budget_;
};

}  // namespace

tl::unexpected<Error> Evaluator::Undefined(std::string_view name, std::uint32_t offset, std::string_view hint) {
  undefined_ = true;
  undefined_hint_ = hint;
  undefined_offset_ = offset;
  return Fail(Code::kNotFound, std::string(name));
}

Result<Operand> Evaluator::Evaluate(const Expression& expression) {
  RETURN_IF_ERROR(budget_.Spend(1));
  RETURN_IF_ERROR(budget_.Enter());
  const Level level(budget_);
  return std::visit([&](const auto& node) { return Eval(node, expression); }, expression.node);
}

Result<Operand> Evaluator::EvaluateGuarded(const Expression& expression, bool& defined) {
  Result<Operand> operand = Evaluate(expression);
  defined = operand.has_value();
  if (operand || !undefined_) return operand;
  undefined_ = false;
  return Operand();
}

Result<bool> Evaluator::EvaluateCondition(const Expression& expression) {
  ASSIGN_OR_RETURN(const Operand operand, Evaluate(expression));
  return AsCondition(operand.value());
}

Result<Value> Evaluator::Keep(Operand operand) {
  if (!operand.is_owned()) RETURN_IF_ERROR(budget_.SpendCopy(operand.value()));
  const JavaType type = operand.type();
  return Settled(std::move(operand).Take(), type);
}

Result<Operand> Evaluator::KeepOperand(Operand operand) {
  if (operand.is_owned() || operand.is_stable()) return operand;
  RETURN_IF_ERROR(budget_.SpendCopy(operand.value()));
  const JavaType type = operand.type();
  return Operand(std::move(operand).Take(), type);
}

Result<Operand> Evaluator::Eval(const LiteralNode& node, const Expression&) {
  return Operand::Reference(node.value, true, node.value.is_int64() ? JavaType::kLong : JavaType::kUnknown);
}

Result<Operand> Evaluator::Eval(const NameNode& node, const Expression& at) {
  if (const Operand* local = scopes_.Find(node.name)) {
    return Operand::Reference(local->value(), local->is_stable(), local->type());
  }
  if (const Value* value = Member(context_, node.name)) return Operand::Reference(*value, true);
  return Undefined(node.name, at.offset);
}

Result<Operand> Evaluator::Eval(const AttributeNode& node, const Expression& at) {
  ASSIGN_OR_RETURN(Operand object, Evaluate(*node.object));
  if (const Value* member = Member(object.value(), node.name)) return std::move(object).Part(*member);
  if (const Builtin* property = FindProperty(object.value(), object.type(), node.name)) return Invoke(*property, object, {});
  const bool text = object.value().is_string();
  return Undefined(node.name, at.offset, text ? "a text has no parts; of a date take one by `| date('HH')`" : "");
}

Result<Operand> Evaluator::Eval(const SubscriptNode& node, const Expression& at) {
  ASSIGN_OR_RETURN(Operand object, Evaluate(*node.object));
  ASSIGN_OR_RETURN(const Operand index, Evaluate(*node.index));
  if (const Array* list = object.value().if_array()) {
    if (const auto place = ListIndex(index.value(), list->size())) return std::move(object).Part((*list)[*place]);
  } else if (const json::string* key = index.value().if_string()) {
    if (const Value* member = Member(object.value(), *key)) return std::move(object).Part(*member);
  } else if (const Value* member = Member(object.value(), ToText(index.value()))) {
    return std::move(object).Part(*member);
  }
  const Builtin* property = FindProperty(object.value(), object.type(), ToText(index.value()));
  if (property != nullptr && index.value().is_string()) return Invoke(*property, object, {});
  return Undefined(ToText(index.value()), at.offset);
}

Result<Operand> Evaluator::Eval(const UnaryNode& node, const Expression&) {
  ASSIGN_OR_RETURN(const Operand operand, Evaluate(*node.operand));
  const Typed typed{operand.value(), operand.type()};
  if (node.op != UnaryOperator::kNot && IsJavaNumber(typed)) {
    const Value sign(node.op == UnaryOperator::kMinus ? -1 : 1);
    JavaType type = JavaType::kUnknown;
    ASSIGN_OR_RETURN(Value value, JavaArithmetic(BinaryOperator::kMultiply, {sign, JavaType::kInteger}, typed, type));
    return Operand(std::move(value), type);
  }
  ASSIGN_OR_RETURN(Value value, ApplyUnary(node.op, operand.value()));
  const JavaType type = value.is_int64() ? JavaType::kLong : JavaType::kUnknown;
  return Operand(std::move(value), type);
}

Result<Operand> Evaluator::EvalCoalesce(const BinaryNode& node) {
  bool defined = false;
  ASSIGN_OR_RETURN(Operand left, EvaluateGuarded(*node.left, defined));
  const bool keep = node.op == BinaryOperator::kNullCoalesce ? !left.value().is_null() : defined;
  if (keep) return left;
  return Evaluate(*node.right);
}

Result<Operand> Evaluator::EvalLogic(const BinaryNode& node) {
  ASSIGN_OR_RETURN(const bool left, EvaluateCondition(*node.left));
  if (left == (node.op == BinaryOperator::kOr)) return Operand(Value(left));
  ASSIGN_OR_RETURN(const bool right, EvaluateCondition(*node.right));
  return Operand(Value(right));
}

Result<Operand> Evaluator::Eval(const BinaryNode& node, const Expression&) {
  switch (node.op) {
    case BinaryOperator::kNullCoalesce:
    case BinaryOperator::kUndefinedCoalesce: return EvalCoalesce(node);
    case BinaryOperator::kOr:
    case BinaryOperator::kAnd: return EvalLogic(node);
    default: break;
  }
  ASSIGN_OR_RETURN(Operand left, Evaluate(*node.left));
  ASSIGN_OR_RETURN(Operand right, Evaluate(*node.right));
  const Typed typed_left{left.value(), left.type()};
  const Typed typed_right{right.value(), right.type()};
  if (IsArithmetic(node.op) && (IsJavaNumber(typed_left) || IsJavaNumber(typed_right)) && JavaDouble(typed_left) &&
      JavaDouble(typed_right)) {
    JavaType type = JavaType::kUnknown;
    ASSIGN_OR_RETURN(Value value, JavaArithmetic(node.op, typed_left, typed_right, type));
    return Operand(std::move(value), type);
  }
  left = AsText(std::move(left));
  right = AsText(std::move(right));
  ASSIGN_OR_RETURN(Value value, ApplyBinary(node.op, left.value(), right.value(), budget_));
  const JavaType type = value.is_int64() ? JavaType::kLong : JavaType::kUnknown;
  return Operand(std::move(value), type);
}

Result<Operand> Evaluator::Eval(const TernaryNode& node, const Expression&) {
  ASSIGN_OR_RETURN(const Operand condition, Evaluate(*node.condition));
  if (condition.value().is_null()) return Evaluate(*node.otherwise);
  ASSIGN_OR_RETURN(const bool holds, AsCondition(condition.value()));
  return Evaluate(holds ? *node.then : *node.otherwise);
}

Result<Operand> Evaluator::Eval(const TestNode& node, const Expression&) {
  if (node.test == TestKind::kDefined) {
    bool defined = false;
    ASSIGN_OR_RETURN(const Operand operand, EvaluateGuarded(*node.operand, defined));
    return Operand(Value((defined && !operand.value().is_null()) != node.negated));
  }
  ASSIGN_OR_RETURN(const Operand operand, Evaluate(*node.operand));
  const bool entry = operand.type() == JavaType::kEntry && node.test == TestKind::kMap;
  ASSIGN_OR_RETURN(const bool holds, entry ? false : ApplyTest(node.test, operand.value()));
  return Operand(Value(holds != node.negated));
}

Result<Operand> Evaluator::Invoke(const Builtin& builtin, const Operand& input,
                                  const std::vector<ExpressionPtr>& arguments) {
  std::vector<Operand> operands(arguments.size());
  std::vector<const Value*> values(arguments.size());
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    if (arguments[i] == nullptr) continue;
    ASSIGN_OR_RETURN(operands[i], Evaluate(*arguments[i]));
    RETURN_IF_ERROR(Settle(operands[i]));
    values[i] = &operands[i].value();
  }
  Operand settled = Operand::Reference(input.value(), input.is_stable(), input.type());
  if (!builtin.takes_java) RETURN_IF_ERROR(Settle(settled));
  JavaType type = JavaType::kUnknown;
  ASSIGN_OR_RETURN(Value value, builtin.body({builtin.name, settled.value(), values, *this, settled.type(), &type}));
  return Operand(std::move(value), type);
}

Status Evaluator::Settle(Operand& operand) {
  if (!NeedsSettling(operand.type())) return {};
  ASSIGN_OR_RETURN(Value value, Keep(std::move(operand)));
  operand = Operand(std::move(value));
  return {};
}

Result<Operand> Evaluator::Eval(const FilterNode& node, const Expression&) {
  bool defined = true;
  auto input = node.filter->guards_undefined ? EvaluateGuarded(*node.input, defined) : Evaluate(*node.input);
  if (!input) return input;
  return Invoke(*node.filter, *input, node.arguments);
}

Result<Operand> Evaluator::Eval(const FunctionNode& node, const Expression&) {
  return Invoke(*node.function, Operand(), node.arguments);
}

Result<Operand> Evaluator::Eval(const CallNode& node, const Expression& at) {
  if (node.macro) {
    const auto macro = program_.macros.find(node.name);
    return CallMacro(node, macro->second, at);
  }
  Array positional;
  for (const ExpressionPtr& argument : node.positional) {
    ASSIGN_OR_RETURN(Operand operand, Evaluate(*argument));
    ASSIGN_OR_RETURN(Value value, Keep(std::move(operand)));
    positional.push_back(std::move(value));
  }
  Object named;
  for (const auto& [name, argument] : node.named) {
    ASSIGN_OR_RETURN(Operand operand, Evaluate(*argument));
    ASSIGN_OR_RETURN(Value value, Keep(std::move(operand)));
    named[name] = std::move(value);
  }
  ASSIGN_OR_RETURN(Value value, environment_.Call(node.name, positional, named, context_));
  return Operand(std::move(value));
}

Result<Operand> Evaluator::Eval(const ListNode& node, const Expression&) {
  Array list;
  list.reserve(node.items.size());
  for (const ExpressionPtr& item : node.items) {
    ASSIGN_OR_RETURN(Operand operand, Evaluate(*item));
    ASSIGN_OR_RETURN(Value value, Keep(std::move(operand)));
    list.push_back(std::move(value));
  }
  return Operand(Value(std::move(list)));
}

Result<Operand> Evaluator::Eval(const MapNode& node, const Expression&) {
  Object map;
  for (const auto& [key_expression, value_expression] : node.entries) {
    ASSIGN_OR_RETURN(const Operand key, Evaluate(*key_expression));
    ASSIGN_OR_RETURN(Operand operand, Evaluate(*value_expression));
    ASSIGN_OR_RETURN(Value value, Keep(std::move(operand)));
    map[ToText(key.value())] = std::move(value);
  }
  SortAsHashMap(map, (node.entries.size() * 4 + 2) / 3);
  return Operand(Value(std::move(map)));
}

Result<Operand> Evaluator::Eval(const InterpolationNode& node, const Expression&) {
  std::string text;
  for (const ExpressionPtr& part : node.parts) {
    ASSIGN_OR_RETURN(Operand operand, Evaluate(*part));
    RETURN_IF_ERROR(AppendJoined(text, AsText(std::move(operand)).value(), budget_));
  }
  return Operand(Value(std::move(text)));
}

}  // namespace headrace::expr
