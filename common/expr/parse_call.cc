#include <algorithm>
#include <optional>

#include "common/base/text.h"
#include "common/expr/parser.h"

namespace headrace::expr {
namespace {

std::string DidYouMean(std::string_view word, const std::vector<std::string>& known) {
  const std::optional<std::string> nearest = Nearest(word, known);
  return nearest ? "; did you mean `" + *nearest + "`?" : "";
}

std::string Quoted(std::string_view text) { return "`" + std::string(text) + "`"; }

}  // namespace

// A method is a filter written otherwise.
Result<ExpressionPtr> Parser::ParseMethod(ExpressionPtr object, const Token& name) {
  const Builtin* method = FindMethod(name.text);
  if (method == nullptr) {
    return Bad(name, "there is no method " + Quoted(std::string(name.text) + "()") + DidYouMean(name.text, MethodNames()) +
                         "; values are texts, numbers, lists and maps: use a filter, for a date `| date('HH')`");
  }
  ASSIGN_OR_RETURN(CallArguments arguments, ParseArguments());
  ASSIGN_OR_RETURN(std::vector<ExpressionPtr> bound, Bind(*method, "method", name, std::move(arguments)));
  return Make(FilterNode{method, std::move(object), std::move(bound)}, name.offset);
}

Result<ExpressionPtr> Parser::ParseCall(const Token& name) {
  ASSIGN_OR_RETURN(CallArguments arguments, ParseArguments());
  if (const Builtin* function = FindFunction(name.text)) {
    ASSIGN_OR_RETURN(std::vector<ExpressionPtr> bound, Bind(*function, "function", name, std::move(arguments)));
    return Make(FunctionNode{function, std::move(bound)}, name.offset);
  }
  CallNode node;
  node.name = name.text;
  const EnvironmentFunction* outside = FindEnvironmentFunction(name.text);
  node.macro = outside == nullptr;
  if (node.macro) {
    pending_calls_.emplace_back(node.name, name);
  } else {
    RETURN_IF_ERROR(CheckArguments(*outside, name, arguments));
  }
  node.positional = std::move(arguments.positional);
  node.named = std::move(arguments.named);
  return Make(std::move(node), name.offset);
}

Status Parser::CheckArguments(const EnvironmentFunction& function, const Token& name, const CallArguments& arguments) const {
  const std::string title = "the function " + Quoted(function.name);
  const std::size_t given = arguments.positional.size();
  if (given > function.parameters.size()) {
    return Bad(name, title + " takes at most " + std::to_string(function.parameters.size()) + " arguments");
  }
  for (std::size_t i = 0; i < arguments.named.size(); ++i) {
    const std::string& word = arguments.named[i].first;
    const auto known = std::find(function.parameters.begin(), function.parameters.end(), word);
    if (known == function.parameters.end()) {
      return SyntaxError(source_, arguments.named_offsets[i],
                         title + " has no argument " + Quoted(word) + DidYouMean(word, function.parameters));
    }
  }
  for (std::size_t i = given; i < function.required; ++i) {
    const std::string& wanted = function.parameters[i];
    const bool named = std::any_of(arguments.named.begin(), arguments.named.end(),
                                   [&](const auto& argument) { return argument.first == wanted; });
    if (!named) return Bad(name, title + " needs the argument " + Quoted(wanted));
  }
  return {};
}

Result<FilterStep> Parser::ParseFilterStep() {
  const Token name = Peek();
  ASSIGN_OR_RETURN(const std::string word, ExpectName("the name of a filter"));
  const Builtin* filter = FindFilter(word);
  if (filter == nullptr) {
    if (word == "escape" || word == "raw") {
      return Bad(name, "the filter " + Quoted(word) + " is not part of the language: nothing is escaped");
    }
    return Bad(name, "there is no filter " + Quoted(word) + DidYouMean(word, FilterNames()));
  }
  CallArguments arguments;
  if (Peek().Is("(")) {
    ASSIGN_OR_RETURN(arguments, ParseArguments());
  }
  ASSIGN_OR_RETURN(std::vector<ExpressionPtr> bound, Bind(*filter, "filter", name, std::move(arguments)));
  return FilterStep{filter, std::move(bound)};
}

Result<Parser::CallArguments> Parser::ParseArguments() {
  CallArguments arguments;
  RETURN_IF_ERROR(Expect("(", "a name"));
  while (!Take(")")) {
    if (!arguments.positional.empty() || !arguments.named.empty()) RETURN_IF_ERROR(Expect(",", "an argument"));
    const Token token = Peek();
    if (token.kind == TokenKind::kName && Ahead().Is("=")) {
      Next();
      Next();
      ASSIGN_OR_RETURN(ExpressionPtr value, ParseExpression());
      arguments.named.emplace_back(token.text, std::move(value));
      arguments.named_offsets.push_back(token.offset);
      continue;
    }
    if (!arguments.named.empty()) return Bad(token, "an argument without a name cannot follow one with a name");
    ASSIGN_OR_RETURN(ExpressionPtr value, ParseExpression());
    arguments.positional.push_back(std::move(value));
  }
  return arguments;
}

Result<std::vector<ExpressionPtr>> Parser::Bind(const Builtin& builtin, std::string_view kind, const Token& name,
                                                CallArguments arguments) {
  const std::string title = "the " + std::string(kind) + " " + Quoted(builtin.name);
  std::vector<std::string> known;
  for (const std::string_view parameter : builtin.parameters) {
    if (!parameter.empty()) known.emplace_back(parameter);
  }
  std::vector<ExpressionPtr> bound = std::move(arguments.positional);
  if (!builtin.variadic) {
    if (bound.size() > known.size()) {
      return Bad(name, title + " takes at most " + std::to_string(known.size()) + " arguments");
    }
    bound.resize(known.size());
  }
  for (std::size_t i = 0; i < arguments.named.size(); ++i) {
    auto& [word, value] = arguments.named[i];
    const auto found = std::find(known.begin(), known.end(), word);
    if (found == known.end() || builtin.variadic) {
      return SyntaxError(source_, arguments.named_offsets[i],
                         title + " has no argument " + Quoted(word) + DidYouMean(word, known));
    }
    ExpressionPtr& slot = bound[static_cast<std::size_t>(found - known.begin())];
    if (slot != nullptr) {
      return SyntaxError(source_, arguments.named_offsets[i], "the argument " + Quoted(word) + " is given twice");
    }
    slot = std::move(value);
  }
  for (int i = 0; i < builtin.required; ++i) {
    const auto index = static_cast<std::size_t>(i);
    if (index >= bound.size() || bound[index] == nullptr) {
      return Bad(name, title + " needs the argument " + Quoted(builtin.parameters[index]));
    }
  }
  return bound;
}

}  // namespace headrace::expr
