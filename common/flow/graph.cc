#include "common/flow/graph.h"

#include "common/model/for_each_item.h"

namespace headrace::flow {
namespace {

using model::Flow;
using model::Task;
using model::TaskGroup;
using model::TaskIndex;

std::string_view ShortType(std::string_view type) { return type.substr(type.find_last_of(".$") + 1); }

// The lists of a flow, in the order they run.
std::vector<TaskGroup> FlowGroups(const Flow& flow) {
  std::vector<TaskGroup> groups;
  const auto add = [&](const char* name, const std::vector<TaskIndex>& tasks) {
    if (!tasks.empty()) groups.push_back({name, tasks});
  };
  add("tasks", flow.tasks);
  add("errors", flow.errors);
  add("finally", flow.finally);
  add("afterExecution", flow.after_execution);
  return groups;
}

class Tree {
 public:
  Tree(const Flow& flow, bool ascii) : flow_(flow), ascii_(ascii) {}

  std::string Draw() {
    out_ = flow_.ns + '.' + flow_.id + '\n';
    DrawGroups(FlowGroups(flow_), "");
    return std::move(out_);
  }

 private:
  void Branch(const std::string& prefix, bool last) {
    out_ += prefix;
    if (ascii_) {
      out_ += last ? "`-- " : "|-- ";
    } else {
      out_ += last ? "└─ " : "├─ ";
    }
  }

  std::string Deeper(const std::string& prefix, bool last) const {
    if (ascii_) return prefix + (last ? "    " : "|   ");
    return prefix + (last ? "   " : "│  ");
  }

  // The main list stands directly below its owner; others get a line of their own.
  void DrawGroups(const std::vector<TaskGroup>& groups, const std::string& prefix) {
    for (std::size_t g = 0; g < groups.size(); ++g) {
      const bool last_group = g + 1 == groups.size();
      if (groups[g].name == "tasks") {
        DrawTasks(groups[g].tasks, prefix, last_group);
      } else {
        Branch(prefix, last_group);
        out_ += groups[g].name + ":\n";
        DrawTasks(groups[g].tasks, Deeper(prefix, last_group), true);
      }
    }
  }

  void DrawTasks(const std::vector<TaskIndex>& tasks, const std::string& prefix, bool ends_here) {
    for (std::size_t i = 0; i < tasks.size(); ++i) {
      const Task& task = flow_.task(tasks[i]);
      if (model::IsInnerTask(task.id)) continue;
      const bool last = ends_here && i + 1 == tasks.size();
      Branch(prefix, last);
      out_ += task.id + "  " + std::string(ShortType(task.type)) + Notes(task) + '\n';
      DrawGroups(task.groups, Deeper(prefix, last));
    }
  }

  static std::string Notes(const Task& task) {
    std::string notes;
    const auto add = [&](const std::string& note) { notes += (notes.empty() ? " (" : ", ") + note; };
    if (const Value* flow_id = task.properties.if_contains("flowId")) add("flow " + ToText(*flow_id));
    if (!task.run_if.empty()) add("runIf");
    if (task.retry) add("retry");
    if (task.allow_failure) add("allowFailure");
    if (!task.timeout.empty()) add("timeout " + task.timeout);
    return notes.empty() ? notes : notes + ')';
  }

  const Flow& flow_;
  bool ascii_;
  std::string out_;
};

// Node names are indices, so that no id needs quoting as a name.
std::string NodeName(TaskIndex index) { return 't' + std::to_string(index); }

// In a label of either language.
std::string Escaped(std::string_view text, bool mermaid) {
  std::string out;
  for (const char c : text) {
    if (c == '"') {
      out += mermaid ? "#quot;" : "\\\"";
    } else if (c == '\\' && !mermaid) {
      out += "\\\\";
    } else if (c == '\n') {
      out += ' ';
    } else {
      out += c;
    }
  }
  return out;
}

// Whether the tasks of this group run one after the other.
bool IsSequence(const Task* owner, const TaskGroup& group) {
  if (owner == nullptr || group.name != "tasks") return true;
  const std::string_view type = ShortType(owner->type);
  return type != "Parallel" && type != "Dag" && type != "EachParallel";
}

class Chart {
 public:
  Chart(const Flow& flow, bool mermaid) : flow_(flow), mermaid_(mermaid) {}

