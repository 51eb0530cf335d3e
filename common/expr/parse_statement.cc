#include <algorithm>
#include <array>
#include <optional>

#include "common/base/text.h"
#include "common/expr/parser.h"

namespace headrace::expr {
namespace {

constexpr int kNestingMax = 100;

const std::vector<std::string>& KnownTags() {
  static const std::vector<std::string> tags = {"if",    "elseif", "else",     "endif",     "for",    "endfor",
                                                "set",   "macro",  "endmacro", "block",     "endblock", "filter",
                                                "endfilter", "verbatim", "endverbatim", "raw", "endraw"};
  return tags;
}

constexpr std::array<std::string_view, 9> kRemovedTags = {"extends",  "embed", "flush",      "import", "include",
                                                          "parallel", "cache", "autoescape", "from"};

}  // namespace

Parser::Parser(std::string_view source, std::vector<Token> tokens) : source_(source), tokens_(std::move(tokens)) {
  program_->source = source;
}

Result<std::unique_ptr<const Program>> Parser::Run() {
  ASSIGN_OR_RETURN(program_->body, ParseBody({}));
  RETURN_IF_ERROR(CheckMacroCalls());
  return std::move(program_);
}

Result<std::unique_ptr<const Program>> Parse(std::string_view source) {
  ASSIGN_OR_RETURN(std::vector<Token> tokens, Tokenize(source));
  return Parser(source, std::move(tokens)).Run();
}

bool Parser::Take(std::string_view symbol) {
  if (!Peek().Is(symbol)) return false;
  Next();
  return true;
}

tl::unexpected<Error> Parser::Bad(const Token& token, std::string message) const {
  return SyntaxError(source_, token.offset, std::move(message));
}

tl::unexpected<Error> Parser::Unexpected(const Token& token, std::string_view wanted) const {
  std::string found = "`" + std::string(token.text) + "`";
  if (token.kind == TokenKind::kEnd) found = "the end";
  // What other languages write.
  std::string_view remedy;
  if (token.IsWord("in")) remedy = "; write `isIn` or `contains`";
  if (token.Is("=")) remedy = "; two values are compared by `==`";
  if (token.Is("|")) remedy = "; write `or`";
  return Bad(token, "expected " + std::string(wanted) + " but found " + found + std::string(remedy));
}

Status Parser::Expect(std::string_view symbol, std::string_view after) {
  if (Take(symbol)) return {};
  return Unexpected(Peek(), "`" + std::string(symbol) + "` after " + std::string(after));
}

Status Parser::ExpectTagClose(std::string_view tag) {
  if (Peek().kind != TokenKind::kTagClose) return Unexpected(Peek(), "`%}` after `" + std::string(tag) + "`");
  Next();
  return {};
}

Result<std::string> Parser::ExpectName(std::string_view what) {
  if (Peek().kind != TokenKind::kName) return Unexpected(Peek(), what);
  return std::string(Next().text);
}

// Reads until a tag named in `ends`, whose name is then the next token.
Result<Body> Parser::ParseBody(std::initializer_list<std::string_view> ends) {
  Body body;
  if (++depth_ > kNestingMax) return Bad(Peek(), "tags are nested too deeply");
  while (true) {
    const Token token = Peek();
    if (token.kind == TokenKind::kEnd) break;
    if (token.kind == TokenKind::kText) {
      Next();
      body.push_back({TextStatement{token.text}, token.offset, token.offset});
    } else if (token.kind == TokenKind::kPrintOpen) {
      Next();
      ASSIGN_OR_RETURN(ExpressionPtr expression, ParseExpression());
      if (Peek().kind != TokenKind::kPrintClose) return Unexpected(Peek(), "`}}`");
      const std::uint32_t end = Next().offset + 2;
      body.push_back({PrintStatement{std::move(expression)}, token.offset, end});
    } else {
      const std::string_view name = Ahead().text;
      if (std::find(ends.begin(), ends.end(), name) != ends.end()) {
        Next();
        break;
      }
      RETURN_IF_ERROR(ParseTag(body));
    }
  }
  --depth_;
  return body;
}

Status Parser::ParseTag(Body& body) {
  const Token open = Next();
  const Token name = Peek();
  if (name.kind != TokenKind::kName) return Unexpected(name, "the name of a tag");
  Next();
  if (name.text == "macro") return ParseMacro();
  std::optional<Result<Statement>> parsed;
  if (name.text == "if") parsed = ParseIf();
  if (name.text == "for") parsed = ParseFor();
  if (name.text == "set") parsed = ParseSet();
  if (name.text == "filter") parsed = ParseFilterTag();
  if (name.text == "block") parsed = ParseBlock();
  if (!parsed) return UnknownTag(name);
  if (!*parsed) return Fail(std::move(parsed->error()));
  Statement statement = std::move(**parsed);
  statement.begin = open.offset;
  statement.end = static_cast<std::uint32_t>(std::min(source_.find("%}", open.offset) + 2, source_.size()));
  body.push_back(std::move(statement));
  return {};
}

tl::unexpected<Error> Parser::UnknownTag(const Token& name) const {
  const std::string quoted = "`" + std::string(name.text) + "`";
  if (std::find(kRemovedTags.begin(), kRemovedTags.end(), name.text) != kRemovedTags.end()) {
    return Bad(name, "the tag " + quoted + " is not supported: a template stands alone");
  }
  const auto& known = KnownTags();
  if (std::find(known.begin(), known.end(), name.text) != known.end()) {
    return Bad(name, "the tag " + quoted + " does not belong here");
  }
  const std::optional<std::string> nearest = Nearest(name.text, known);
  return Bad(name, "there is no tag " + quoted + (nearest ? "; did you mean `" + *nearest + "`?" : ""));
}

Status Parser::ExpectEnd(std::string_view tag, std::uint32_t open) {
  const std::string end = "end" + std::string(tag);
  if (!Peek().IsWord(end)) {
    return SyntaxError(source_, open, "`" + std::string(tag) + "` is not closed by `{% " + end + " %}`");
  }
  Next();
  return ExpectTagClose(end);
}

Result<Statement> Parser::ParseIf() {
  const std::uint32_t open = tokens_[at_ - 1].offset;
  IfStatement node;
  while (true) {
    ASSIGN_OR_RETURN(ExpressionPtr condition, ParseExpression());
    RETURN_IF_ERROR(ExpectTagClose("if"));
    ASSIGN_OR_RETURN(Body body, ParseBody({"elseif", "else", "endif"}));
    node.branches.push_back({std::move(condition), std::move(body)});
    if (!Peek().IsWord("elseif")) break;
    Next();
  }
  if (Peek().IsWord("else")) {
    Next();
    RETURN_IF_ERROR(ExpectTagClose("else"));
    ASSIGN_OR_RETURN(node.otherwise, ParseBody({"endif"}));
    node.has_else = true;
  }
  RETURN_IF_ERROR(ExpectEnd("if", open));
  return Statement{std::move(node)};
}

Result<Statement> Parser::ParseFor() {
  const std::uint32_t open = tokens_[at_ - 1].offset;
  ForStatement node;
  ASSIGN_OR_RETURN(node.variable, ExpectName("the name of the loop's variable"));
  if (!Peek().IsWord("in")) return Unexpected(Peek(), "`in`");
  Next();
  ASSIGN_OR_RETURN(node.iterable, ParseExpression());
  RETURN_IF_ERROR(ExpectTagClose("for"));
  const bool outer_saw_loop = saw_loop_;
  saw_loop_ = false;
  ASSIGN_OR_RETURN(node.body, ParseBody({"else", "endfor"}));
  node.uses_loop = saw_loop_;
  saw_loop_ = outer_saw_loop || node.uses_loop;
  if (Peek().IsWord("else")) {
    Next();
    RETURN_IF_ERROR(ExpectTagClose("else"));
    ASSIGN_OR_RETURN(node.otherwise, ParseBody({"endfor"}));
  }
  RETURN_IF_ERROR(ExpectEnd("for", open));
  return Statement{std::move(node)};
}

Result<Statement> Parser::ParseSet() {
  SetStatement node;
  ASSIGN_OR_RETURN(node.name, ExpectName("the name of a variable"));
  RETURN_IF_ERROR(Expect("=", "the name of the variable"));
  ASSIGN_OR_RETURN(node.expression, ParseExpression());
  RETURN_IF_ERROR(ExpectTagClose("set"));
  return Statement{std::move(node)};
}

Result<Statement> Parser::ParseFilterTag() {
  const std::uint32_t open = tokens_[at_ - 1].offset;
  FilterStatement node;
  do {
    ASSIGN_OR_RETURN(FilterStep step, ParseFilterStep());
    node.steps.push_back(std::move(step));
  } while (Take("|"));
  RETURN_IF_ERROR(ExpectTagClose("filter"));
  ASSIGN_OR_RETURN(node.body, ParseBody({"endfilter"}));
  RETURN_IF_ERROR(ExpectEnd("filter", open));
  return Statement{std::move(node)};
}

Result<Statement> Parser::ParseBlock() {
  const std::uint32_t open = tokens_[at_ - 1].offset;
  const Token name = Next();
  if (name.kind != TokenKind::kString && name.kind != TokenKind::kName) return Unexpected(name, "the name of the block");
  RETURN_IF_ERROR(ExpectTagClose("block"));
  ASSIGN_OR_RETURN(Body body, ParseBody({"endblock"}));
  if (Ahead().kind == TokenKind::kName || Ahead().kind == TokenKind::kString) {
    // `{% endblock name %}` repeats the name.
    if (!Peek().IsWord("endblock") || Ahead().text != name.text) return Unexpected(Ahead(), "`%}`");
    Next();
    Next();
    RETURN_IF_ERROR(ExpectTagClose("endblock"));
  } else {
    RETURN_IF_ERROR(ExpectEnd("block", open));
  }
  program_->blocks.insert_or_assign(std::string(name.text), std::move(body));
  return Statement{BlockStatement{std::string(name.text)}};
}

Status Parser::ParseMacro() {
  const std::uint32_t open = tokens_[at_ - 1].offset;
  const Token token = Peek();
  ASSIGN_OR_RETURN(std::string name, ExpectName("the name of the macro"));
  Macro macro;
  RETURN_IF_ERROR(Expect("(", "the name of the macro"));
  while (!Take(")")) {
    if (!macro.parameters.empty()) RETURN_IF_ERROR(Expect(",", "a parameter"));
    ASSIGN_OR_RETURN(std::string parameter, ExpectName("the name of a parameter"));
    ExpressionPtr otherwise;
    if (Take("=")) {
      ASSIGN_OR_RETURN(otherwise, ParseExpression());
    }
    macro.parameters.emplace_back(std::move(parameter), std::move(otherwise));
  }
  RETURN_IF_ERROR(ExpectTagClose("macro"));
  ASSIGN_OR_RETURN(macro.body, ParseBody({"endmacro"}));
  RETURN_IF_ERROR(ExpectEnd("macro", open));
  if (!program_->macros.emplace(name, std::move(macro)).second) {
    return Bad(token, "there are two macros `" + name + "`");
  }
  return {};
}

Status Parser::CheckMacroCalls() const {
  for (const auto& [name, token] : pending_calls_) {
    if (program_->macros.contains(name)) continue;
    std::vector<std::string> known = FunctionNames();
    for (const auto& [macro, definition] : program_->macros) known.push_back(macro);
    const std::optional<std::string> nearest = Nearest(name, known);
    return Bad(token, "there is no function `" + name + "`" + (nearest ? "; did you mean `" + *nearest + "`?" : ""));
  }
  return {};
}

}  // namespace headrace::expr
