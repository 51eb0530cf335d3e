#include "common/expr/references.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <set>

#include "common/expr/builtin.h"

namespace headrace::expr {
namespace {

using Path = std::vector<std::string>;
using Names = std::set<std::string, std::less<>>;

class Collector {
 public:
  explicit Collector(const Program& program) : program_(program) {}

  References Run() {
    Names locals;
    Walk(program_.body, locals);
    for (const auto& [name, macro] : program_.macros) {
      Names inside;
      for (const auto& [parameter, otherwise] : macro.parameters) {
        if (otherwise != nullptr) Walk(*otherwise, {});
        inside.insert(parameter);
      }
      Walk(macro.body, inside);
    }
    // Blocks run where they stand and wherever block() calls them: without any variable that is sure.
    for (const auto& [name, body] : program_.blocks) {
      Names inside;
      Walk(body, inside);
    }
    References found;
    found.paths.assign(paths_.begin(), paths_.end());
    found.functions.assign(functions_.begin(), functions_.end());
    found.whole_context = whole_context_;
    return found;
  }

 private:
  // `locals` are the variables that are surely set; statements add to them.
  void Walk(const Body& body, Names& locals) {
    for (const Statement& statement : body) {
      std::visit([&](const auto& node) { Visit(node, locals); }, statement.node);
    }
  }

  void Visit(const TextStatement&, Names&) {}
  void Visit(const BlockStatement&, Names&) {}
  void Visit(const PrintStatement& node, Names& locals) { Walk(*node.expression, locals); }
  void Visit(const SetStatement& node, Names& locals) {
    Walk(*node.expression, locals);
    locals.insert(node.name);
  }
  void Visit(const IfStatement& node, Names& locals) {
    for (const IfBranch& branch : node.branches) Walk(*branch.condition, locals);
    Names sure = locals;
    Walk(node.otherwise, sure);
    for (const IfBranch& branch : node.branches) {
      Names inside = locals;
      Walk(branch.body, inside);
      std::erase_if(sure, [&](const std::string& name) { return !inside.contains(name); });
    }
    locals = std::move(sure);
  }
  void Visit(const ForStatement& node, Names& locals) {
    Walk(*node.iterable, locals);
    Names otherwise = locals;
    Walk(node.otherwise, otherwise);
    Names inside = locals;
    inside.insert(node.variable);
    inside.insert("loop");
    Walk(node.body, inside);
  }
  void Visit(const FilterStatement& node, Names& locals) {
    Walk(node.body, locals);
    for (const FilterStep& step : node.steps) Walk(step.arguments, locals);
  }

  void Walk(const Expression& expression, const Names& locals) {
    if (std::optional<Path> path = PathOf(expression, locals)) {
      if (!path->empty()) paths_.insert(std::move(*path));
      return;
    }
    std::visit([&](const auto& node) { Visit(node, locals); }, expression.node);
  }
  void Walk(const std::vector<ExpressionPtr>& expressions, const Names& locals) {
    for (const ExpressionPtr& expression : expressions) {
      if (expression != nullptr) Walk(*expression, locals);
    }
  }

  // The names an access chain spells, up to its first dynamic step (whose index is walked on its own); empty for a
  // local variable; nothing if `expression` is no chain that starts at a name.
  std::optional<Path> PathOf(const Expression& expression, const Names& locals) {
    bool cut = false;
    return PathOf(expression, locals, cut);
  }
  std::optional<Path> PathOf(const Expression& expression, const Names& locals, bool& cut) {
    if (const auto* name = std::get_if<NameNode>(&expression.node)) {
      if (!locals.contains(name->name)) return Path{name->name};
      cut = true;
      return Path();
    }
    if (const auto* attribute = std::get_if<AttributeNode>(&expression.node)) {
      std::optional<Path> path = PathOf(*attribute->object, locals, cut);
      // `inputs.list.size` reads the list.
      cut = cut || EndsInLoopValue(path) || (path && !path->empty() && IsProperty(attribute->name));
      if (path && !cut) path->push_back(attribute->name);
      return path;
    }
    const auto* subscript = std::get_if<SubscriptNode>(&expression.node);
    if (subscript == nullptr) return std::nullopt;
    std::optional<Path> path = PathOf(*subscript->object, locals, cut);
    if (!path) return path;
    const auto* literal = std::get_if<LiteralNode>(&subscript->index->node);
    if (literal == nullptr) Walk(*subscript->index, locals);
    const std::optional<std::int64_t> level = LoopLevel(*subscript->index, locals);
    if (!cut && level) {
      path->push_back(kOwnLoopValue + std::to_string(*level));
      return path;
    }
    cut = cut || EndsInLoopValue(path) || literal == nullptr || !literal->value.is_string();
    if (!cut) path->emplace_back(literal->value.get_string());
    return path;
  }

