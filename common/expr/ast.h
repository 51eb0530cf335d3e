// The syntax tree of a template.
// Shapes: texts are views into the template's source; `offset` is a byte offset into it.
// Threads: immutable once built. Height of expressions is capped by the parser.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "common/model/value.h"

namespace headrace::expr {

struct Builtin;
struct Expression;
using ExpressionPtr = std::unique_ptr<Expression>;

enum class UnaryOperator : std::uint8_t { kNot, kPlus, kMinus };
enum class BinaryOperator : std::uint8_t {
  kOr, kAnd, kContains, kEqual, kNotEqual, kGreater, kLess, kGreaterEqual, kLessEqual, kAdd, kSubtract, kMultiply,
  kDivide, kModulo, kConcatenate, kRange, kNullCoalesce, kUndefinedCoalesce, kIn,
};
enum class TestKind : std::uint8_t { kEmpty, kEven, kOdd, kIterable, kMap, kNull, kDefined, kJson };

struct LiteralNode { Value value; };
struct NameNode { std::string name; };
struct AttributeNode { ExpressionPtr object; std::string name; };
struct SubscriptNode { ExpressionPtr object; ExpressionPtr index; };
struct UnaryNode { UnaryOperator op; ExpressionPtr operand; };
struct BinaryNode { BinaryOperator op; ExpressionPtr left; ExpressionPtr right; };
struct TernaryNode { ExpressionPtr condition; ExpressionPtr then; ExpressionPtr otherwise; };
struct TestNode { TestKind test; bool negated; ExpressionPtr operand; };
// `arguments` stand by parameter; absent ones are null. A variadic builtin has as many as were written.
struct FilterNode { const Builtin* filter; ExpressionPtr input; std::vector<ExpressionPtr> arguments; };
struct FunctionNode { const Builtin* function; std::vector<ExpressionPtr> arguments; };
// A call of the environment's functions or of a macro of this template.
struct CallNode {
  std::string name;
  bool macro = false;
  std::vector<ExpressionPtr> positional;
  std::vector<std::pair<std::string, ExpressionPtr>> named;
};
struct ListNode { std::vector<ExpressionPtr> items; };
struct MapNode { std::vector<std::pair<ExpressionPtr, ExpressionPtr>> entries; };
// "text #{expression} text"
struct InterpolationNode { std::vector<ExpressionPtr> parts; };

struct Expression {
  std::variant<LiteralNode, NameNode, AttributeNode, SubscriptNode, UnaryNode, BinaryNode, TernaryNode, TestNode,
               FilterNode, FunctionNode, CallNode, ListNode, MapNode, InterpolationNode>
      node;
  std::uint32_t offset = 0;
  std::uint32_t height = 1;
};

struct Statement;
using Body = std::vector<Statement>;

struct TextStatement { std::string_view text; };
struct PrintStatement { ExpressionPtr expression; };
struct SetStatement { std::string name; ExpressionPtr expression; };
struct IfBranch { ExpressionPtr condition; Body body; };
struct IfStatement { std::vector<IfBranch> branches; Body otherwise; bool has_else = false; };
struct ForStatement {
  std::string variable;
  ExpressionPtr iterable;
  Body body;
  Body otherwise;
  bool uses_loop = false;
};
struct BlockStatement { std::string name; };
struct FilterStep { const Builtin* filter; std::vector<ExpressionPtr> arguments; };
struct FilterStatement { std::vector<FilterStep> steps; Body body; };

struct Statement {
  std::variant<TextStatement, PrintStatement, SetStatement, IfStatement, ForStatement, BlockStatement,
               FilterStatement>
      node;
  std::uint32_t begin = 0;  // of the tag that opens it
  std::uint32_t end = 0;
};

struct Macro {
  std::vector<std::pair<std::string, ExpressionPtr>> parameters;  // with default, or null
  Body body;
};

struct Program {
  std::string_view source;
  Body body;
  std::map<std::string, Macro, std::less<>> macros;
  std::map<std::string, Body, std::less<>> blocks;
};

}  // namespace headrace::expr
