#include "worker/flow/working_directory_task.h"

#include <algorithm>

#include "common/model/nested_id.h"
#include "worker/files/working_directory.h"
#include "worker/flow/nested_run.h"
#include "worker/flow/working_directory_cache.h"
#include "worker/function_runner.h"
#include "worker/job.h"
#include "worker/script/script_files.h"

namespace headrace::worker {
namespace {

using model::PropertyKind;
using model::State;

// What a child's end means to its siblings (FLOWS 1.1).
State Allowed(State state, const wire::TaskSpec& child) {
  if (state == State::kFailed && child.allow_failure) state = State::kWarning;
  if (state == State::kWarning && child.allow_warning) state = State::kSuccess;
  return state;
}

State Worse(State a, State b) {
  static constexpr State kWorstFirst[] = {State::kKilled, State::kFailed, State::kWarning};
  for (const State state : kWorstFirst)
    if (a == state || b == state) return state;
  return State::kSuccess;
}

// Where the outputs of a child stand: below the values of the loops around.
std::vector<std::string> LoopValues(const Object& variables) {
  std::vector<std::string> values;
  if (const Value* parents = variables.if_contains("parents"); parents != nullptr && parents->is_array())
    for (const Value& parent : parents->get_array())
      if (const Value* value = AtPath(parent, "taskrun.value"); value != nullptr && !value->is_null())
        values.insert(values.begin(), ToText(*value));
  const Value* taskrun = variables.if_contains("taskrun");
  const Value* own = taskrun == nullptr ? nullptr : Member(*taskrun, "value");
  if (own != nullptr && !own->is_null()) values.push_back(ToText(*own));
  return values;
}

// The child is a run of its own, with the value of the one around it.
void SayWhoRuns(const TaskContext& context, const wire::TaskSpec& child, Object& variables) {
  Value* taskrun = variables.if_contains("taskrun");
  if (taskrun == nullptr || !taskrun->is_object()) return;  // no expression asks
  const StartOrder& order = context.order();
  Object& run = taskrun->get_object();
  run["id"] = model::NestedRunId(order.key.execution, order.task_run, child.task_id, order.key.fence.attempt).str();
  run["parentId"] = order.task_run.str();
  run["startDate"] = FormatInstant(context.services().clock.Now());
  run["attemptsCount"] = 0;
}

class WorkingDirectoryRunner final : public TaskRunner {
 public:
  TaskOutcome Run(TaskContext& context) override {
    TaskOutcome outcome;
    auto ran = RunAll(context, outcome);
    if (ran) return outcome;
    // Children that ran are told of in any case.
    outcome.state = State::kFailed;
    outcome.message = ran.error().message;
    return outcome;
  }

 private:
  static Status RunAll(TaskContext& context, TaskOutcome& outcome) {
    ASSIGN_OR_RETURN(const WorkingDirectory* const directory, context.Directory());
    ASSIGN_OR_RETURN(auto cache, WorkingDirectoryCache::Open(context));
    if (cache) {
      if (auto restored = cache->Restore(context, *directory); !restored)
        context.Log("WARN", "The cache is not used: " + restored.error().message);
    }
    RETURN_IF_ERROR(WriteNamespaceFiles(context, *directory));
    RETURN_IF_ERROR(WriteInputFiles(context, *directory));
    ASSIGN_OR_RETURN(const auto patterns, context.Texts("outputFiles"));
    RunChildren(context, outcome);
    if (cache) {
      if (auto kept = cache->Keep(context, *directory); !kept)
        context.Log("WARN", "The cache is not kept: " + kept.error().message);
    }
    ASSIGN_OR_RETURN(Object files, StoreOutputFiles(context, *directory, patterns, ""));
    if (!patterns.empty()) outcome.outputs["outputFiles"] = std::move(files);
    return {};
  }

