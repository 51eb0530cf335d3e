#include "common/flow/kestra_types.h"

#include <algorithm>
#include <string_view>

#include "common/model/polling.h"

namespace headrace::flow {
namespace {

using Kind = KestraType::Kind;
using model::PropertyKind;
using model::PropertySpec;

constexpr std::string_view kPrefix = "io.kestra.plugin.core.";

// Names without the prefix; aliases and properties parted by spaces, `*` behind what is required.
struct Row {
  Kind kind;
  std::string_view name;
  std::string_view aliases;
  std::string_view properties;
};

constexpr Row kRows[] = {
    {Kind::kTask, "debug.Echo", "io.kestra.core.tasks.debugs.Echo", "format level"},
    {Kind::kTask, "debug.Return", "io.kestra.core.tasks.debugs.Return", "format"},
    {Kind::kTask, "execution.Assert", "", "conditions* errorMessage"},
    {Kind::kTask, "execution.Count", "io.kestra.core.tasks.executions.Counts",
     "flows states startDate* endDate expression* namespaces"},
    {Kind::kTask, "execution.Exit", "", "state"},
    {Kind::kTask, "execution.Fail", "io.kestra.core.tasks.executions.Fail", "condition errorMessage"},
    {Kind::kTask, "execution.Labels", "io.kestra.core.tasks.executions.Labels", "labels*"},
    {Kind::kTask, "execution.PurgeExecutions",
     "io.kestra.core.tasks.storages.Purge io.kestra.plugin.core.storage.Purge",
     "namespace flowId startDate endDate* states purgeExecution purgeLog purgeMetric "
     "purgeStorage batchSize"},
    {Kind::kTask, "execution.Resume", "", "namespace flowId executionId inputs"},
    {Kind::kTask, "execution.SetVariables", "", "variables* overwrite"},
    {Kind::kTask, "execution.UnsetVariables", "", "variables* ignoreMissing"},
    {Kind::kTask, "flow.AllowFailure", "io.kestra.core.tasks.flows.AllowFailure", "tasks* errors finally"},
    {Kind::kTask, "flow.Dag", "io.kestra.core.tasks.flows.Dag", "concurrent tasks* errors finally"},
    {Kind::kTask, "flow.EachParallel", "io.kestra.core.tasks.flows.EachParallel",
     "concurrent value* tasks* errors finally"},
    {Kind::kTask, "flow.EachSequential", "io.kestra.core.tasks.flows.EachSequential", "value* tasks* errors finally"},
    {Kind::kTask, "flow.ForEach", "", "values* concurrencyLimit tasks* errors finally"},
    {Kind::kTask, "flow.ForEachItem", "io.kestra.core.tasks.flows.ForEachItem",
     "items* batch namespace* flowId* revision inputs labels wait transmitFailed inheritLabels "
     "scheduleDate errors finally restartBehavior"},
    {Kind::kTask, "flow.If", "io.kestra.core.tasks.flows.If", "condition then* else errors finally"},
    {Kind::kTask, "flow.LoopUntil", "io.kestra.plugin.core.flow.WaitFor",
     "errors finally tasks* condition* failOnMaxReached checkFrequency"},
    {Kind::kTask, "flow.Parallel", "io.kestra.core.tasks.flows.Parallel", "concurrent tasks* errors finally"},
    {Kind::kTask, "flow.Pause", "io.kestra.core.tasks.flows.Pause",
     "delay pauseDuration behavior onPause onResume errors finally tasks timeout"},
    {Kind::kTask, "flow.Sequential", "io.kestra.core.tasks.flows.Sequential", "errors finally tasks*"},
    {Kind::kTask, "flow.Sleep", "", "duration*"},
    {Kind::kTask, "flow.Subflow", "io.kestra.core.tasks.flows.Subflow io.kestra.core.tasks.flows.Flow",
     "namespace* flowId* revision inputs labels wait transmitFailed inheritLabels outputs "
     "scheduleDate restartBehavior"},
    {Kind::kTask, "flow.Switch", "io.kestra.core.tasks.flows.Switch", "value* cases defaults errors finally"},
    {Kind::kTask, "flow.Template", "io.kestra.core.tasks.flows.Template",
     "errors finally namespace* templateId* tenantId args"},
    {Kind::kTask, "flow.WorkingDirectory",
     "io.kestra.core.tasks.flows.WorkingDirectory io.kestra.core.tasks.flows.Worker",
     "cache namespaceFiles inputFiles outputFiles tasks* errors finally"},
    {Kind::kTask, "http.Download", "io.kestra.plugin.fs.http.Download",
     "failOnEmptyResponse saveAs uri* method body formData params contentType headers options "
     "allowFailed sslOptions"},
    {Kind::kTask, "http.Request", "io.kestra.plugin.fs.http.Request",
     "encryptBody uri* method body formData params contentType headers options allowFailed "
     "sslOptions"},
    {Kind::kTask, "http.SseRequest", "",
     "concatJqExpression failedOnMissingJq uri* method body formData params contentType headers "
     "options allowFailed sslOptions"},
    {Kind::kTask, "kv.Delete", "", "key* namespace errorOnMissing"},
    {Kind::kTask, "kv.Get", "", "key* namespace errorOnMissing"},
    {Kind::kTask, "kv.GetKeys", "", "prefix namespace"},
    {Kind::kTask, "kv.PurgeKV", "",
     "keyPattern namespaces namespacePattern behavior includeChildNamespaces expiredOnly"},
    {Kind::kTask, "kv.Put", "", "key* value* namespace errorOnMissing"},
    {Kind::kTask, "kv.Set", "", "key* kvDescription value* namespace overwrite ttl kvType"},
    {Kind::kTask, "log.Fetch", "io.kestra.core.tasks.log.Fetch", "namespace flowId executionId tasksId level"},
    {Kind::kTask, "log.Log", "io.kestra.core.tasks.log.Log", "message* level"},
    {Kind::kTask, "log.PurgeLogs", "", "namespace flowId executionId logLevels startDate endDate*"},
    {Kind::kTask, "metric.Publish", "", "metrics"},
    {Kind::kTask, "namespace.DeleteFiles", "", "namespace* files* deleteParentFolder"},
    {Kind::kTask, "namespace.DownloadFiles", "", "namespace* files* destination"},
    {Kind::kTask, "namespace.PurgeFiles", "",
     "filePattern namespaces namespacePattern behavior includeChildNamespaces"},
    {Kind::kTask, "namespace.UploadFiles", "", "namespace* files filesMap destination conflict"},
    {Kind::kTask, "output.OutputValues", "", "values"},
    {Kind::kTask, "state.Delete", "io.kestra.core.tasks.states.Delete", "errorOnMissing name namespace taskrunValue"},
    {Kind::kTask, "state.Get", "io.kestra.core.tasks.states.Get", "errorOnMissing name namespace taskrunValue"},
    {Kind::kTask, "state.Set", "io.kestra.core.tasks.states.Set", "data name namespace taskrunValue"},
    {Kind::kTask, "storage.Concat", "io.kestra.core.tasks.storages.Concat", "files* separator extension"},
    {Kind::kTask, "storage.DeduplicateItems", "io.kestra.core.tasks.storages.DeduplicateItems", "from* expr*"},
    {Kind::kTask, "storage.Delete", "io.kestra.core.tasks.storages.Delete", "uri* errorOnMissing"},
    {Kind::kTask, "storage.FilterItems", "io.kestra.core.tasks.storages.FilterItems",
     "from* filterCondition* filterType errorOrNullBehavior"},
    {Kind::kTask, "storage.LocalFiles", "io.kestra.core.tasks.storages.LocalFiles", "inputs outputs"},
    {Kind::kTask, "storage.PurgeCurrentExecutionFiles",
     "io.kestra.core.tasks.storages.PurgeExecution io.kestra.plugin.core.storage.PurgeExecution", ""},
    {Kind::kTask, "storage.PurgeStorage", "", "namespace flowId startDate endDate* dryRun"},
    {Kind::kTask, "storage.Reverse", "io.kestra.core.tasks.storages.Reverse", "from* separator charset"},
    {Kind::kTask, "storage.Size", "io.kestra.core.tasks.storages.Size", "uri*"},
    {Kind::kTask, "storage.Split", "io.kestra.core.tasks.storages.Split",
     "from* bytes partitions rows regexPattern separator"},
    {Kind::kTask, "storage.Write", "", "content* extension"},
    {Kind::kTask, "templating.TemplatedTask", "io.kestra.core.tasks.templating.TemplatedTask", "spec*"},
    {Kind::kTask, "trigger.Toggle", "io.kestra.core.tasks.trigger.Toggle", "flowId namespace trigger* enabled"},
    {Kind::kTrigger, "http.Trigger", "io.kestra.plugin.fs.http.Trigger", "interval responseCondition uri* method body params formData contentType headers options encryptBody sslOptions inputs"},
    // Not of Kestra's core, but triggers are known by this table.
    {Kind::kTrigger, model::kRunTrigger, model::kRunTriggerOfKestra,
     "repository* connection oauthToken appInstallationToken jwtToken endpoint workflowId workflows branch branches event actor "
     "conclusion status on interval inputs"},
    {Kind::kTrigger, "trigger.Flow", "io.kestra.core.models.triggers.types.Flow", "inputs states preconditions"},
    {Kind::kTrigger, "trigger.Schedule", "io.kestra.core.models.triggers.types.Schedule",
     "cron* withSeconds timezone interval scheduleConditions inputs lateMaximumDelay backfill "
     "recoverMissedSchedules"},
    {Kind::kTrigger, "trigger.ScheduleOnDates", "", "interval inputs timezone dates* recoverMissedSchedules"},
    {Kind::kTrigger, "trigger.Webhook", "io.kestra.core.models.triggers.types.Webhook",
     "wait returnOutputs responseContentType responseCode key* inputs"},
    {Kind::kCondition, "condition.DateTimeBetween",
     "io.kestra.core.models.conditions.types.DateTimeBetweenCondition "
     "io.kestra.plugin.core.condition.DateTimeBetweenCondition",
     "date after before"},
    {Kind::kCondition, "condition.DayWeek",
     "io.kestra.core.models.conditions.types.DayWeekCondition "
     "io.kestra.plugin.core.condition.DayWeekCondition",
     "date dayOfWeek*"},
    {Kind::kCondition, "condition.DayWeekInMonth",
     "io.kestra.core.models.conditions.types.DayWeekInMonthCondition "
     "io.kestra.plugin.core.condition.DayWeekInMonthCondition",
     "date dayOfWeek* dayInMonth*"},
    {Kind::kCondition, "condition.ExecutionFlow",
     "io.kestra.core.models.conditions.types.ExecutionFlowCondition "
     "io.kestra.plugin.core.condition.ExecutionFlowCondition",
     "namespace* flowId*"},
    {Kind::kCondition, "condition.ExecutionLabels",
     "io.kestra.core.models.conditions.types.ExecutionLabelsCondition "
     "io.kestra.plugin.core.condition.ExecutionLabelsCondition",
     "labels*"},
    {Kind::kCondition, "condition.ExecutionNamespace",
     "io.kestra.core.models.conditions.types.ExecutionNamespaceCondition "
     "io.kestra.plugin.core.condition.ExecutionNamespaceCondition",
     "namespace* comparison prefix"},
    {Kind::kCondition, "condition.ExecutionOutputs",
     "io.kestra.core.models.conditions.types.ExecutionOutputsCondition "
     "io.kestra.plugin.core.condition.ExecutionOutputsCondition",
     "expression*"},
    {Kind::kCondition, "condition.ExecutionStatus",
     "io.kestra.core.models.conditions.types.ExecutionStatusCondition "
     "io.kestra.plugin.core.condition.ExecutionStatusCondition",
     "in notIn"},
    {Kind::kCondition, "condition.Expression",
     "io.kestra.core.models.conditions.types.VariableCondition "
     "io.kestra.plugin.core.condition.ExpressionCondition",
     "expression*"},
    {Kind::kCondition, "condition.FlowCondition", "io.kestra.core.models.conditions.types.FlowCondition",
     "namespace* flowId*"},
    {Kind::kCondition, "condition.FlowNamespaceCondition",
     "io.kestra.core.models.conditions.types.FlowNamespaceCondition", "namespace* prefix"},
    {Kind::kCondition, "condition.HasRetryAttempt",
     "io.kestra.core.models.conditions.types.HasRetryAttemptCondition "
     "io.kestra.plugin.core.condition.HasRetryAttemptCondition",
     "in notIn"},
    {Kind::kCondition, "condition.MultipleCondition", "io.kestra.core.models.conditions.types.MultipleCondition",
     "id* timeWindow resetOnSuccess window windowAdvance conditions*"},
    {Kind::kCondition, "condition.Not",
     "io.kestra.core.models.conditions.types.NotCondition "
     "io.kestra.plugin.core.condition.NotCondition",
     "conditions*"},
    {Kind::kCondition, "condition.Or",
     "io.kestra.core.models.conditions.types.OrCondition "
     "io.kestra.plugin.core.condition.OrCondition",
     "conditions*"},
    {Kind::kCondition, "condition.PublicHoliday",
     "io.kestra.core.models.conditions.types.PublicHolidayCondition "
     "io.kestra.plugin.core.condition.PublicHolidayCondition",
     "date country subDivision"},
    {Kind::kCondition, "condition.TimeBetween",
     "io.kestra.core.models.conditions.types.TimeBetweenCondition "
     "io.kestra.plugin.core.condition.TimeBetweenCondition",
     "date after before"},
    {Kind::kCondition, "condition.Weekend",
     "io.kestra.core.models.conditions.types.WeekendCondition "
     "io.kestra.plugin.core.condition.WeekendCondition",
     "date"},
    {Kind::kOther, "kv.Key", "", "type expiredOnly"},
    {Kind::kOther, "kv.Version", "", "type before keepAmount"},
    {Kind::kOther, "namespace.Version", "", "type before keepAmount"},
    {Kind::kOther, "runner.Process", "", ""},
};

std::vector<std::string> Words(std::string_view text) {
  std::vector<std::string> words;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(' '), text.size());
    words.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return words;
}

PropertySpec Named(std::string name) {
  const bool required = name.ends_with('*');
  if (required) name.pop_back();
  return {.name = std::move(name), .kind = PropertyKind::kAny, .required = required};
}

KestraType Read(const Row& row) {
  KestraType type{
      .kind = row.kind, .name = std::string(row.name), .aliases = Words(row.aliases)};
  if (!type.name.starts_with("headrace.")) type.name = std::string(kPrefix) + type.name;
  for (std::string& name : Words(row.properties)) type.properties.push_back(Named(std::move(name)));
  return type;
}

Catalog CatalogOf(Kind kind) {
  Catalog catalog;
  for (const KestraType& type : KestraTypes()) {
    if (type.kind != kind) continue;
    catalog.Add({.type = type.name,
                 .aliases = type.aliases,
                 .properties = type.properties,
                 .support = model::Support::kNotYet});
  }
  return catalog;
}

}  // namespace

const std::vector<KestraType>& KestraTypes() {
  static const std::vector<KestraType> kTypes = [] {
    std::vector<KestraType> types;
    for (const Row& row : kRows) types.push_back(Read(row));
    return types;
  }();
  return kTypes;
}

const Catalog& TriggerCatalog() {
  static const Catalog kCatalog = CatalogOf(Kind::kTrigger);
  return kCatalog;
}

const Catalog& ConditionCatalog() {
  static const Catalog kCatalog = CatalogOf(Kind::kCondition);
  return kCatalog;
}

const std::vector<PropertySpec>& TriggerProperties() {
  static const std::vector<PropertySpec> kSpecs = [] {
    std::vector<PropertySpec> specs;
    for (std::string& name : Words("id* type* description conditions disabled labels stopAfter logLevel minLogLevel "
                                   "logToFile workerGroup failOnTriggerError allowConcurrent version assets")) {
      specs.push_back(Named(std::move(name)));
    }
    return specs;
  }();
  return kSpecs;
}

}  // namespace headrace::flow