  std::string Draw() {
    const std::string title = Escaped(flow_.ns + '.' + flow_.id, mermaid_);
    out_ = mermaid_ ? "flowchart TD\n"
                    : "digraph flow {\n  label=\"" + title + "\";\n  node [shape=box];\n  compound=true;\n";
    const std::vector<TaskGroup> groups = FlowGroups(flow_);
    for (const TaskGroup& group : groups) DrawGroup(nullptr, group, "f_" + group.name);
    for (std::size_t i = 0; i + 1 < groups.size(); ++i) {
      if (groups[i + 1].name == "errors") Edge(groups[i].tasks.back(), groups[i + 1].tasks.front(), "on failure");
    }
    if (!mermaid_) out_ += "}\n";
    return std::move(out_);
  }

 private:
  void DrawGroup(const Task* owner, const TaskGroup& group, const std::string& name) {
    if (!group.tasks.empty() && model::IsInnerTask(flow_.task(group.tasks.front()).id)) return;
    const bool boxed = owner != nullptr || group.name != "tasks";
    if (boxed) OpenBox(name, group.name);
    for (const TaskIndex index : group.tasks) {
      const Task& task = flow_.task(index);
      Node(task);
      for (std::size_t g = 0; g < task.groups.size(); ++g) {
        DrawGroup(&task, task.groups[g], NodeName(index) + '_' + std::to_string(g));
      }
    }
    if (boxed) CloseBox();
    for (std::size_t i = 0; i < group.tasks.size(); ++i) {
      const bool sequence = IsSequence(owner, group);
      if (sequence && i > 0) {
        Edge(group.tasks[i - 1], group.tasks[i], "");
      } else if (owner != nullptr) {
        Edge(owner->index, group.tasks[i], group.name == "tasks" ? "" : group.name);
      }
    }
  }

  void OpenBox(const std::string& name, const std::string& label) {
    out_ += mermaid_ ? "  subgraph " + name + "[\"" + Escaped(label, true) + "\"]\n"
                     : "  subgraph cluster_" + name + " {\n  label=\"" + Escaped(label, false) + "\";\n";
  }
  void CloseBox() { out_ += mermaid_ ? "  end\n" : "  }\n"; }

  void Node(const Task& task) {
    const std::string id = Escaped(task.id, mermaid_);
    const std::string type = Escaped(ShortType(task.type), mermaid_);
    out_ += "  " + NodeName(task.index);
    out_ += mermaid_ ? "[\"" + id + "<br/>" + type + "\"]\n" : " [label=\"" + id + "\\n" + type + "\"];\n";
  }

  void Edge(TaskIndex from, TaskIndex to, const std::string& label) {
    const std::string text = Escaped(label, mermaid_);
    out_ += "  " + NodeName(from);
    if (mermaid_) {
      out_ += text.empty() ? " --> " : " -->|\"" + text + "\"| ";
      out_ += NodeName(to) + '\n';
    } else {
      out_ += " -> " + NodeName(to) + (text.empty() ? "" : " [label=\"" + text + "\"]") + ";\n";
    }
  }

  const Flow& flow_;
  bool mermaid_;
  std::string out_;
};

}  // namespace

std::optional<GraphFormat> ParseGraphFormat(std::string_view name) {
  if (name == "tree") return GraphFormat::kTree;
  if (name == "ascii") return GraphFormat::kAscii;
  if (name == "dot") return GraphFormat::kDot;
  if (name == "mermaid") return GraphFormat::kMermaid;
  return std::nullopt;
}

std::string FlowGraph(const Flow& flow, GraphFormat format) {
  switch (format) {
    case GraphFormat::kTree:
      return Tree(flow, false).Draw();
    case GraphFormat::kAscii:
      return Tree(flow, true).Draw();
    case GraphFormat::kDot:
      return Chart(flow, false).Draw();
    case GraphFormat::kMermaid:
      return Chart(flow, true).Draw();
  }
  return {};
}

}  // namespace headrace::flow
