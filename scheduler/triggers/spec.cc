#include "scheduler/triggers/spec.h"

#include <algorithm>

#include "common/base/text.h"
#include "common/expr/date_time.h"
#include "common/model/polling.h"
#include "scheduler/triggers/windows.h"

namespace headrace::scheduler {

using model::State;
using model::TriggerKind;

namespace {

const Value* Property(const Object& written, std::string_view name) {
  const Value* value = written.if_contains(name);
  return value == nullptr || value->is_null() ? nullptr : value;
}

std::string Text(const Object& written, std::string_view name) {
  const Value* value = Property(written, name);
  return value == nullptr ? std::string() : ToText(*value);
}

bool Flag(const Object& written, std::string_view name, bool otherwise) {
  const Value* value = Property(written, name);
  return value == nullptr ? otherwise : IsTruthy(ToText(*value));
}

Array List(const Object& written, std::string_view name) {
  const Value* value = Property(written, name);
  return value != nullptr && value->is_array() ? value->get_array() : Array();
}

// A bare number is seconds.
Result<std::optional<Duration>> Span(const Object& written, std::string_view name) {
  const Value* value = Property(written, name);
  if (value == nullptr) return std::nullopt;
  if (value->is_int64()) return std::chrono::seconds(value->get_int64());
  auto span = ParseDuration(ToText(*value));
  if (!span) return Fail(std::move(span.error()).Wrap(name));
  return *span;
}

Result<std::vector<State>> States(const Object& written, std::string_view name) {
  std::vector<State> states;
  for (const Value& text : List(written, name)) {
    const auto state = model::ParseState(ToText(text));
    if (!state) return InvalidArgument(std::string(name) + ": '" + ToText(text) + "' is no state");
    states.push_back(*state);
  }
  return states;
}

// io.kestra.core.models.triggers.types.Schedule and io.kestra.plugin.core.trigger.Schedule are both Schedule.
TriggerKind KindOf(const std::string& type) {
  const std::string name = type.substr(type.rfind('.') + 1);
  if (name == "Schedule") return TriggerKind::kSchedule;
  if (name == "ScheduleOnDates") return TriggerKind::kDates;
  if (name == "Webhook") return TriggerKind::kWebhook;
  if (name == "Flow") return TriggerKind::kFlow;
  if (model::IsPollingType(type)) return TriggerKind::kPolling;
  return TriggerKind::kOther;
}

Status ReadSchedule(const Object& written, const std::string& zone, model::Trigger& row) {
  row.cron = Text(written, "cron");
  row.with_seconds = Flag(written, "withSeconds", false);
  row.zone = Text(written, "timezone");
  ASSIGN_OR_RETURN(row.late_max, Span(written, "lateMaximumDelay"));
  const std::string missed = Text(written, "recoverMissedSchedules");
  if (missed == "LAST") row.missed = model::MissedPolicy::kLast;
  if (missed == "NONE") row.missed = model::MissedPolicy::kNone;
  ASSIGN_OR_RETURN(const expr::Zone found, expr::Zone::Find(row.zone.empty() ? zone : row.zone));
  for (const Value& date : List(written, "dates")) {
    ASSIGN_OR_RETURN(const expr::DateTime parsed, expr::ParseIsoDate(ToText(date), found));
    row.dates.push_back(FromMicros(parsed.seconds * 1'000'000 + parsed.nanos / 1000));
  }
  std::sort(row.dates.begin(), row.dates.end());
  row.dates.erase(std::unique(row.dates.begin(), row.dates.end()), row.dates.end());
  return {};
}

void ReadWebhook(const Object& written, TriggerSpec& spec) {
  spec.key = Text(written, "key");
  spec.wait = Flag(written, "wait", false);
  spec.return_outputs = Flag(written, "returnOutputs", false);
  spec.response_content_type = Text(written, "responseContentType");
  if (const Value* code = Property(written, "responseCode")) spec.response_code = *code;
}

Status ReadFlowTrigger(const Object& written, TriggerSpec& spec) {
  ASSIGN_OR_RETURN(spec.states, States(written, "states"));
  if (Property(written, "states") == nullptr) {
    spec.states = {State::kSuccess, State::kWarning, State::kFailed,   State::kKilled,     State::kCancelled,
                   State::kRetried, State::kSkipped, State::kResubmitted, State::kPaused};
  }
  const Value* preconditions = Property(written, "preconditions");
  if (preconditions == nullptr || !preconditions->is_object()) return {};
  ASSIGN_OR_RETURN(WindowSpec window, ReadPreconditions(preconditions->get_object()));
  spec.windows.push_back(std::move(window));
  return {};
}

// What the trigger itself is told, and not its look.
constexpr std::string_view kOwn[] = {"id", "type", "description", "conditions", "disabled", "inputs", "labels", "stopAfter",
                                     "logLevel", "minLogLevel", "logToFile", "workerGroup", "failOnTriggerError",
                                     "allowConcurrent", "version", "assets", "interval"};

Status ReadPolling(const Object& written, TriggerSpec& spec) {
  ASSIGN_OR_RETURN(const auto interval, Span(written, "interval"));
  spec.row.interval = std::max<Duration>(interval.value_or(model::kPollingInterval), model::kPollingIntervalMin);
  spec.properties = written;
  for (const std::string_view name : kOwn) spec.properties.erase(name);
  // A look of several triggers at the same thing goes by it.
  spec.properties["interval"] = FormatDuration(spec.row.interval);
  if (const Value* group = Property(written, "workerGroup")) {
    const Value* key = group->is_object() ? Member(*group, "key") : group;
    if (key != nullptr) spec.worker_group = ToText(*key);
  }
  spec.log_level = Text(written, "logLevel");
  spec.fail_on_error = Flag(written, "failOnTriggerError", false);
  return {};
}

Result<TriggerSpecPtr> Read(const Object& written, const model::Flow& flow, const std::string& zone) {
  auto spec = std::make_shared<TriggerSpec>();
  model::Trigger& row = spec->row;
  row.name = {flow.ns, flow.id, Text(written, "id")};
  row.type = Text(written, "type");
  row.kind = KindOf(row.type);
  row.revision = flow.revision;
  row.off = flow.disabled || Flag(written, "disabled", false);
  row.allow_concurrent = Flag(written, "allowConcurrent", false);
  ASSIGN_OR_RETURN(row.stop_after, States(written, "stopAfter"));
  if (const Value* labels = Property(written, "labels")) spec->labels = *labels;
  if (const Value* inputs = Property(written, "inputs"); inputs != nullptr && inputs->is_object()) spec->inputs = inputs->get_object();
  if (row.kind == TriggerKind::kSchedule || row.kind == TriggerKind::kDates) RETURN_IF_ERROR(ReadSchedule(written, zone, row));
  if (row.kind == TriggerKind::kWebhook) ReadWebhook(written, *spec);
  if (row.kind == TriggerKind::kFlow) RETURN_IF_ERROR(ReadFlowTrigger(written, *spec));
  if (row.kind == TriggerKind::kPolling) RETURN_IF_ERROR(ReadPolling(written, *spec));
  for (const std::string_view name : {"conditions", "scheduleConditions"}) {
    for (Value& condition : List(written, name)) {
      if (!IsMultipleCondition(condition)) {
        spec->conditions.push_back(std::move(condition));
        continue;
      }
      ASSIGN_OR_RETURN(WindowSpec window, ReadMultipleCondition(condition.get_object()));
      spec->windows.push_back(std::move(window));
    }
  }
  return spec;
}

}  // namespace

Result<std::vector<TriggerSpecPtr>> ReadTriggers(const model::Flow& flow, const std::string& zone) {
  std::vector<TriggerSpecPtr> specs;
  for (const Value& written : flow.triggers) {
    if (!written.is_object()) continue;
    auto spec = Read(written.get_object(), flow, zone);
    if (!spec) {
      return Fail(std::move(spec.error()).Wrap("trigger " + Text(written.get_object(), "id") + " of " + flow.ns + "/" + flow.id));
    }
    specs.push_back(std::move(*spec));
  }
  return specs;
}

}  // namespace headrace::scheduler
