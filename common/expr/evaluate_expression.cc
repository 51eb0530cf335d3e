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
  return std::move(operand).Take();
}

Result<Operand> Evaluator::KeepOperand(Operand operand) {
  if (operand.is_owned() || operand.is_stable()) return operand;
  ASSIGN_OR_RETURN(Value value, Keep(std::move(operand)));
  return Operand(std::move(value));
}

Result<Operand> Evaluator::Eval(const LiteralNode& node, const Expression&) {
  return Operand::Reference(node.value, true);
}

Result<Operand> Evaluator::Eval(const NameNode& node, const Expression& at) {
  if (const Operand* local = scopes_.Find(node.name)) {
    return Operand::Reference(local->value(), local->is_stable());
  }
  if (const Value* value = Member(context_, node.name)) return Operand::Reference(*value, true);
  return Undefined(node.name, at.offset);
}

Result<Operand> Evaluator::Eval(const AttributeNode& node, const Expression& at) {
  ASSIGN_OR_RETURN(Operand object, Evaluate(*node.object));
  if (const Value* member = Member(object.value(), node.name)) return std::move(object).Part(*member);
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
  return Undefined(ToText(index.value()), at.offset);
}

Result<Operand> Evaluator::Eval(const UnaryNode& node, const Expression&) {
  ASSIGN_OR_RETURN(const Operand operand, Evaluate(*node.operand));
  ASSIGN_OR_RETURN(Value value, ApplyUnary(node.op, operand.value()));
  return Operand(std::move(value));
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
  ASSIGN_OR_RETURN(const Operand left, Evaluate(*node.left));
  ASSIGN_OR_RETURN(const Operand right, Evaluate(*node.right));
  ASSIGN_OR_RETURN(Value value, ApplyBinary(node.op, left.value(), right.value(), budget_));
  return Operand(std::move(value));
}

Result<Operand> Evaluator::Eval(const TernaryNode& node, const Expression&) {
  ASSIGN_OR_RETURN(const bool condition, EvaluateCondition(*node.condition));
  return Evaluate(condition ? *node.then : *node.otherwise);
}

Result<Operand> Evaluator::Eval(const TestNode& node, const Expression&) {
  if (node.test == TestKind::kDefined) {
    bool defined = false;
    ASSIGN_OR_RETURN(const Operand operand, EvaluateGuarded(*node.operand, defined));
    return Operand(Value((defined && !operand.value().is_null()) != node.negated));
  }
  ASSIGN_OR_RETURN(const Operand operand, Evaluate(*node.operand));
  ASSIGN_OR_RETURN(const bool holds, ApplyTest(node.test, operand.value()));
  return Operand(Value(holds != node.negated));
}

Result<Operand> Evaluator::Invoke(const Builtin& builtin, const Value& input,
                                  const std::vector<ExpressionPtr>& arguments) {
  std::vector<Operand> operands(arguments.size());
  std::vector<const Value*> values(arguments.size());
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    if (arguments[i] == nullptr) continue;
    ASSIGN_OR_RETURN(operands[i], Evaluate(*arguments[i]));
    values[i] = &operands[i].value();
  }
  ASSIGN_OR_RETURN(Value value, builtin.body({builtin.name, input, values, *this}));
  return Operand(std::move(value));
}

Result<Operand> Evaluator::Eval(const FilterNode& node, const Expression&) {
  bool defined = true;
  auto input = node.filter->guards_undefined ? EvaluateGuarded(*node.input, defined) : Evaluate(*node.input);
  if (!input) return input;
  return Invoke(*node.filter, input->value(), node.arguments);
}

Result<Operand> Evaluator::Eval(const FunctionNode& node, const Expression&) {
  const Value none;
  return Invoke(*node.function, none, node.arguments);
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
  return Operand(Value(std::move(map)));
}

Result<Operand> Evaluator::Eval(const InterpolationNode& node, const Expression&) {
  std::string text;
  for (const ExpressionPtr& part : node.parts) {
    ASSIGN_OR_RETURN(const Operand operand, Evaluate(*part));
    RETURN_IF_ERROR(AppendText(text, operand.value(), budget_));
  }
  return Operand(Value(std::move(text)));
}

}  // namespace headrace::expr
