#include "common/expr/prints.h"

#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>

#include "common/expr/ast.h"
#include "common/expr/builtin.h"
#include "common/expr/parser.h"

namespace headrace::expr {
namespace {

using Path = std::vector<std::string>;

// What of the context is in a value, letter by letter.
struct Written {
  std::set<Path> paths{};
  ShellQuoting quoting = ShellQuoting::kNone;

  // Side by side with the other in one text.
  void Join(Written other) {
    if (other.paths.empty()) return;
    if (paths.empty()) {
      *this = std::move(other);
      return;
    }
    if (other.quoting != quoting) quoting = ShellQuoting::kNone;
    paths.merge(other.paths);
  }
};

using Locals = std::map<std::string, Written, std::less<>>;

bool IsOne(std::span<const std::string_view> names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

// What they give holds no letter that a shell minds.
bool IsHarmless(std::string_view builtin) {
  static constexpr std::array kNames = std::to_array<std::string_view>(
      {"abs", "base64encode", "className", "endsWith", "indexOf", "isBlank", "isEmpty", "lastIndexOf", "length", "md5",
       "number", "randomInt", "sha1", "sha256", "sha512", "size", "slugify", "startsWith", "timestamp", "timestampMicro",
       "timestampMilli", "timestampNano", "urlencode"});
  return IsOne(kNames, builtin);
}

// Their input is a date or a number; the format's letters go through.
bool IsFormat(std::string_view builtin) {
  static constexpr std::array kNames = std::to_array<std::string_view>({"date", "dateAdd", "numberFormat"});
  return IsOne(kNames, builtin);
}

bool IsText(const std::vector<ExpressionPtr>& arguments, std::string_view text) {
  if (arguments.empty() || arguments.front() == nullptr) return false;
  const auto* literal = std::get_if<LiteralNode>(&arguments.front()->node);
  return literal != nullptr && literal->value == Value(text);
}

Written Through(const Builtin& filter, const std::vector<ExpressionPtr>& arguments, Written input, Written more) {
  if (IsHarmless(filter.name)) return {};
  if (IsFormat(filter.name)) return more;
  const bool keeps = filter.name == "default";
  if (filter.name == "shq") {
    input.quoting = ShellQuoting::kWord;
  } else if (filter.name == "escapeChar" && IsText(arguments, "shell")) {
    input.quoting = ShellQuoting::kInside;
  } else if (!keeps) {
    input.quoting = ShellQuoting::kNone;
  }
  input.Join(std::move(more));
  return input;
}

class Finder {
 public:
  explicit Finder(const Program& program) : program_(program) {}

  std::vector<Print> Run() {
    Locals locals;
    Walk(program_.body, locals);
    for (const auto& [name, macro] : program_.macros) {
      Locals inside;
      for (const auto& [parameter, otherwise] : macro.parameters) {
        inside[parameter] = otherwise == nullptr ? Written() : Of(*otherwise, {});
      }
      Walk(macro.body, inside);
    }
    for (const auto& [name, body] : program_.blocks) {
      Locals inside;
      Walk(body, inside);
    }
    std::sort(prints_.begin(), prints_.end(), [](const Print& a, const Print& b) { return a.offset < b.offset; });
    return std::move(prints_);
  }

 private:
  void Walk(const Body& body, Locals& locals) {
    for (const Statement& statement : body) {
      if (const auto* print = std::get_if<PrintStatement>(&statement.node)) {
        Note(statement.begin, Of(*print->expression, locals));
      } else {
        std::visit([&](const auto& node) { Visit(node, locals); }, statement.node);
      }
    }
  }

  void Note(std::size_t offset, Written written) {
    if (written.paths.empty()) return;
    prints_.push_back({offset, {written.paths.begin(), written.paths.end()}, written.quoting});
  }

  void Visit(const TextStatement&, Locals&) {}
  void Visit(const PrintStatement&, Locals&) {}
  void Visit(const BlockStatement&, Locals&) {}
  void Visit(const SetStatement& node, Locals& locals) { locals[node.name] = Of(*node.expression, locals); }
  // A variable may have been set in either branch.
  void Visit(const IfStatement& node, Locals& locals) {
    const Locals before = locals;
    Walk(node.otherwise, locals);
    for (const IfBranch& branch : node.branches) {
      Locals inside = before;
      Walk(branch.body, inside);
      for (auto& [name, written] : inside) locals[name].Join(std::move(written));
    }
  }
  void Visit(const ForStatement& node, Locals& locals) {
    Walk(node.otherwise, locals);
    Locals inside = locals;
    inside["loop"] = {};
    inside[node.variable] = Of(*node.iterable, locals);
    Walk(node.body, inside);
    inside.erase("loop");
    inside.erase(node.variable);
    for (auto& [name, written] : inside) locals[name] = std::move(written);
  }
  void Visit(const FilterStatement& node, Locals& locals) {
    const std::size_t first = prints_.size();
    Walk(node.body, locals);
    for (const FilterStep& step : node.steps) {
      for (std::size_t i = first; i < prints_.size(); ++i) {
        Print& print = prints_[i];
        Written inside{{print.paths.begin(), print.paths.end()}, print.quoting};
        Written after = Through(*step.filter, step.arguments, std::move(inside), {});
        print.paths.assign(after.paths.begin(), after.paths.end());
        print.quoting = after.quoting;
      }
    }
    std::erase_if(prints_, [](const Print& print) { return print.paths.empty(); });
  }

  Written Of(const Expression& expression, const Locals& locals) {
    if (std::optional<Written> chain = OfChain(expression, locals)) return std::move(*chain);
    return std::visit([&](const auto& node) { return From(node, locals); }, expression.node);
  }
  Written OfAll(const std::vector<ExpressionPtr>& expressions, const Locals& locals) {
    Written all;
    for (const ExpressionPtr& expression : expressions) {
      if (expression != nullptr) all.Join(Of(*expression, locals));
    }
    return all;
  }

  // A name with its attributes and literal subscripts; nothing if `expression` is something else.
  std::optional<Written> OfChain(const Expression& expression, const Locals& locals) {
    if (const auto* name = std::get_if<NameNode>(&expression.node)) {
      if (const auto local = locals.find(name->name); local != locals.end()) return local->second;
      return Written{{Path{name->name}}};
    }
    const auto* attribute = std::get_if<AttributeNode>(&expression.node);
    const auto* subscript = std::get_if<SubscriptNode>(&expression.node);
    if (attribute == nullptr && subscript == nullptr) return std::nullopt;
    const Expression& object = attribute != nullptr ? *attribute->object : *subscript->object;
    std::optional<Written> chain = OfChain(object, locals);
    const auto* literal = subscript == nullptr ? nullptr : std::get_if<LiteralNode>(&subscript->index->node);
    const bool text = literal != nullptr && literal->value.is_string();
    if (!chain || chain->paths.size() != 1 || !Root(object, locals) || (attribute == nullptr && !text)) return chain;
    Path path = *chain->paths.begin();
    path.push_back(attribute != nullptr ? attribute->name : std::string(literal->value.get_string()));
    Written written{{path}};
    // `inputs.values` is an input of that name, or all of them.
    if (path.size() == 2 && IsProperty(path.back())) written.paths.insert({path.front()});
    return written;
  }

  // Whether every step of the chain so far has a name of its own, from the context on.
  static bool Root(const Expression& expression, const Locals& locals) {
    if (const auto* name = std::get_if<NameNode>(&expression.node)) return !locals.contains(name->name);
    if (const auto* attribute = std::get_if<AttributeNode>(&expression.node)) return Root(*attribute->object, locals);
    const auto* subscript = std::get_if<SubscriptNode>(&expression.node);
    if (subscript == nullptr) return false;
    const auto* literal = std::get_if<LiteralNode>(&subscript->index->node);
    return literal != nullptr && literal->value.is_string() && Root(*subscript->object, locals);
  }

  Written From(const LiteralNode&, const Locals&) { return {}; }
  Written From(const NameNode&, const Locals&) { return {}; }
  Written From(const AttributeNode& node, const Locals& locals) { return Of(*node.object, locals); }
  Written From(const SubscriptNode& node, const Locals& locals) { return Of(*node.object, locals); }
  Written From(const UnaryNode&, const Locals&) { return {}; }
  Written From(const BinaryNode& node, const Locals& locals) {
    switch (node.op) {
      case BinaryOperator::kAdd:
      case BinaryOperator::kSubtract:  // of lists
      case BinaryOperator::kConcatenate:
      case BinaryOperator::kRange:
      case BinaryOperator::kNullCoalesce:
      case BinaryOperator::kUndefinedCoalesce: {
        Written both = Of(*node.left, locals);
        both.Join(Of(*node.right, locals));
        return both;
      }
      default:
        return {};
    }
  }
  Written From(const TernaryNode& node, const Locals& locals) {
    Written either = Of(*node.then, locals);
    either.Join(Of(*node.otherwise, locals));
    return either;
  }
  Written From(const TestNode&, const Locals&) { return {}; }
  Written From(const FilterNode& node, const Locals& locals) {
    return Through(*node.filter, node.arguments, Of(*node.input, locals), OfAll(node.arguments, locals));
  }
  Written From(const FunctionNode& node, const Locals& locals) {
    if (IsHarmless(node.function->name)) return {};
    Written all = OfAll(node.arguments, locals);
    all.quoting = ShellQuoting::kNone;
    // printContext() and its like. What render() renders is not looked into.
    if (node.function->reads == "*" && node.arguments.empty()) all.paths.insert({Path{"inputs"}, Path{"trigger"}});
    return all;
  }
  // What the world answers is not what it was asked with; what a macro makes may be.
  Written From(const CallNode& node, const Locals& locals) {
    if (!node.macro) return {};
    Written all = OfAll(node.positional, locals);
    for (const auto& [name, argument] : node.named) all.Join(Of(*argument, locals));
    all.quoting = ShellQuoting::kNone;
    return all;
  }
  Written From(const ListNode& node, const Locals& locals) { return OfAll(node.items, locals); }
  Written From(const MapNode& node, const Locals& locals) {
    Written all;
    for (const auto& [key, value] : node.entries) {
      all.Join(Of(*key, locals));
      all.Join(Of(*value, locals));
    }
    return all;
  }
  Written From(const InterpolationNode& node, const Locals& locals) { return OfAll(node.parts, locals); }

  const Program& program_;
  std::vector<Print> prints_;
};

}  // namespace

Result<std::vector<Print>> FindPrints(std::string_view text) {
  ASSIGN_OR_RETURN(const std::unique_ptr<const Program> program, Parse(text));
  return Finder(*program).Run();
}

}  // namespace headrace::expr
