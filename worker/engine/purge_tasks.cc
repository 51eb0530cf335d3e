#include <algorithm>
#include <map>

#include "worker/engine/asking.h"
#include "worker/engine/engine_tasks.h"
#include "worker/files/execution_files.h"
#include "worker/files/places.h"
#include "worker/function_runner.h"

namespace headrace::worker {
namespace {

using model::PropertyKind;
using model::PropertySpec;

const std::string kCore = "io.kestra.plugin.core.";
constexpr std::int64_t kBatchMax = 1000;

// ---- PurgeExecutions ----

struct PurgePlan {
  ExecutionFilter filter{};
  bool executions = true;
  bool logs = true;
  bool files = true;
  std::size_t batch = 100;
};

struct PurgeCounts {
  std::uint64_t executions = 0;
  std::uint64_t logs = 0;
  std::uint64_t files = 0;
  std::uint64_t running = 0;
};

Result<PurgePlan> PlanOf(TaskContext& context) {
  PurgePlan plan;
  ASSIGN_OR_RETURN(plan.filter, PurgeFilter(context));
  ASSIGN_OR_RETURN(plan.filter.states, States(context, "states"));
  if (plan.filter.states.empty()) {
    using model::State;
    plan.filter.states = {State::kSuccess, State::kWarning, State::kFailed, State::kKilled, State::kCancelled, State::kRetried};
  }
  ASSIGN_OR_RETURN(plan.executions, context.Bool("purgeExecution", true));
  ASSIGN_OR_RETURN(plan.logs, context.Bool("purgeLog", true));
  ASSIGN_OR_RETURN(plan.files, context.Bool("purgeStorage", true));
  ASSIGN_OR_RETURN(const auto batch, context.Integer("batchSize"));
  if (batch && *batch < 1) return InvalidArgument("batchSize: must be 1 or more");
  if (batch) plan.batch = static_cast<std::size_t>(std::min(*batch, kBatchMax));
  return plan;
}

// Files, then logs, then the execution itself: what an interruption leaves is still listed, and the next purge takes it.
Status PurgePage(TaskContext& context, EngineDoor& door, const PurgePlan& plan, const std::vector<SeenExecution>& executions,
                 PurgeCounts& counts) {
  std::vector<ExecutionId> ids;
  for (const SeenExecution& execution : executions) {
    if (!execution.ended) {
      ++counts.running;
      continue;
    }
    ids.push_back(execution.id);
    if (!plan.files) continue;
    ASSIGN_OR_RETURN(const std::uint64_t files,
                     DeleteExecutionFiles(context.services().storage, execution.ns, execution.flow_id, execution.id));
    counts.files += files;
  }
  if (ids.empty()) return {};
  if (plan.executions) {
    ASSIGN_OR_RETURN(const EngineDoor::Purged purged, door.PurgeExecutions(ids));
    counts.executions += purged.executions;
    counts.logs += purged.logs;
  } else if (plan.logs) {
    ASSIGN_OR_RETURN(const std::uint64_t lines, door.PurgeLogs({.executions = ids}));
    counts.logs += lines;
  }
  return {};
}

Result<TaskOutcome> RunPurgeExecutions(TaskContext& context) {
  ASSIGN_OR_RETURN(EngineDoor* const door, Door(context));
  ASSIGN_OR_RETURN(const PurgePlan plan, PlanOf(context));
  PurgeCounts counts;
  std::string page;
  do {
    if (context.cancel().requested()) return Fail(Code::kCancelled, "cancelled");
    ASSIGN_OR_RETURN(const EngineDoor::Page found, door->List(plan.filter, plan.batch, page));
    RETURN_IF_ERROR(PurgePage(context, *door, plan, found.executions, counts));
    page = found.next;
  } while (!page.empty());
  std::string told = "purged " + std::to_string(counts.executions) + " executions, " + std::to_string(counts.logs) +
                     " log lines, " + std::to_string(counts.files) + " files";
  if (counts.running > 0) told += "; not ended, and kept: " + std::to_string(counts.running);
  context.Log("INFO", told);
  return TaskOutcome::Success({{"executionsCount", counts.executions},
                               {"logsCount", counts.logs},
                               {"storagesCount", counts.files},
                               {"metricsCount", 0}});
}

PropertySpec Flag(std::string name, std::string doc, std::string differs = "") {
  return {.name = std::move(name), .kind = PropertyKind::kBoolean, .doc = std::move(doc), .default_value = true,
          .differs = std::move(differs)};
}

std::vector<PropertySpec> Where(const std::string& start, const std::string& end) {
  return {{.name = "namespace", .doc = "With flowId the flow's namespace; alone it and those below it; absent: all."},
          {.name = "flowId", .doc = "Of this flow."},
          {.name = "startDate", .doc = start},
          {.name = "endDate", .required = true, .doc = end}};
}

PropertySpec Number(std::string name, std::string doc) {
  return {.name = std::move(name), .kind = PropertyKind::kInteger, .doc = std::move(doc)};
}

model::TaskTypeSpec ExecutionsSpec() {
  std::vector<PropertySpec> properties = Where("Executions begun at or after this instant.", "Executions begun at or before this instant.");
  properties.push_back({.name = "states", .kind = PropertyKind::kList, .doc = "In one of these states; absent: in any that ends.", .members = {{.name = "state"}}});
  properties.push_back(Flag("purgeExecution", "The executions themselves, with their task runs and logs."));
  properties.push_back(Flag("purgeLog", "Their logs.", "The log of an execution that is purged goes with it: nothing else leads to it."));
  properties.push_back(Flag("purgeMetric", "Their metrics.", "Metrics are lines of the log."));
  properties.push_back(Flag("purgeStorage", "The files that their tasks have stored."));
  properties.push_back({.name = "batchSize", .kind = PropertyKind::kInteger, .doc = "So many at once, at most 1000.", .default_value = 100});
  return {.type = kCore + "execution.PurgeExecutions",
          .aliases = {"io.kestra.core.tasks.storages.Purge", kCore + "storage.Purge"},
          .doc = "Deletes executions of any namespace that have ended, with what belongs to them: for ever.",
          .properties = std::move(properties),
          .outputs = {Number("executionsCount", "How many executions went."), Number("logsCount", "How many log lines."),
                      Number("storagesCount", "How many stored files."), Number("metricsCount", "Always 0.")},
          .support = model::Support::kDiffers,
          .differs = "Executions that have not ended stay, whatever `states` says.",
          .example = "id: purge\ntype: " + kCore + "execution.PurgeExecutions\nnamespace: company\nstates: [SUCCESS]\n"
                     "endDate: \"{{ now() | dateAdd(-1, 'MONTHS') }}\"\n"};
}

// ---- PurgeStorage ----

struct Leftover {
  ExecutionPlace place;
  std::uint64_t files = 0;
  Timestamp modified{};
};

// The folders of executions whose newest file falls between the dates.
Result<std::vector<Leftover>> Folders(TaskContext& context, const ExecutionFilter& filter) {
  const std::string& ns = filter.ns.empty() ? filter.ns_prefix : filter.ns;
  if (!ns.empty()) RETURN_IF_ERROR(CheckNamespace(ns));
  ASSIGN_OR_RETURN(const auto files, context.services().storage.List(ns.empty() ? "" : NamespaceFolder(ns)));
  std::map<std::string, Leftover> folders;
  for (const StoredFile& file : files) {
    auto place = ExecutionOf(file.place);
    if (!place || !Holds(filter, place->ns, place->flow_id)) continue;
    Leftover& folder = folders[place->folder];
    if (folder.files++ == 0) folder.place = std::move(*place);
    folder.modified = std::max(folder.modified, file.modified);
  }
  std::vector<Leftover> between;
  for (auto& [name, folder] : folders) {
    if (filter.created_from && folder.modified < *filter.created_from) continue;
    if (folder.modified < *filter.created_before) between.push_back(std::move(folder));
  }
  return between;
}

Result<TaskOutcome> RunPurgeStorage(TaskContext& context) {
  ASSIGN_OR_RETURN(EngineDoor* const door, Door(context));
  ASSIGN_OR_RETURN(const ExecutionFilter filter, PurgeFilter(context));
  ASSIGN_OR_RETURN(const bool dry_run, context.Bool("dryRun", true));
  ASSIGN_OR_RETURN(const std::vector<Leftover> folders, Folders(context, filter));
  std::int64_t purged = 0;
  std::uint64_t deleted = 0;
  for (const Leftover& folder : folders) {
    if (context.cancel().requested()) return Fail(Code::kCancelled, "cancelled");
    const auto found = door->Find(folder.place.execution);
    if (found) continue;
    if (found.error().code != Code::kNotFound) return Fail(found.error());
    ++purged;
    context.Log("DEBUG", (dry_run ? "would go: " : "goes: ") + ToUri(folder.place.folder) + ", " + std::to_string(folder.files) + " files");
    if (dry_run) continue;
    RETURN_IF_ERROR(context.services().storage.Delete(folder.place.folder));
    deleted += folder.files;
  }
  context.Log("INFO", std::string(dry_run ? "dry run: " : "") + std::to_string(purged) + " of " + std::to_string(folders.size()) +
                          " executions with files are not there any more" + (dry_run ? "; `dryRun: false` deletes their files" : ""));
  return TaskOutcome::Success({{"scannedCount", folders.size()}, {"purgedCount", purged}, {"deletedFilesCount", deleted}});
}

model::TaskTypeSpec StorageSpec() {
  std::vector<PropertySpec> properties = Where("Whose newest file is from this instant or later.", "Whose newest file is from this instant or earlier.");
  properties.push_back({.name = "dryRun", .kind = PropertyKind::kBoolean, .doc = "Only count and log.", .default_value = true});
  return {.type = kCore + "storage.PurgeStorage",
          .doc = "Deletes stored files of executions that are not there any more, of any namespace.",
          .properties = std::move(properties),
          .outputs = {Number("scannedCount", "Executions that have files."), Number("purgedCount", "Those of them that are not there any more."),
                      Number("deletedFilesCount", "Files that went; 0 in a dry run.")},
          .support = model::Support::kDiffers,
          .differs = "Files of executions that are still there stay (PurgeExecutions takes them); dates are those of the files. The "
                     "storage must belong to this engine alone.",
          .example = "id: purge\ntype: " + kCore + "storage.PurgeStorage\nendDate: \"{{ now() | dateAdd(-1, 'DAYS') }}\"\ndryRun: false\n"};
}

}  // namespace

std::vector<TaskType> PurgeTasks() {
  std::vector<TaskType> types;
  types.push_back(MakeType(ExecutionsSpec(), RunPurgeExecutions));
  types.push_back(MakeType(StorageSpec(), RunPurgeStorage));
  return types;
}

}  // namespace headrace::worker
