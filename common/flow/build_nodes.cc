// The nodes of a Dag: an ordinary list of children that name the siblings they wait for.
#include <algorithm>
#include <unordered_map>

#include "common/flow/flow_parts.h"
#include "common/flow/flow_specs.h"
#include "common/flow/property_checks.h"

namespace headrace::flow {
namespace {

// Beyond these a cycle is told by some of its nodes.
constexpr std::size_t kCyclicMax = 200;

struct Node {
  std::string id;
  std::vector<std::size_t> needs;
  std::vector<std::size_t> needed_by;
};

std::string Joined(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

// Nodes left when those without `next` are taken away again and again.
void Trim(const std::vector<Node>& nodes, std::vector<bool>& left, std::vector<std::size_t> Node::*next,
          std::vector<std::size_t> Node::*back) {
  std::vector<std::size_t> open(nodes.size());
  std::vector<std::size_t> ready;
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    open[i] = (nodes[i].*next).size();
    if (open[i] == 0) ready.push_back(i);
  }
  while (!ready.empty()) {
    const std::size_t at = ready.back();
    ready.pop_back();
    left[at] = false;
    for (const std::size_t other : nodes[at].*back) {
      if (--open[other] == 0) ready.push_back(other);
    }
  }
}

bool ReachesItself(const std::vector<Node>& nodes, std::size_t start, const std::vector<bool>& left) {
  std::vector<bool> seen(nodes.size(), false);
  std::vector<std::size_t> stack = {start};
  while (!stack.empty()) {
    const std::size_t at = stack.back();
    stack.pop_back();
    for (const std::size_t need : nodes[at].needs) {
      if (need == start) return true;
      if (!left[need] || seen[need]) continue;
      seen[need] = true;
      stack.push_back(need);
    }
  }
  return false;
}

// Ids of the nodes that wait for themselves, in their order.
std::vector<std::string> Cyclic(const std::vector<Node>& nodes) {
  std::vector<bool> left(nodes.size(), true);
  Trim(nodes, left, &Node::needs, &Node::needed_by);
  std::vector<bool> both = left;
  Trim(nodes, both, &Node::needed_by, &Node::needs);
  std::vector<std::string> ids;
  for (std::size_t i = 0; i < nodes.size() && ids.size() < kCyclicMax; ++i) {
    if (left[i] && both[i] && ReachesItself(nodes, i, left)) ids.push_back(nodes[i].id);
  }
  return ids;
}

class NodeList {
 public:
  NodeList(Draft& draft, std::optional<model::TaskIndex> parent, model::TaskGroup& group)
      : draft_(draft), parent_(parent), group_(group) {}

  void Read(const YamlNode& item, const Path& path) {
    CheckKeys(item, path);
    const YamlNode* task = item.Find("task");
    if (task == nullptr || !task->is_map()) return;  // told above
    const Path at = path.Key("task");
    const model::TaskIndex index = BuildTask(draft_, *task, at, parent_, group_);
    const YamlNode* depends = item.Find("dependsOn");
    rows_.push_back({index, depends != nullptr && depends->is_list() ? depends : nullptr, path.Text() + ".dependsOn"});
  }

  void Connect(const YamlNode& list, const Path& path) {
    std::vector<Node> nodes(rows_.size());
    std::unordered_map<std::string, std::size_t> places;
    for (std::size_t i = 0; i < rows_.size(); ++i) {
      nodes[i].id = draft_.flow.arena[rows_[i].task].id;
      places.emplace(nodes[i].id, i);
    }
    for (std::size_t i = 0; i < rows_.size(); ++i) {
      if (rows_[i].depends == nullptr) continue;
      for (const YamlNode& name : rows_[i].depends->items) Need(i, name, nodes, places);
    }
    if (const std::vector<std::string> ids = Cyclic(nodes); !ids.empty()) {
      draft_.Error(list, path, "Cyclic dependency detected: " + Joined(ids));
    }
  }

 private:
  struct Row {
    model::TaskIndex task;
    const YamlNode* depends;
    std::string field;
  };

  // The task is read by itself: only its presence counts here.
  void CheckKeys(const YamlNode& item, const Path& path) {
    std::vector<model::PropertySpec> specs = TaskNodeProperties();
    for (model::PropertySpec& spec : specs) {
      if (spec.kind == model::PropertyKind::kTask) spec.kind = model::PropertyKind::kMap;
    }
    YamlNode shell{.kind = item.kind, .items = {}, .entries = {}, .line = item.line, .column = item.column};
    for (const YamlEntry& entry : item.entries) {
      const YamlNode& value = entry.value;
      YamlNode empty{.kind = value.kind, .items = {}, .entries = {}, .line = value.line, .column = value.column};
      shell.entries.push_back({entry.key, value.is_map() ? std::move(empty) : value});
    }
    CheckObject(draft_, draft_.Keep(std::move(shell)), specs, path, "a task of a Dag");
  }

  void Need(std::size_t i, const YamlNode& name, std::vector<Node>& nodes,
            const std::unordered_map<std::string, std::size_t>& places) {
    if (!name.is_scalar()) return;  // told as a wrong kind
    const auto place = places.find(name.text);
    if (place == places.end()) {
      std::vector<std::string> known;
      if (nodes.size() <= kCyclicMax) {
        for (const Node& node : nodes) known.push_back(node.id);
      }
      draft_.ErrorAt({name.line, name.column}, rows_[i].field,
                     "Not existing task id in dependency: " + Shortened(name.text) + Suggestion(name.text, known));
      return;
    }
    nodes[i].needs.push_back(place->second);
    nodes[place->second].needed_by.push_back(i);
    // A disabled sibling never runs: nobody waits for it.
    if (draft_.flow.arena[rows_[place->second].task].disabled) return;
    std::vector<std::string>& kept = draft_.flow.arena[rows_[i].task].depends_on;
    if (std::find(kept.begin(), kept.end(), name.text) == kept.end()) kept.push_back(name.text);
  }

  Draft& draft_;
  std::optional<model::TaskIndex> parent_;
  model::TaskGroup& group_;
  std::vector<Row> rows_;
};

}  // namespace

void BuildTaskNodes(Draft& draft, const YamlNode& node, const Path& path, std::optional<model::TaskIndex> parent,
                    model::TaskGroup& group) {
  if (node.is_null()) return;
  if (!node.is_list()) {
    draft.Error(node, path, "expected a list of maps with `task` and `dependsOn`, got " + KindName(node));
    return;
  }
  NodeList list(draft, parent, group);
  for (std::size_t i = 0; i < node.items.size(); ++i) {
    const Path at = path.At(i);
    const YamlNode& item = node.items[i];
    if (item.is_map()) {
      list.Read(item, at);
    } else {
      draft.Error(item, at, "expected a map with `task` and `dependsOn`, got " + KindName(item));
    }
  }
  list.Connect(node, path);
}

}  // namespace headrace::flow