  static bool EndsInLoopValue(const std::optional<Path>& path) {
    return path && !path->empty() && IsOwnLoopValue(path->back());
  }

  // 0 for taskrun.value, 1 for parent.taskrun.value, n + 1 for parents[n].taskrun.value.
  static std::optional<std::int64_t> LoopLevel(const Expression& expression, const Names& locals) {
    const auto* value = std::get_if<AttributeNode>(&expression.node);
    if (value == nullptr || value->name != "value") return std::nullopt;
    const auto is_name = [&](const Expression& node, std::string_view name) {
      const auto* found = std::get_if<NameNode>(&node.node);
      return found != nullptr && found->name == name && !locals.contains(name);
    };
    if (is_name(*value->object, "taskrun")) return 0;
    const auto* run = std::get_if<AttributeNode>(&value->object->node);
    if (run == nullptr || run->name != "taskrun") return std::nullopt;
    if (is_name(*run->object, "parent")) return 1;
    const auto* place = std::get_if<SubscriptNode>(&run->object->node);
    if (place == nullptr || !is_name(*place->object, "parents")) return std::nullopt;
    const auto* number = std::get_if<LiteralNode>(&place->index->node);
    if (number == nullptr || !number->value.is_int64() || number->value.get_int64() < 0) return std::nullopt;
    return number->value.get_int64() + 1;
  }

  void Visit(const LiteralNode&, const Names&) {}
  void Visit(const NameNode&, const Names&) {}
  void Visit(const AttributeNode& node, const Names& locals) { Walk(*node.object, locals); }
  void Visit(const SubscriptNode& node, const Names& locals) {
    Walk(*node.object, locals);
    Walk(*node.index, locals);
  }
  void Visit(const UnaryNode& node, const Names& locals) { Walk(*node.operand, locals); }
  void Visit(const BinaryNode& node, const Names& locals) {
    Walk(*node.left, locals);
    Walk(*node.right, locals);
  }
  void Visit(const TernaryNode& node, const Names& locals) {
    Walk(*node.condition, locals);
    Walk(*node.then, locals);
    Walk(*node.otherwise, locals);
  }
  void Visit(const TestNode& node, const Names& locals) { Walk(*node.operand, locals); }
  void Visit(const FilterNode& node, const Names& locals) {
    Walk(*node.input, locals);
    Walk(node.arguments, locals);
  }
  void Visit(const FunctionNode& node, const Names& locals) {
    functions_.emplace(node.function->name);
    std::string_view reads = node.function->reads;
    while (!reads.empty()) {
      const std::string_view root = reads.substr(0, reads.find(' '));
      reads.remove_prefix(std::min(reads.size(), root.size() + 1));
      if (root == "*") whole_context_ = true;
      else paths_.insert({std::string(root)});
    }
    Walk(node.arguments, locals);
  }
  void Visit(const CallNode& node, const Names& locals) {
    if (!node.macro) functions_.insert(node.name);
    Walk(node.positional, locals);
    for (const auto& [name, argument] : node.named) Walk(*argument, locals);
  }
  void Visit(const ListNode& node, const Names& locals) { Walk(node.items, locals); }
  void Visit(const MapNode& node, const Names& locals) {
    for (const auto& [key, value] : node.entries) {
      Walk(*key, locals);
      Walk(*value, locals);
    }
  }
  void Visit(const InterpolationNode& node, const Names& locals) { Walk(node.parts, locals); }

  const Program& program_;
  std::set<Path> paths_;
  Names functions_;
  bool whole_context_ = false;
};

}  // namespace

References CollectReferences(const Program& program) { return Collector(program).Run(); }

void Merge(References& into, const References& more) {
  const auto unite = [](auto& target, const auto& source) {
    target.insert(target.end(), source.begin(), source.end());
    std::sort(target.begin(), target.end());
    target.erase(std::unique(target.begin(), target.end()), target.end());
  };
  unite(into.paths, more.paths);
  unite(into.functions, more.functions);
  into.whole_context = into.whole_context || more.whole_context;
}

}  // namespace headrace::expr
