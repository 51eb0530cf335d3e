// Walks a syntax tree over one context. One Evaluator is one render.
// Errors: the first one ends the render; it names the expression and its line. Undefined names are NOT_FOUND and are
//   caught by `is defined`, `??`, `???` and `default` on the way up.
// Threads: one owner.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/expr/ast.h"
#include "common/expr/builtin.h"
#include "common/expr/operand.h"
#include "common/expr/scope.h"

namespace headrace::expr {

// Where a render puts its pieces.
class Sink {
 public:
  virtual ~Sink() = default;
  virtual Status Text(std::string_view text) = 0;
  virtual Status Put(Operand operand) = 0;
};

class TextSink final : public Sink {
 public:
  // `inner`: of a macro, a called block or a filtered body, where lists and maps are Java's and not JSON.
  TextSink(std::string& out, Budget& budget, bool inner = false) : out_(out), budget_(budget), inner_(inner) {}
  Status Text(std::string_view text) override;
  Status Put(Operand operand) override;

 private:
  std::string& out_;
  Budget& budget_;
  bool inner_;
};

// Keeps a single piece as it is (FLOWS 2.1, renderTyped).
class TypedSink final : public Sink {
 public:
  explicit TypedSink(Budget& budget) : budget_(budget) {}
  Status Text(std::string_view text) override;
  Status Put(Operand operand) override;
  Value Finish();

 private:
  Budget& budget_;
  int pieces_ = 0;
  JavaType single_type_ = JavaType::kUnknown;
  bool structured_ = false;  // one of several pieces was a list or map
  Value single_;
  std::string text_;
};

class Evaluator final : public Session {
 public:
  Evaluator(const Program& program, const Value& context, Environment& environment, Budget& budget)
      : program_(program), context_(context), environment_(environment), budget_(budget) {}

  Status Run(Sink& sink) { return Execute(program_.body, sink); }

  const Value& context() const override { return context_; }
  Environment& environment() override { return environment_; }
  Budget& budget() override { return budget_; }
  Result<std::string> RenderBlock(std::string_view name) override;

 private:
  // Statements: evaluate_statement.cc.
  Status Execute(const Body& body, Sink& sink);
  Status Execute(const Statement& statement, Sink& sink);
  Status Run(const TextStatement& node, Sink& sink);
  Status Run(const PrintStatement& node, Sink& sink);
  Status Run(const SetStatement& node, Sink& sink);
  Status Run(const IfStatement& node, Sink& sink);
  Status Run(const ForStatement& node, Sink& sink);
  Status Run(const BlockStatement& node, Sink& sink);
  Status Run(const FilterStatement& node, Sink& sink);
  Result<Operand> CallMacro(const CallNode& node, const Macro& macro, const Expression& at);
  Status BindMacroArguments(const CallNode& node, const Macro& macro);
  Error Explain(Error error, std::uint32_t begin, std::uint32_t end) const;
  std::string Excerpt(std::uint32_t begin, std::uint32_t end) const;

  // Expressions: evaluate_expression.cc.
  Result<Operand> Evaluate(const Expression& expression);
  Result<Operand> Eval(const LiteralNode& node, const Expression& at);
  Result<Operand> Eval(const NameNode& node, const Expression& at);
  Result<Operand> Eval(const AttributeNode& node, const Expression& at);
  Result<Operand> Eval(const SubscriptNode& node, const Expression& at);
  Result<Operand> Eval(const UnaryNode& node, const Expression& at);
  Result<Operand> Eval(const BinaryNode& node, const Expression& at);
  Result<Operand> Eval(const TernaryNode& node, const Expression& at);
  Result<Operand> Eval(const TestNode& node, const Expression& at);
  Result<Operand> Eval(const FilterNode& node, const Expression& at);
  Result<Operand> Eval(const FunctionNode& node, const Expression& at);
  Result<Operand> Eval(const CallNode& node, const Expression& at);
  Result<Operand> Eval(const ListNode& node, const Expression& at);
  Result<Operand> Eval(const MapNode& node, const Expression& at);
  Result<Operand> Eval(const InterpolationNode& node, const Expression& at);
  Result<Operand> EvalCoalesce(const BinaryNode& node);
  Result<Operand> EvalLogic(const BinaryNode& node);
  Result<Operand> Invoke(const Builtin& builtin, const Operand& input, const std::vector<ExpressionPtr>& arguments);
  // Leaves a value that JSON has.
  Status Settle(Operand& operand);
  // Null instead of an undefined value; `defined` tells which it was.
  Result<Operand> EvaluateGuarded(const Expression& expression, bool& defined);
  Result<bool> EvaluateCondition(const Expression& expression);
  // The value to keep, its copy charged.
  Result<Value> Keep(Operand operand);
  Result<Operand> KeepOperand(Operand operand);
  // `hint` is what would be right, if that is known; a literal.
  tl::unexpected<Error> Undefined(std::string_view name, std::uint32_t offset, std::string_view hint = {});

  const Program& program_;
  const Value& context_;
  Environment& environment_;
  Budget& budget_;
  Scopes scopes_;
  // An undefined name is on its way up; its name, place and hint.
  bool undefined_ = false;
  std::uint32_t undefined_offset_ = 0;
  std::string_view undefined_hint_;
};

}  // namespace headrace::expr
