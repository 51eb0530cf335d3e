#include "scheduler/trigger_scene.h"

#include "common/base/hash.h"
#include "common/expr/date_time.h"
#include "common/expr/template.h"

namespace headrace::scheduler {

TriggerEnvironment::TriggerEnvironment(const TriggerOptions& options, const model::TriggerName& name, ExecutionId execution,
                                       Timestamp now, std::string zone)
    : BasicEnvironment(now, StableHash(execution.str()), std::move(zone)), options_(options), name_(name),
      execution_(std::move(execution)) {}

Result<Value> TriggerEnvironment::Call(std::string_view function, const Array& positional, const Object& named,
                                       const Value& context) {
  if (!options_.answerer) return BasicEnvironment::Call(function, positional, named, context);
  const model::Lookup lookup{std::string(function), positional, named};
  model::Answer answer = options_.answerer(name_.ns, name_.flow_id, execution_, lookup);
  if (!answer.error.empty()) return Fail(Code::kFailedPrecondition, std::move(answer.error));
  return std::move(answer.value);
}

TriggerScene::TriggerScene(const TriggerOptions& options, const executor::Program& program, const TriggerSpec& spec,
                           ExecutionId execution, expr::Zone in_zone, Timestamp now)
    : flow(program.flow()), trigger(spec), id(std::move(execution)), zone(std::move(in_zone)),
      environment(options, spec.row.name, id, now, program.time_zone()) {
  Object all = program.surroundings();
  all["flow"] = Object{{"id", flow.id}, {"namespace", flow.ns}, {"revision", flow.revision}, {"tenantId", "main"}};
  all["vars"] = flow.variables;
  Object labels;
  for (const auto& [key, text] : flow.labels) labels[key] = text;
  all["labels"] = std::move(labels);
  all["trigger"] = Object();
  context = std::move(all);
}

void TriggerScene::SetVariables(Object more) {
  variables = std::move(more);
  context.get_object()["trigger"] = variables;
  if (trigger.row.kind == model::TriggerKind::kSchedule || trigger.row.kind == model::TriggerKind::kDates) {
    context.get_object()["schedule"] = variables;
  }
}

void TriggerScene::SetDate(Timestamp date) {
  const std::string text = DateText(date, zone);
  for (const std::string_view name : {"trigger", "schedule"}) {
    Value& place = context.get_object()[name];
    if (!place.is_object()) place = Object();
    place.get_object()["date"] = text;
  }
}

ConditionSubject TriggerScene::Subject(Timestamp date, const model::Execution* source) {
  return {context, environment, zone, date, flow, source};
}

Result<Value> TriggerScene::Render(const Value& value, bool typed) {
  return expr::RenderDeep(value, context, environment, typed);
}

// A map, or a list of {key, value}.
Result<std::vector<model::Label>> TriggerScene::RenderLabels(const Value& written) {
  std::vector<model::Label> labels;
  ASSIGN_OR_RETURN(const Value rendered, Render(written, false));
  if (rendered.is_object()) {
    for (const auto& [key, value] : rendered.get_object()) labels.emplace_back(key, ToText(value));
  } else if (rendered.is_array()) {
    for (const Value& label : rendered.get_array()) {
      const Value* key = Member(label, "key");
      const Value* value = Member(label, "value");
      if (key != nullptr && value != nullptr) labels.emplace_back(ToText(*key), ToText(*value));
    }
  }
  return labels;
}

Value TriggerScene::TriggerValue(const Object& more) const {
  Object value{{"id", trigger.row.name.id}, {"type", trigger.row.type}, {"variables", variables}};
  for (const auto& [key, one] : more) value[key] = one;
  return value;
}

std::string DateText(Timestamp date, const expr::Zone& zone) {
  const std::int64_t micros = ToMicros(date);
  const std::int64_t seconds = micros / 1'000'000;
  auto text = expr::FormatDate({seconds, static_cast<int>(micros - seconds * 1'000'000) * 1000, zone}, "iso_offset_date_time");
  return text ? *text : FormatInstant(date);
}

}  // namespace headrace::scheduler
