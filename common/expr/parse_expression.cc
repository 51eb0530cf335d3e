#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include "common/base/text.h"
#include "common/expr/parser.h"

namespace headrace::expr {
namespace {

constexpr int kDepthMax = 200;
constexpr std::uint32_t kHeightMax = 400;
constexpr int kFilterPrecedence = 100;
constexpr int kTestPrecedence = 20;
constexpr int kUnaryPrecedence = 500;

struct Infix {
  std::string_view text;
  int precedence;
  BinaryOperator op;
};
constexpr std::array<Infix, 20> kInfixes = {{
    {"or", 10, BinaryOperator::kOr},
    {"and", 15, BinaryOperator::kAnd},
    {"contains", 20, BinaryOperator::kContains},
    {"==", 30, BinaryOperator::kEqual},
    {"equals", 30, BinaryOperator::kEqual},
    {"!=", 30, BinaryOperator::kNotEqual},
    {">", 30, BinaryOperator::kGreater},
    {"<", 30, BinaryOperator::kLess},
    {">=", 30, BinaryOperator::kGreaterEqual},
    {"<=", 30, BinaryOperator::kLessEqual},
    {"+", 40, BinaryOperator::kAdd},
    {"-", 40, BinaryOperator::kSubtract},
    {"*", 60, BinaryOperator::kMultiply},
    {"/", 60, BinaryOperator::kDivide},
    {"%", 60, BinaryOperator::kModulo},
    {"~", 110, BinaryOperator::kConcatenate},
    {"..", 120, BinaryOperator::kRange},
    {"??", 120, BinaryOperator::kNullCoalesce},
    {"???", 120, BinaryOperator::kUndefinedCoalesce},
    {"isIn", 120, BinaryOperator::kIn},
}};

const Infix* FindInfix(const Token& token) {
  if (token.kind != TokenKind::kSymbol && token.kind != TokenKind::kName) return nullptr;
  const auto* found = std::find_if(kInfixes.begin(), kInfixes.end(),
                                   [&](const Infix& infix) { return infix.text == token.text; });
  return found == kInfixes.end() ? nullptr : found;
}

struct NamedTest {
  std::string_view name;
  TestKind kind;
};
constexpr std::array<NamedTest, 8> kTests = {{
    {"defined", TestKind::kDefined}, {"empty", TestKind::kEmpty}, {"even", TestKind::kEven},
    {"iterable", TestKind::kIterable}, {"json", TestKind::kJson}, {"map", TestKind::kMap},
    {"null", TestKind::kNull}, {"odd", TestKind::kOdd},
}};

std::string DidYouMean(std::string_view word, const std::vector<std::string>& known) {
  const std::optional<std::string> nearest = Nearest(word, known);
  return nearest ? "; did you mean `" + *nearest + "`?" : "";
}

std::string Quoted(std::string_view text) { return "`" + std::string(text) + "`"; }

// Only a backslash before the string's own quote is taken out; others are left for filters such as replace(regexp).
std::string Unescape(std::string_view raw, char quote) {
  std::string text;
  text.reserve(raw.size());
  for (std::size_t i = 0; i < raw.size(); ++i) {
    if (raw[i] == '\\' && i + 1 < raw.size() && raw[i + 1] == quote) continue;
    text += raw[i];
  }
  return text;
}

std::uint32_t Height(const ExpressionPtr& expression) { return expression == nullptr ? 0 : expression->height; }
std::uint32_t Tallest(const std::vector<ExpressionPtr>& list) {
  std::uint32_t height = 0;
  for (const ExpressionPtr& item : list) height = std::max(height, Height(item));
  return height;
}

struct ChildHeight {
  std::uint32_t operator()(const LiteralNode&) const { return 0; }
  std::uint32_t operator()(const NameNode&) const { return 0; }
  std::uint32_t operator()(const AttributeNode& n) const { return Height(n.object); }
  std::uint32_t operator()(const SubscriptNode& n) const { return std::max(Height(n.object), Height(n.index)); }
  std::uint32_t operator()(const UnaryNode& n) const { return Height(n.operand); }
  std::uint32_t operator()(const BinaryNode& n) const { return std::max(Height(n.left), Height(n.right)); }
  std::uint32_t operator()(const TernaryNode& n) const {
    return std::max({Height(n.condition), Height(n.then), Height(n.otherwise)});
  }
  std::uint32_t operator()(const TestNode& n) const { return Height(n.operand); }
  std::uint32_t operator()(const FilterNode& n) const { return std::max(Height(n.input), Tallest(n.arguments)); }
  std::uint32_t operator()(const FunctionNode& n) const { return Tallest(n.arguments); }
  std::uint32_t operator()(const CallNode& n) const {
    std::uint32_t height = Tallest(n.positional);
    for (const auto& [name, value] : n.named) height = std::max(height, Height(value));
    return height;
  }
  std::uint32_t operator()(const ListNode& n) const { return Tallest(n.items); }
  std::uint32_t operator()(const MapNode& n) const {
    std::uint32_t height = 0;
    for (const auto& [key, value] : n.entries) height = std::max({height, Height(key), Height(value)});
    return height;
  }
  std::uint32_t operator()(const InterpolationNode& n) const { return Tallest(n.parts); }
};

// Counts one level of parsing while it lives.
struct Depth {
  explicit Depth(int& depth) : depth_(depth) { ++depth_; }
  ~Depth() { --depth_; }
  Depth(const Depth&) = delete;
  Depth& operator=(const Depth&) = delete;
  int& depth_;
};

}  // namespace

std::vector<std::string> TestNames() {
  std::vector<std::string> names;
  for (const NamedTest& test : kTests) names.emplace_back(test.name);
  return names;
}

template <typename Node>
Result<ExpressionPtr> Parser::Make(Node node, std::uint32_t offset) {
  const std::uint32_t height = ChildHeight()(node) + 1;
  if (height > kHeightMax) return SyntaxError(source_, offset, "the expression has too many parts in a row");
  auto expression = std::make_unique<Expression>();
  expression->node = std::move(node);
  expression->offset = offset;
  expression->height = height;
  return expression;
}

Result<ExpressionPtr> Parser::ParseExpression(int precedence_min) {
  const Depth depth(depth_);
  if (depth_ > kDepthMax) return Bad(Peek(), "the expression is nested too deeply");
  ASSIGN_OR_RETURN(ExpressionPtr left, ParseOperand());
  ASSIGN_OR_RETURN(left, ParseInfix(std::move(left), precedence_min));
  if (precedence_min == 0) return ParseTernary(std::move(left));
  return left;
}

Result<ExpressionPtr> Parser::ParseOperand() {
  const Token token = Peek();
  std::optional<UnaryOperator> op;
  if (token.Is("-")) op = UnaryOperator::kMinus;
  if (token.Is("+")) op = UnaryOperator::kPlus;
  if (token.IsWord("not")) op = UnaryOperator::kNot;
  if (op) {
    Next();
    ASSIGN_OR_RETURN(ExpressionPtr operand, ParseExpression(kUnaryPrecedence));
    return Make(UnaryNode{*op, std::move(operand)}, token.offset);
  }
  ASSIGN_OR_RETURN(ExpressionPtr operand, ParsePrimary());
  return ParsePostfix(std::move(operand));
}

Result<ExpressionPtr> Parser::ParseInfix(ExpressionPtr left, int precedence_min) {
  while (true) {
    const Token token = Peek();
    if (token.Is("|") && kFilterPrecedence >= precedence_min) {
      Next();
      ASSIGN_OR_RETURN(FilterStep step, ParseFilterStep());
      ASSIGN_OR_RETURN(left, Make(FilterNode{step.filter, std::move(left), std::move(step.arguments)}, token.offset));
      continue;
    }
    if (token.IsWord("is") && kTestPrecedence >= precedence_min) {
      Next();
      ASSIGN_OR_RETURN(left, ParseTest(std::move(left), token.offset));
      continue;
    }
    const Infix* infix = FindInfix(token);
    if (infix == nullptr || infix->precedence < precedence_min) return left;
    Next();
    ASSIGN_OR_RETURN(ExpressionPtr right, ParseExpression(infix->precedence + 1));
    ASSIGN_OR_RETURN(left, Make(BinaryNode{infix->op, std::move(left), std::move(right)}, token.offset));
  }
}

Result<ExpressionPtr> Parser::ParseTest(ExpressionPtr operand, std::uint32_t offset) {
  bool negated = false;
  if (Peek().IsWord("not")) {
    Next();
    negated = true;
  }
  const Token name = Peek();
  ASSIGN_OR_RETURN(const std::string word, ExpectName("the name of a test"));
  const auto* test =
      std::find_if(kTests.begin(), kTests.end(), [&](const NamedTest& known) { return known.name == word; });
  if (test == kTests.end()) {
    return Bad(name, "there is no test " + Quoted(word) + DidYouMean(word, TestNames()));
  }
  return Make(TestNode{test->kind, negated, std::move(operand)}, offset);
}

Result<ExpressionPtr> Parser::ParseTernary(ExpressionPtr condition) {
  const Token question = Peek();
  if (!Take("?")) return condition;
  ASSIGN_OR_RETURN(ExpressionPtr then, ParseExpression());
  RETURN_IF_ERROR(Expect(":", "the first branch of `?`"));
  ASSIGN_OR_RETURN(ExpressionPtr otherwise, ParseExpression());
  return Make(TernaryNode{std::move(condition), std::move(then), std::move(otherwise)}, question.offset);
}

Result<ExpressionPtr> Parser::ParsePrimary() {
  const Token token = Peek();
  switch (token.kind) {
    case TokenKind::kName: return ParseName();
    case TokenKind::kInteger:
    case TokenKind::kFloat: return ParseNumber();
    case TokenKind::kString: {
      Next();
      return Make(LiteralNode{Value(Unescape(token.text, token.quote))}, token.offset);
    }
    case TokenKind::kStringOpen: return ParseInterpolation();
    default: break;
  }
  if (token.Is("[")) return ParseList();
  if (token.Is("{")) return ParseMap();
  if (!Take("(")) return Unexpected(token, "a value");
  ASSIGN_OR_RETURN(ExpressionPtr inner, ParseExpression());
  RETURN_IF_ERROR(Expect(")", "the expression in parentheses"));
  return inner;
}

Result<ExpressionPtr> Parser::ParseName() {
  const Token token = Next();
  if (Peek().Is("(")) return ParseCall(token);
  const std::string_view word = token.text;
  if (word == "true" || word == "TRUE") return Make(LiteralNode{Value(true)}, token.offset);
  if (word == "false" || word == "FALSE") return Make(LiteralNode{Value(false)}, token.offset);
  if (word == "null" || word == "none" || word == "NULL" || word == "NONE") {
    return Make(LiteralNode{Value(nullptr)}, token.offset);
  }
  if (FindInfix(token) != nullptr || word == "is") return Unexpected(token, "a value");
  if (word == "loop") saw_loop_ = true;
  return Make(NameNode{std::string(word)}, token.offset);
}

Result<ExpressionPtr> Parser::ParseNumber() {
  const Token token = Next();
  const char* end = token.text.data() + token.text.size();
  if (token.kind == TokenKind::kFloat) {
    double number = 0;
    std::from_chars(token.text.data(), end, number);
    return Make(LiteralNode{Value(number)}, token.offset);
  }
  std::int64_t number = 0;
  if (std::from_chars(token.text.data(), end, number).ec != std::errc()) {
    return Bad(token, "the number " + std::string(token.text) + " does not fit 64 bits");
  }
  return Make(LiteralNode{Value(number)}, token.offset);
}

Result<ExpressionPtr> Parser::ParseInterpolation() {
  const Token open = Next();
  InterpolationNode node;
  while (Peek().kind != TokenKind::kStringClose) {
    const Token token = Next();
    if (token.kind == TokenKind::kString) {
      ASSIGN_OR_RETURN(ExpressionPtr text, Make(LiteralNode{Value(Unescape(token.text, '"'))}, token.offset));
      node.parts.push_back(std::move(text));
      continue;
    }
    ASSIGN_OR_RETURN(ExpressionPtr part, ParseExpression());
    node.parts.push_back(std::move(part));
    if (Peek().kind != TokenKind::kInterpolationClose) return Unexpected(Peek(), "`}` of the interpolation");
    Next();
  }
  Next();
  return Make(std::move(node), open.offset);
}

Result<ExpressionPtr> Parser::ParseList() {
  const Token open = Next();
  ListNode node;
  while (!Take("]")) {
    if (!node.items.empty()) RETURN_IF_ERROR(Expect(",", "an element of the list"));
    if (Take("]")) break;
    ASSIGN_OR_RETURN(ExpressionPtr item, ParseExpression());
    node.items.push_back(std::move(item));
  }
  return Make(std::move(node), open.offset);
}

Result<ExpressionPtr> Parser::ParseMap() {
  const Token open = Next();
  MapNode node;
  while (!Take("}")) {
    if (!node.entries.empty()) RETURN_IF_ERROR(Expect(",", "an entry of the map"));
    if (Take("}")) break;
    ASSIGN_OR_RETURN(ExpressionPtr key, ParseExpression());
    RETURN_IF_ERROR(Expect(":", "the key of a map"));
    ASSIGN_OR_RETURN(ExpressionPtr value, ParseExpression());
    node.entries.emplace_back(std::move(key), std::move(value));
  }
  return Make(std::move(node), open.offset);
}

Result<ExpressionPtr> Parser::ParsePostfix(ExpressionPtr operand) {
  while (true) {
    const Token token = Peek();
    if (Take(".")) {
      const Token name = Peek();
      ASSIGN_OR_RETURN(std::string attribute, ExpectName("a name after `.`"));
      if (Peek().Is("(")) {
        ASSIGN_OR_RETURN(operand, ParseMethod(std::move(operand), name));
        continue;
      }
      ASSIGN_OR_RETURN(operand, Make(AttributeNode{std::move(operand), std::move(attribute)}, name.offset));
    } else if (Take("[")) {
      ASSIGN_OR_RETURN(ExpressionPtr index, ParseExpression());
      RETURN_IF_ERROR(Expect("]", "the subscript"));
      ASSIGN_OR_RETURN(operand, Make(SubscriptNode{std::move(operand), std::move(index)}, token.offset));
    } else {
      return operand;
    }
  }
}

// For parse_call.cc.
template Result<ExpressionPtr> Parser::Make(FunctionNode, std::uint32_t);
template Result<ExpressionPtr> Parser::Make(CallNode, std::uint32_t);
template Result<ExpressionPtr> Parser::Make(FilterNode, std::uint32_t);

}  // namespace headrace::expr
