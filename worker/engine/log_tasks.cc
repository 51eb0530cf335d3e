#include <algorithm>

#include "worker/engine/asking.h"
#include "worker/engine/engine_tasks.h"
#include "worker/function_runner.h"

namespace headrace::worker {
namespace {

using model::PropertyKind;
using model::PropertySpec;

const std::string kPrefix = "io.kestra.plugin.core.log.";
const std::vector<std::string> kLevels = {"ERROR", "WARN", "INFO", "DEBUG", "TRACE"};
constexpr std::size_t kPage = 500;

// ---- Fetch ----

std::string LineOf(const SeenLog& log, const SeenExecution& execution) {
  Object line{{"tenantId", "main"}, {"namespace", execution.ns}, {"flowId", execution.flow_id}};
  if (!log.task_id.empty()) line["taskId"] = log.task_id;
  line["executionId"] = execution.id.str();
  if (!log.task_run_id.empty()) line["taskRunId"] = log.task_run_id;
  if (log.attempt > 0) line["attemptNumber"] = log.attempt - 1;
  line["timestamp"] = FormatInstant(log.at);
  line["level"] = log.level;
  line["message"] = log.message;
  return ToJson(Value(std::move(line))) + "\n";
}

Result<TaskOutcome> RunFetch(TaskContext& context) {
  ASSIGN_OR_RETURN(EngineDoor* const door, Door(context));
  ASSIGN_OR_RETURN(const ExecutionId id, NamedExecution(context, *door));
  ASSIGN_OR_RETURN(std::vector<std::string> tasks, context.Texts("tasksId"));
  ASSIGN_OR_RETURN(const auto level, context.Text("level"));
  if (level && !LevelRank(*level)) return InvalidArgument("level: '" + *level + "' is none of ERROR, WARN, INFO, DEBUG, TRACE");
  ASSIGN_OR_RETURN(const SeenExecution execution, door->Find(id));
  if (tasks.empty()) tasks.emplace_back();
  ASSIGN_OR_RETURN(ScratchFile file, context.Scratch());
  std::int64_t size = 0;
  for (const std::string& task : tasks) {
    RETURN_IF_ERROR(door->ReadLogs({id, task, level.value_or("INFO")}, [&](const SeenLog& log) -> Status {
      if (context.cancel().requested()) return Fail(Code::kCancelled, "cancelled");
      ++size;
      return file.Write(LineOf(log, execution));
    }));
  }
  // A line of JSON is one of ION too, which is what Kestra writes under this name.
  ASSIGN_OR_RETURN(const std::string uri, context.Store(file, ".ion"));
  return TaskOutcome::Success({{"size", size}, {"uri", uri}});
}

// ---- PurgeLogs ----

Result<std::vector<std::string>> Levels(TaskContext& context) {
  ASSIGN_OR_RETURN(std::vector<std::string> levels, context.Texts("logLevels"));
  for (const std::string& level : levels) {
    if (std::find(kLevels.begin(), kLevels.end(), level) == kLevels.end()) {
      return InvalidArgument("logLevels: '" + level + "' is none of ERROR, WARN, INFO, DEBUG, TRACE");
    }
  }
  return levels;
}

Result<TaskOutcome> RunPurge(TaskContext& context) {
  ASSIGN_OR_RETURN(EngineDoor* const door, Door(context));
  ASSIGN_OR_RETURN(const auto one, context.Text("executionId"));
  ASSIGN_OR_RETURN(ExecutionFilter filter, PurgeFilter(context));
  EngineDoor::LogPurge purge{.from = filter.created_from, .before = filter.created_before};
  ASSIGN_OR_RETURN(purge.levels, Levels(context));
  std::uint64_t count = 0;
  const auto take = [&](const std::vector<SeenExecution>& executions) -> Status {
    purge.executions.clear();
    for (const SeenExecution& execution : executions) purge.executions.push_back(execution.id);
    if (purge.executions.empty()) return {};
    ASSIGN_OR_RETURN(const std::uint64_t gone, door->PurgeLogs(purge));
    count += gone;
    return {};
  };
  if (one) {
    ASSIGN_OR_RETURN(const SeenExecution found, door->Find(ExecutionId(*one)));
    if (Holds(filter, found.ns, found.flow_id)) RETURN_IF_ERROR(take({found}));
  } else {
    // The dates are those of lines: one that begins early may have logged late, but none before it began.
    filter.created_from.reset();
    std::string page;
    do {
      if (context.cancel().requested()) return Fail(Code::kCancelled, "cancelled");
      ASSIGN_OR_RETURN(const EngineDoor::Page found, door->List(filter, kPage, page));
      RETURN_IF_ERROR(take(found.executions));
      page = found.next;
    } while (!page.empty());
  }
  context.Log("INFO", "purged " + std::to_string(count) + " log lines");
  return TaskOutcome::Success({{"count", count}});
}

PropertySpec LevelList() { return {.name = "level", .kind = PropertyKind::kEnum, .enum_values = kLevels}; }

model::TaskTypeSpec FetchSpec() {
  return {.type = kPrefix + "Fetch",
          .aliases = {"io.kestra.core.tasks.log.Fetch"},
          .doc = "Writes the log of an execution of any namespace into a file, one JSON document (which is one of ION) a line.",
          .properties = {{.name = "executionId", .doc = "Absent: this execution."},
                         {.name = "namespace", .doc = "Of the execution's flow, with flowId."},
                         {.name = "flowId", .doc = "The execution's flow, with namespace."},
                         {.name = "tasksId", .kind = PropertyKind::kList, .doc = "Of these tasks, one after the other; absent: all.", .members = {{.name = "taskId"}}},
                         {.name = "level", .kind = PropertyKind::kEnum, .doc = "At least this level.", .default_value = "INFO", .enum_values = kLevels}},
          .outputs = {{.name = "size", .kind = PropertyKind::kInteger, .doc = "How many lines."},
                      {.name = "uri", .doc = "Of the stored file."}},
          .example = "id: fetch\ntype: " + kPrefix + "Fetch\nlevel: WARN\n"};
}

model::TaskTypeSpec PurgeSpec() {
  return {.type = kPrefix + "PurgeLogs",
          .doc = "Deletes log lines of executions of any namespace, whether they have ended or not.",
          .properties = {{.name = "namespace", .doc = "With flowId the flow's namespace; alone it and those below it; absent: all."},
                         {.name = "flowId", .doc = "Of this flow."},
                         {.name = "executionId", .doc = "Of this execution."},
                         {.name = "logLevels", .kind = PropertyKind::kList, .doc = "Of exactly these levels; absent: of all.", .members = {LevelList()}},
                         {.name = "startDate", .doc = "Lines at or after this instant."},
                         {.name = "endDate", .required = true, .doc = "Lines at or before this instant."}},
          .outputs = {{.name = "count", .kind = PropertyKind::kInteger, .doc = "How many lines went."}},
          .example = "id: purge\ntype: " + kPrefix + "PurgeLogs\nendDate: \"{{ now() | dateAdd(-1, 'MONTHS') }}\"\n"};
}

}  // namespace

std::vector<TaskType> LogTasks() {
  std::vector<TaskType> types;
  types.push_back(MakeType(FetchSpec(), RunFetch));
  types.push_back(MakeType(PurgeSpec(), RunPurge));
  return types;
}

}  // namespace headrace::worker
