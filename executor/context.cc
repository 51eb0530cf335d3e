// What expressions see (FLOWS 1.10), cut down to what they name: an execution with 100,000 task runs builds the
// context of `{{ outputs.one.thing }}` as fast as one with ten.
#include <algorithm>
#include <string_view>

#include "common/model/for_each_item.h"
#include "executor/apply.h"
#include "executor/bookkeeping.h"
#include "executor/render.h"
#include "executor/flowable/for_each_item.h"
#include "executor/steered_type.h"

namespace headrace::executor {

using model::TaskRun;
using model::TaskRunIndex;

namespace {

// Which members of a variable are named: all, or the second steps of its paths.
class Wanted {
 public:
  // Further out by how many loop values, outermost first: {1, 0} of outputs.x[parent.taskrun.value][taskrun.value].
  using LoopLevels = std::vector<std::size_t>;
  struct Member {
    std::string name;
    bool whole = false;                // more than what stands below the values of the loops around whoever asks
    std::vector<LoopLevels> places{};  // else only these
  };

  Wanted(const expr::References& references, std::string_view variable) : all_(references.whole_context) {
    for (const std::vector<std::string>& path : references.paths) {
      if (path.empty() || path.front() != variable) continue;
      any_ = true;
      if (path.size() == 1) {
        all_ = true;
        continue;
      }
      if (members_.empty() || members_.back().name != path[1]) members_.push_back({path[1]});
      LoopLevels levels;
      for (std::size_t i = 2; i < path.size() && expr::IsOwnLoopValue(path[i]); ++i) {
        levels.push_back(std::stoul(path[i].substr(1)));
      }
      if (levels.empty()) members_.back().whole = true;
      else members_.back().places.push_back(std::move(levels));
    }
    any_ = any_ || all_;
  }
  bool any() const { return any_; }
  bool all() const { return all_; }
  const std::vector<Member>& members() const { return members_; }

