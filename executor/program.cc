#include "executor/program.h"

#include <algorithm>

#include "executor/steered_type.h"
#include "executor/task_program.h"
#include "executor/verbs.h"

namespace headrace::executor {

using model::Flow;
using model::Task;
using model::TaskIndex;
using model::TaskRole;

namespace {

Result<TemplatePtr> Compile(const Task& task, const std::string& field, std::string_view text) {
  Result<TemplatePtr> compiled = expr::Template::Compile(text);
  if (compiled) return compiled;
  Error error{Code::kInvalidArgument, "task " + task.id + ": " + field + ": " + compiled.error().message, {}};
  error.violations.push_back({task.id + "." + field, compiled.error().message, task.line, task.column});
  return Fail(std::move(error));
}

bool NeedsWorker(const expr::References& references) {
  const std::vector<std::string>& outside = expr::EnvironmentFunctionNames();
  return std::any_of(references.functions.begin(), references.functions.end(), [&](const std::string& name) {
    return std::find(outside.begin(), outside.end(), name) != outside.end();
  });
}

// Texts by path; lists are rendered as wholes, so only maps are entered.
Status CompileTexts(const Task& task, const std::string& path, const Value& value, TaskProgram& program) {
  if (value.is_string()) {
    ASSIGN_OR_RETURN(program.texts[path], Compile(task, path, std::string_view(value.get_string())));
  } else if (value.is_object()) {
    for (const auto& [key, member] : value.get_object()) {
      RETURN_IF_ERROR(CompileTexts(task, path + "." + std::string(key), member, program));
    }
  }
  return {};
}

Status CompileSteered(const Task& task, TaskProgram& program) {
  program.type = FindSteeredType(task.type);
  if (program.type == nullptr) {
    return InvalidArgument("task " + task.id + ": the executor has no type " + task.type);
  }
  for (const auto& [key, value] : task.properties) {
    RETURN_IF_ERROR(CompileTexts(task, std::string(key), value, program));
    program.references[std::string(key)] = expr::ReferencesDeep(value);
  }
  return {};
}

Status CompileTask(const Task& task, TaskProgram& program) {
  if (!task.timeout.empty()) {
    ASSIGN_OR_RETURN(program.timeout, Compile(task, "timeout", task.timeout));
  }
  TemplatePtr run_if;
  if (!task.run_if.empty()) {
    ASSIGN_OR_RETURN(run_if, Compile(task, "runIf", task.run_if));
  }
  const bool runnable = task.role == TaskRole::kRunnable;
  program.worker_renders_run_if = runnable && run_if != nullptr && NeedsWorker(run_if->references());
  if (runnable) program.worker_references = expr::ReferencesDeep(Value(task.properties));
  if (program.worker_renders_run_if) {
    expr::Merge(program.worker_references, run_if->references());
  } else {
    program.run_if = run_if;
  }
  return runnable ? Status() : CompileSteered(task, program);
}

ListKind KindOf(const std::string& group) {
  if (group == "errors") return ListKind::kErrors;
  if (group == "finally") return ListKind::kFinally;
  return ListKind::kMain;
}

// The children of a runnable task (WorkingDirectory) are rendered on the worker too, in one job.
void AddNestedReferences(const Flow& flow, const Task& task, TaskProgram& program) {
  for (const model::TaskGroup& group : task.groups) {
    if (KindOf(group.name) != ListKind::kMain) continue;
    for (const TaskIndex child : group.tasks) {
      const Task& nested = flow.task(child);
      expr::Merge(program.worker_references, expr::ReferencesDeep(Value(nested.properties)));
      expr::Merge(program.worker_references, expr::ReferencesDeep(Value(nested.run_if)));
      expr::Merge(program.worker_references, expr::ReferencesDeep(Value(nested.timeout)));
    }
  }
}

bool Asks(const TaskProgram& task) {
  const auto asks = [](const TemplatePtr& text) { return text != nullptr && NeedsWorker(text->references()); };
  return asks(task.run_if) || asks(task.timeout) ||
         std::any_of(task.references.begin(), task.references.end(),
                     [](const auto& property) { return NeedsWorker(property.second); });
}

const model::RetryPolicy* RetryOf(const Flow& flow, const Task& task) {
  for (const Task* at = &task;; at = &flow.task(*at->parent)) {
    if (at->retry) return &*at->retry;
    if (!at->parent) break;
  }
  return flow.retry ? &*flow.retry : nullptr;
}

}  // namespace

Program::Program(model::FlowPtr flow, Options options) : flow_(std::move(flow)), options_(std::move(options)) {}
Program::~Program() = default;

const TaskProgram& Program::task(TaskIndex index) const { return *tasks_.at(index); }
const expr::References& Program::worker_references(TaskIndex index) const { return task(index).worker_references; }
bool Program::worker_renders_run_if(TaskIndex index) const { return task(index).worker_renders_run_if; }

Result<Value> Program::TypeOutput(const model::OutputSpec& spec, Value rendered) const {
  if (options_.typer == nullptr) return rendered;
  return options_.typer(spec, rendered);
}

std::optional<TaskIndex> Program::FindTask(const std::string& task_id) const {
  const auto found = by_id_.find(task_id);
  return found == by_id_.end() ? std::nullopt : std::optional<TaskIndex>(found->second);
}

Result<std::shared_ptr<const Program>> Program::Build(model::FlowPtr flow_ptr, Options options) {
  std::shared_ptr<Program> program(new Program(std::move(flow_ptr), std::move(options)));
  const Flow& flow = program->flow();
  for (const Task& task : flow.arena) {
    program->tasks_.push_back(std::make_unique<TaskProgram>());
    program->by_id_.emplace(task.id, task.index);
  }
  const auto place = [&](const std::vector<TaskIndex>& list, ListKind kind, const Task* owner) {
    for (std::uint32_t position = 0; position < list.size(); ++position) {
      TaskProgram& task = *program->tasks_.at(list[position]);
      task.list = kind;
      task.position = position;
      task.siblings = &list;
      if (owner != nullptr) task.owner = FindSteeredType(owner->type);
    }
  };
  for (const ListKind kind : {ListKind::kMain, ListKind::kErrors, ListKind::kFinally}) {
    place(ListOf(flow, nullptr, kind), kind, nullptr);
  }
  const auto add_last_words = [&](const std::vector<TaskIndex>& tasks) {
    program->last_words_.insert(program->last_words_.end(), tasks.begin(), tasks.end());
  };
  for (const model::Listener& listener : flow.listeners) {
    add_last_words(listener.tasks);
    program->asks_ = program->asks_ || NeedsWorker(expr::ReferencesDeep(listener.conditions));
  }
  add_last_words(flow.after_execution);
  place(program->last_words_, ListKind::kAfter, nullptr);
  for (const Task& task : flow.arena) {
    TaskProgram& compiled = *program->tasks_[task.index];
    compiled.retry = RetryOf(flow, task);
    RETURN_IF_ERROR(CompileTask(task, compiled));
    if (task.role == TaskRole::kRunnable) AddNestedReferences(flow, task, compiled);
    for (const model::TaskGroup& group : task.groups) place(group.tasks, KindOf(group.name), &task);
  }
  program->asks_ = program->asks_ || std::any_of(program->tasks_.begin(), program->tasks_.end(), [](const auto& task) { return Asks(*task); });
  for (const Task& task : flow.arena) {
    if (task.disabled) continue;
    for (const std::string& id : task.depends_on) {
      const std::optional<TaskIndex> dependency = program->FindTask(id);
      if (!dependency) return InvalidArgument("task " + task.id + ": Not existing task id in dependency: " + id);
      program->tasks_[task.index]->depends_on.push_back(*dependency);
      program->tasks_[*dependency]->dependents.push_back(task.index);
    }
  }
  for (const model::Sla& sla : flow.slas) {
    TemplatePtr assertion;
    if (sla.type == model::Sla::Type::kExecutionAssertion) {
      ASSIGN_OR_RETURN(assertion, expr::Template::Compile(sla.assertion));
    }
    program->asks_ = program->asks_ || (assertion != nullptr && NeedsWorker(assertion->references()));
    program->sla_assertions_.push_back(std::move(assertion));
  }
  for (const model::OutputSpec& output : flow.outputs) {
    program->output_references_.push_back(expr::ReferencesDeep(output.value));
    program->asks_ = program->asks_ || NeedsWorker(program->output_references_.back());
  }
  return std::shared_ptr<const Program>(std::move(program));
}

}  // namespace headrace::executor