  static void RunChildren(TaskContext& context, TaskOutcome& outcome) {
    Object variables = context.variables().get_object();
    const std::vector<std::string> values = LoopValues(variables);
    for (const wire::TaskSpec& child : context.order().spec->children) {
      if (context.cancel().requested()) {
        outcome.state = State::kKilled;
        return;
      }
      const State state = RunChild(context, child, values, variables, outcome);
      outcome.state = Worse(outcome.state, state);
      if (outcome.state == State::kFailed || outcome.state == State::kKilled) return;
    }
  }

  static State RunChild(TaskContext& context, const wire::TaskSpec& child, const std::vector<std::string>& values,
                        Object& variables, TaskOutcome& outcome) {
    const Clock& clock = context.services().clock;
    variables["task"] = Object{{"id", child.task_id}, {"type", child.type}};
    SayWhoRuns(context, child, variables);
    wire::NestedResult& nested = outcome.nested.emplace_back();
    nested.task_id = child.task_id;
    nested.started = clock.Now();
    TaskOutcome ended = RunNested(context, std::make_shared<const wire::TaskSpec>(child), variables);
    nested.ended = clock.Now();
    nested.outcome = Allowed(ended.state, child);
    nested.message = ended.message;
    nested.outputs_json = ToJson(Value(ended.outputs));
    if (ended.state == State::kFailed) {
      const std::string why = "task '" + child.task_id + "': " + ended.message;
      if (nested.outcome == State::kFailed) outcome.message = why;  // logged as the whole's
      else context.Log("ERROR", why);
    }
    Value& outputs = variables["outputs"];
    if (!outputs.is_object()) outputs = Object();
    Value* place = &outputs.get_object()[child.task_id];
    for (const std::string& value : values) {
      if (!place->is_object()) *place = Object();
      place = &place->get_object()[value];
    }
    *place = std::move(ended.outputs);
    return nested.outcome;
  }
};

model::TaskTypeSpec Spec() {
  return {.type = "io.kestra.plugin.core.flow.WorkingDirectory",
          .aliases = {"io.kestra.core.tasks.flows.WorkingDirectory", "io.kestra.core.tasks.flows.Worker"},
          .doc = "Runs its tasks one after the other in one working directory of one worker.",
          .properties = {{.name = "tasks", .kind = PropertyKind::kTaskList, .required = true, .doc = "Runnable tasks."},
                         {.name = "inputFiles", .kind = PropertyKind::kAny, .doc = "A map of name to content or URI."},
                         {.name = "outputFiles", .kind = PropertyKind::kList, .doc = "Names and globs of files to keep.", .members = {{.name = "text"}}},
                         {.name = "namespaceFiles", .kind = PropertyKind::kAny, .doc = "Files of namespaces to copy: {enabled, namespaces, include, exclude}."},
                         {.name = "cache", .kind = PropertyKind::kAny, .doc = "Files to keep for the next execution: {patterns, ttl}."},
                         {.name = "errors", .kind = PropertyKind::kTaskList, .rendered = false, .doc = "Run when one of the tasks has failed, as jobs of their own."},
                         {.name = "finally", .kind = PropertyKind::kTaskList, .rendered = false, .doc = "Run when the tasks (and errors) are done, as jobs of their own."}},
          .outputs = {{.name = "outputFiles", .kind = PropertyKind::kMap, .doc = "Name to URI."}},
          .example = "id: together\ntype: io.kestra.plugin.core.flow.WorkingDirectory\ntasks:\n"
                     "  - id: write\n    type: io.kestra.plugin.scripts.shell.Commands\n    commands: [\"echo hello > a.txt\"]\n"
                     "  - id: read\n    type: io.kestra.plugin.scripts.shell.Commands\n    commands: [\"cat a.txt\"]\n"};
}

}  // namespace

std::vector<TaskType> ComposingTasks() {
  std::vector<TaskType> types;
  types.push_back({.spec = Spec(), .make = [] { return std::make_unique<WorkingDirectoryRunner>(); }});
  types.push_back(TemplatedTask());
  return types;
}

}  // namespace headrace::worker
