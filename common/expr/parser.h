// Tokens to a checked syntax tree: unknown filters, functions, tests, tags and arguments are errors here.
// Errors: INVALID_ARGUMENT with line, column and the nearest known name. Depth and height are capped.
// Source: Pebble's grammar (FLOWS 2.2, 2.3).
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/expr/ast.h"
#include "common/expr/builtin.h"
#include "common/expr/token.h"

namespace headrace::expr {

// REQUIRES: `source` outlives the program.
Result<std::unique_ptr<const Program>> Parse(std::string_view source);

// Two files: parse_expression.cc and parse_statement.cc.
class Parser {
 public:
  Parser(std::string_view source, std::vector<Token> tokens);
  Result<std::unique_ptr<const Program>> Run();

 private:
  struct CallArguments {
    std::vector<ExpressionPtr> positional;
    std::vector<std::pair<std::string, ExpressionPtr>> named;
    std::vector<std::uint32_t> named_offsets;
  };
  struct OpenTag {
    std::string_view name;
    std::uint32_t offset;
  };

  // Tokens.
  const Token& Peek() const { return tokens_[at_]; }
  const Token& Ahead() const { return tokens_[at_ + 1 < tokens_.size() ? at_ + 1 : at_]; }
  const Token& Next() { return tokens_[at_ + 1 < tokens_.size() ? at_++ : at_]; }
  bool Take(std::string_view symbol);
  Status Expect(std::string_view symbol, std::string_view after);
  Status ExpectTagClose(std::string_view tag);
  Result<std::string> ExpectName(std::string_view what);
  tl::unexpected<Error> Bad(const Token& token, std::string message) const;
  tl::unexpected<Error> Unexpected(const Token& token, std::string_view wanted) const;

  // Expressions.
  Result<ExpressionPtr> ParseExpression(int precedence_min = 0);
  Result<ExpressionPtr> ParseOperand();
  Result<ExpressionPtr> ParsePrimary();
  Result<ExpressionPtr> ParsePostfix(ExpressionPtr operand);
  Result<ExpressionPtr> ParseInfix(ExpressionPtr left, int precedence_min);
  Result<ExpressionPtr> ParseTest(ExpressionPtr operand, std::uint32_t offset);
  Result<ExpressionPtr> ParseTernary(ExpressionPtr condition);
  Result<ExpressionPtr> ParseName();
  Result<ExpressionPtr> ParseNumber();
  Result<ExpressionPtr> ParseInterpolation();
  Result<ExpressionPtr> ParseList();
  Result<ExpressionPtr> ParseMap();
  Result<ExpressionPtr> ParseCall(const Token& name);
  Status CheckArguments(const EnvironmentFunction& function, const Token& name, const CallArguments& arguments) const;
  Result<ExpressionPtr> ParseMethod(ExpressionPtr object, const Token& name);
  Result<FilterStep> ParseFilterStep();
  Result<CallArguments> ParseArguments();
  Result<std::vector<ExpressionPtr>> Bind(const Builtin& builtin, std::string_view kind, const Token& name,
                                          CallArguments arguments);
  template <typename Node>
  Result<ExpressionPtr> Make(Node node, std::uint32_t offset);

  // Statements.
  Result<Body> ParseBody(std::initializer_list<std::string_view> ends);
  Status ParseTag(Body& body);
  Result<Statement> ParseIf();
  Result<Statement> ParseFor();
  Result<Statement> ParseSet();
  Result<Statement> ParseFilterTag();
  Result<Statement> ParseBlock();
  Status ParseMacro();
  Status ExpectEnd(std::string_view tag, std::uint32_t open);
  Status CheckMacroCalls() const;
  tl::unexpected<Error> UnknownTag(const Token& name) const;

  std::string_view source_;
  std::vector<Token> tokens_;
  std::size_t at_ = 0;
  int depth_ = 0;
  bool saw_loop_ = false;  // the name `loop` since the innermost for began
  std::unique_ptr<Program> program_ = std::make_unique<Program>();
  std::vector<std::pair<std::string, Token>> pending_calls_;  // names that must turn out to be macros
};

}  // namespace headrace::expr