 private:
  bool all_ = false;
  bool any_ = false;
  std::vector<Member> members_{};
};

Object FlowVariable(const model::Flow& flow) {
  return {{"id", flow.id}, {"namespace", flow.ns}, {"revision", flow.revision}, {"tenantId", "main"}};
}

Object ExecutionVariable(const model::Execution& execution) {
  Object object{{"id", execution.id.str()},
                {"startDate", FormatInstant(execution.state.started())},
                {"state", model::StateName(execution.state.current())},
                {"originalId", execution.original_id.value_or(execution.id).str()}};
  object["outputs"] = execution.outputs;
  return object;
}

Object TaskRunVariable(const model::Execution& execution, const TaskRun& run) {
  Object object{{"id", run.id.str()},
                {"startDate", FormatInstant(run.state.started())},
                {"attemptsCount", static_cast<std::int64_t>(run.attempts.size())}};
  if (run.parent) object["parentId"] = execution.task_runs[*run.parent].id.str();
  if (run.value) object["value"] = *run.value;
  if (run.iteration) object["iteration"] = *run.iteration;
  return object;
}

Object Labels(const model::Execution& execution) {
  Object labels;
  for (const auto& [key, text] : execution.labels) {
    Object* level = &labels;
    std::string_view rest = key;
    for (std::size_t dot = rest.find('.'); dot != std::string_view::npos; dot = rest.find('.')) {
      Value& next = (*level)[rest.substr(0, dot)];
      if (!next.is_object()) next = Object();
      level = &next.get_object();
      rest = rest.substr(dot + 1);
    }
    // A label "a" beside "a.b" would hide it.
    Value& leaf = (*level)[rest];
    if (!leaf.is_object()) leaf = text;
  }
  return labels;
}

// The values of the loops around a run, outermost first, its own last.
std::vector<const std::string*> ValuesOf(const model::Execution& execution, const TaskRun& run) {
  std::vector<const std::string*> values;
  for (const TaskRun* at = &run; at != nullptr; at = at->parent ? &execution.task_runs[*at->parent] : nullptr) {
    if (at->value) values.push_back(&*at->value);
  }
  std::reverse(values.begin(), values.end());
  return values;
}

Value& Nested(Value& root, const std::vector<const std::string*>& keys) {
  Value* level = &root;
  for (const std::string* key : keys) {
    if (!level->is_object()) *level = Object();
    level = &level->get_object()[*key];
  }
  return *level;
}

// `leaf` of every run of the task, by loop values; without loops that of the newest run.
template <typename Leaf>
void AddTask(const LiveExecution& live, const Bookkeeping& books, model::TaskIndex task, Object& into, Leaf leaf) {
  for (const TaskRunIndex index : books.runs_of_task[task]) {
    const TaskRun& run = live.execution().task_runs[index];
    Value value = leaf(run);
    if (value.is_null()) continue;
    Value& place = Nested(into[live.program().flow().task(task).id], ValuesOf(live.execution(), run));
    place = std::move(value);
  }
}

// The ancestors of a run that have something to say, a value or outputs, nearest first.
std::vector<const TaskRun*> ParentsOf(const model::Execution& execution, const TaskRun& run) {
  std::vector<const TaskRun*> parents;
  for (std::optional<TaskRunIndex> at = run.parent; at; at = execution.task_runs[*at].parent) {
    const TaskRun& ancestor = execution.task_runs[*at];
    if (ancestor.value || !ancestor.outputs.empty()) parents.push_back(&ancestor);
  }
  return parents;
}

// The values that `asker` names by their levels, as a key of by_loop_key; nothing if it stands in fewer loops.
std::optional<std::string> LoopKey(const model::Execution& execution, const TaskRun& asker,
                                   const Wanted::LoopLevels& levels) {
  std::vector<const std::string*> nearest{asker.value ? &*asker.value : nullptr};
  for (const TaskRun* parent : ParentsOf(execution, asker)) nearest.push_back(parent->value ? &*parent->value : nullptr);
  std::string key;
  for (const std::size_t level : levels) {
    if (level >= nearest.size() || nearest[level] == nullptr) return std::nullopt;
    key += *nearest[level] + '\0';
  }
  return key;
}

// The runs of the task that stand at these places of the loops around `asker`; false when one of them has none. A loop
// of 100,000 values costs each of its tasks what one value costs.
template <typename Leaf>
bool AddTaskOfLoop(const LiveExecution& live, const Bookkeeping& books, model::TaskIndex task, const TaskRun& asker,
                   const std::vector<Wanted::LoopLevels>& places, Object& into, Leaf leaf) {
  const auto runs = books.by_loop_key.find(task);
  if (runs == books.by_loop_key.end()) return false;
  for (const Wanted::LoopLevels& levels : places) {
    const std::optional<std::string> key = LoopKey(live.execution(), asker, levels);
    const auto at = key ? runs->second.find(*key) : runs->second.end();
    if (at == runs->second.end()) return false;
    const TaskRun& run = live.execution().task_runs[at->second];
    Value value = leaf(run);
    if (value.is_null()) continue;
    Nested(into[live.program().flow().task(task).id], ValuesOf(live.execution(), run)) = std::move(value);
  }
  return true;
}

template <typename Leaf>
Object ByTask(const LiveExecution& live, const Bookkeeping& books, const Wanted& wanted,
              std::optional<TaskRunIndex> asker, Leaf leaf) {
  Object object;
  if (wanted.all()) {
    for (model::TaskIndex task = 0; task < books.runs_of_task.size(); ++task) {
      if (!model::IsInnerTask(live.program().flow().task(task).id)) AddTask(live, books, task, object, leaf);
    }
    return object;
  }
  for (const Wanted::Member& member : wanted.members()) {
    const auto task = live.program().FindTask(member.name);
    if (!task) continue;
    const bool own = asker && !member.whole;
    if (own && AddTaskOfLoop(live, books, *task, live.execution().task_runs[*asker], member.places, object, leaf)) {
      continue;
    }
    AddTask(live, books, *task, object, leaf);
  }
  return object;
}

Value OutputsOf(const TaskRun& run) { return run.outputs.empty() ? Value() : Value(run.outputs); }
Value StateOf(const TaskRun& run) { return Object{{"state", model::StateName(run.state.current())}}; }

Array Parents(const LiveExecution& live, const TaskRun& run) {
  Array parents;
  for (const TaskRun* ancestor : ParentsOf(live.execution(), run)) {
    Object parent;
    if (ancestor->value) parent["taskrun"] = Object{{"value", *ancestor->value}};
    if (!ancestor->outputs.empty()) parent["outputs"] = ancestor->outputs;
    parents.push_back(std::move(parent));
  }
  return parents;
}

void AddRunVariables(const LiveExecution& live, const TaskRun& run, const expr::References& references,
                     Object& context) {
  const model::Execution& execution = live.execution();
  const model::Flow& flow = live.program().flow();
  const TaskRun& shown = execution.task_runs[model::ShownRun(flow, execution, run.index)];
  const model::Task& task = flow.task(shown.task);
  const std::string& type = flow.task(run.task).type;
  if (Wanted(references, "task").any()) context["task"] = Object{{"id", task.id}, {"type", task.type}};
  if (Wanted(references, "taskrun").any()) {
    Object variable = TaskRunVariable(execution, shown);
    if (type == model::kItemsBatch) {
      variable["items"] = BatchUri(execution, run);
      variable["iteration"] = run.iteration.value_or(0);
    }
    context["taskrun"] = std::move(variable);
  }
  if (type == model::kItemsPart) {
    for (auto& [name, value] : PartVariables(live, run)) context[name] = std::move(value);
  }
  const bool parent = Wanted(references, "parent").any();
  if (!parent && !Wanted(references, "parents").any()) return;
  Array parents = Parents(live, run);
  if (parents.empty()) return;
  context["parent"] = parents.front();
  context["parents"] = std::move(parents);
}

// The named members of `all`, or all of them.
Object Part(const Object& all, const Wanted& wanted) {
  if (wanted.all()) return all;
  Object part;
  for (const Wanted::Member& member : wanted.members()) {
    if (const Value* value = all.if_contains(member.name)) part[member.name] = *value;
  }
  return part;
}

}  // namespace

Object BuildContext(const LiveExecution& live, std::optional<TaskRunIndex> task_run,
                    const expr::References& references) {
  const model::Execution& execution = live.execution();
  Object context;
  const auto add = [&](std::string_view name, const auto& make) {
    if (const Wanted wanted(references, name); wanted.any()) context[name] = make(wanted);
  };
  add("flow", [&](const Wanted&) { return FlowVariable(live.program().flow()); });
  add("execution", [&](const Wanted&) { return ExecutionVariable(execution); });
  if (!execution.inputs.empty()) add("inputs", [&](const Wanted& wanted) { return Part(execution.inputs, wanted); });
  add("vars", [&](const Wanted&) { return VariablesOf(live); });
  add("labels", [&](const Wanted&) { return Labels(execution); });
  add("outputs", [&](const Wanted& wanted) { return ByTask(live, live.books(), wanted, task_run, OutputsOf); });
  add("tasks", [&](const Wanted& wanted) { return ByTask(live, live.books(), wanted, task_run, StateOf); });
  for (const std::string_view name : {"envs", "globals", "kestra"}) {
    const Value* around = live.program().surroundings().if_contains(name);
    const bool some = around != nullptr && around->is_object();
    add(name, [&](const Wanted& wanted) { return some ? Part(around->get_object(), wanted) : Object(); });
  }
  if (execution.trigger.is_object()) {
    const Value* variables = Member(execution.trigger, "variables");
    add("trigger", [&](const Wanted&) { return variables == nullptr ? Value(Object()) : *variables; });
    // The old name, of schedules.
    if (variables != nullptr && Member(*variables, "date") != nullptr) add("schedule", [&](const Wanted&) { return *variables; });
  }
  if (task_run) AddRunVariables(live, execution.task_runs[*task_run], references, context);
  return context;
}

}  // namespace headrace::executor
