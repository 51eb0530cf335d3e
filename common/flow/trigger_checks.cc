// What the values of a trigger's and a condition's properties may be. Expressions are checked elsewhere; a text that holds
// one is let through where it is rendered.
#include <algorithm>
#include <cstdlib>

#include "common/base/time.h"
#include "common/cron/cron.h"
#include "common/expr/date_time.h"
#include "common/expr/zone.h"
#include "common/flow/flow_parts.h"
#include "common/flow/flow_specs.h"
#include "common/flow/kestra_types.h"
#include "common/flow/property_checks.h"
#include "common/model/polling.h"
#include "common/model/state.h"

namespace headrace::flow {
namespace {

using model::PropertyKind;
using model::PropertySpec;
using Names = std::vector<std::string>;

constexpr std::size_t kKeyMax = 256;
constexpr Timestamp kSomeDay{};

const Names& StateNames() {
  static const Names kNames = [] {
    Names names;
    for (std::size_t i = 0; i < model::kStateCount; ++i) names.emplace_back(model::StateName(static_cast<model::State>(i)));
    return names;
  }();
  return kNames;
}

PropertySpec Plain(std::string name, PropertyKind kind, Names values = {}) {
  return {.name = std::move(name), .kind = kind, .rendered = false, .enum_values = std::move(values)};
}

// Texts that hold expressions are left to the time when they are rendered.
bool Check(Draft& draft, const YamlNode& owner, const Path& path, const PropertySpec& spec) {
  const YamlNode* node = owner.Find(spec.name);
  if (node == nullptr || node->is_null() || (node->is_scalar() && HoldsExpression(node->text))) return false;
  const std::size_t errors = draft.errors.size();
  CheckValue(draft, *node, spec, path.Key(spec.name));
  return draft.errors.size() == errors;
}

void CheckStates(Draft& draft, const YamlNode& owner, const Path& path, const char* name) {
  const YamlNode* node = owner.Find(name);
  if (node == nullptr || !Check(draft, owner, path, Plain(name, PropertyKind::kList))) return;
  const Path at = path.Key(name);
  for (std::size_t i = 0; i < node->items.size(); ++i) {
    const YamlNode& item = node->items[i];
    if (item.is_scalar() && HoldsExpression(item.text)) continue;
    CheckValue(draft, item, Plain(name, PropertyKind::kEnum, StateNames()), at.At(i));
  }
}

// `parse` says why a text is wrong; what holds an expression is passed over.
template <typename Parse>
void CheckText(Draft& draft, const YamlNode& node, const Path& path, Parse parse) {
  if (!node.is_scalar()) return draft.Error(node, path, "expected a text, got " + KindName(node));
  if (HoldsExpression(node.text)) return;
  if (const auto parsed = parse(node.text); !parsed) draft.Error(node, path, parsed.error().message);
}

void CheckDate(Draft& draft, const YamlNode& node, const Path& path) {
  CheckText(draft, node, path, [](const std::string& text) -> Result<expr::DateTime> {
    auto date = expr::ParseIsoDate(text, expr::Zone::Utc());
    if (date) return date;
    return InvalidArgument("`" + Shortened(text) + "` is no date such as 2026-11-22T10:00:00Z");
  });
}

void CheckTime(Draft& draft, const YamlNode& owner, const Path& path, const char* name) {
  const YamlNode* node = owner.Find(name);
  if (node == nullptr || node->is_null()) return;
  CheckText(draft, *node, path.Key(name), [](const std::string& text) -> Result<expr::DateTime> {
    auto time = expr::ParseIsoDate("1970-01-02T" + text, expr::Zone::Utc());
    if (time) return time;
    return InvalidArgument("`" + Shortened(text) + "` is no time such as \"09:30:00\" or \"09:30:00+01:00\"");
  });
}

void CheckSchedule(Draft& draft, const YamlNode& node, const Path& path) {
  const bool seconds_known = Check(draft, node, path, Plain("withSeconds", PropertyKind::kBoolean));
  const YamlNode* seconds = node.Find("withSeconds");
  if (const YamlNode* cron = node.Find("cron"); cron != nullptr && !cron->is_null()) {
    const bool with_seconds = seconds_known && seconds->text == "true";
    if (!cron->is_scalar()) draft.Error(*cron, path.Key("cron"), "expected a text, got " + KindName(*cron));
    else if (const auto parsed = cron::Cron::Parse(cron->text, with_seconds); !parsed) {
      draft.Error(*cron, path.Key("cron"), parsed.error().message);
    } else if (!parsed->Next(kSomeDay, expr::Zone::Utc())) {
      draft.Error(*cron, path.Key("cron"), "`" + Shortened(cron->text) + "` never comes: no month that it names has such a day");
    }
  }
  if (const YamlNode* zone = node.Find("timezone"); zone != nullptr && !zone->is_null()) {
    CheckText(draft, *zone, path.Key("timezone"), [](const std::string& text) { return expr::Zone::Find(text); });
  }
  Check(draft, node, path, Plain("lateMaximumDelay", PropertyKind::kDuration));
  Check(draft, node, path, Plain("recoverMissedSchedules", PropertyKind::kEnum, {"ALL", "LAST", "NONE"}));
  Check(draft, node, path, Plain("inputs", PropertyKind::kMap));
  const YamlNode* dates = node.Find("dates");
  if (dates != nullptr && Check(draft, node, path, Plain("dates", PropertyKind::kList))) {
    for (std::size_t i = 0; i < dates->items.size(); ++i) CheckDate(draft, dates->items[i], path.Key("dates").At(i));
  }
  for (const char* name : {"backfill", "interval"}) {
    if (const YamlNode* old = node.Find(name); old != nullptr && !old->is_null()) {
      draft.Warn(*old, path.Key(name), "`" + std::string(name) + "` does nothing here" +
                                           (std::string(name) == "backfill" ? "; see headrace backfill create" : ""));
    }
  }
}

void CheckWebhook(Draft& draft, const YamlNode& node, const Path& path) {
  if (const YamlNode* key = node.Find("key"); key != nullptr && key->is_scalar() && key->text.size() > kKeyMax) {
    draft.Error(*key, path.Key("key"), "a key has at most 256 characters");
  } else if (key != nullptr && key->is_scalar() && !HoldsExpression(key->text) && key->text.find_first_of("/?#") != std::string::npos) {
    draft.Error(*key, path.Key("key"), "a key is the last part of the webhook's address: without `/`, `?` and `#`");
  }
  Check(draft, node, path, Plain("inputs", PropertyKind::kMap));
  for (const char* name : {"wait", "returnOutputs"}) Check(draft, node, path, Plain(name, PropertyKind::kBoolean));
  Check(draft, node, path, Plain("responseContentType", PropertyKind::kEnum, {"application/json", "text/plain"}));
  const YamlNode* code = node.Find("responseCode");
  if (code != nullptr && Check(draft, node, path, Plain("responseCode", PropertyKind::kInteger))) {
    const int number = std::atoi(code->text.c_str());
    if (number < 200 || number > 599) draft.Error(*code, path.Key("responseCode"), "a status between 200 and 599 is wanted");
  }
}

void CheckTimeWindow(Draft& draft, const YamlNode& owner, const Path& path) {
  const YamlNode* window = owner.Find("timeWindow");
  if (window == nullptr || !Check(draft, owner, path, Plain("timeWindow", PropertyKind::kMap))) return;
  const Path at = path.Key("timeWindow");
  const Names kinds{"DURATION_WINDOW", "SLIDING_WINDOW", "DAILY_TIME_DEADLINE", "DAILY_TIME_WINDOW"};
  CheckObject(draft, *window,
              {Plain("type", PropertyKind::kEnum, kinds), Plain("window", PropertyKind::kDuration),
               Plain("windowAdvance", PropertyKind::kDuration), Plain("deadline", PropertyKind::kString),
               Plain("startTime", PropertyKind::kString), Plain("endTime", PropertyKind::kString)},
              at, "a time window");
  for (const char* name : {"deadline", "startTime", "endTime"}) CheckTime(draft, *window, at, name);
  const auto needs = [&](const char* name, bool needed) {
    if (needed && window->Find(name) == nullptr) draft.Error(*window, at.Key(name), "this time window needs `" + std::string(name) + '`');
  };
  const YamlNode* type = window->Find("type");
  const std::string kind = type == nullptr ? "" : type->text;
  needs("deadline", kind == "DAILY_TIME_DEADLINE");
  needs("startTime", kind == "DAILY_TIME_WINDOW");
  needs("endTime", kind == "DAILY_TIME_WINDOW");
}

void CheckWhere(Draft& draft, const YamlNode& where, const Path& path) {
  const Names kinds{"EQUAL_TO", "NOT_EQUAL_TO", "IN", "NOT_IN", "IS_TRUE", "IS_FALSE", "IS_NULL", "IS_NOT_NULL", "STARTS_WITH",
                    "ENDS_WITH", "REGEX", "CONTAINS"};
  CheckObject(draft, where,
              {{.name = "id", .required = true, .rendered = false}, Plain("operand", PropertyKind::kEnum, {"AND", "OR"}),
               {.name = "filters", .kind = PropertyKind::kList, .required = true, .rendered = false}},
              path, "a where");
  const YamlNode* filters = where.Find("filters");
  for (std::size_t i = 0; filters != nullptr && filters->is_list() && i < filters->items.size(); ++i) {
    PropertySpec field = Plain("field", PropertyKind::kEnum, {"FLOW_ID", "NAMESPACE", "STATE", "EXPRESSION"});
    PropertySpec type = Plain("type", PropertyKind::kEnum, kinds);
    field.required = type.required = true;
    CheckObject(draft, filters->items[i], {field, type, Plain("value", PropertyKind::kAny), Plain("values", PropertyKind::kList)},
                path.Key("filters").At(i), "a filter");
  }
}

void CheckPreconditions(Draft& draft, const YamlNode& node, const Path& path) {
  CheckObject(draft, node,
              {{.name = "id", .required = true, .rendered = false}, Plain("timeWindow", PropertyKind::kAny),
               Plain("resetOnSuccess", PropertyKind::kBoolean), Plain("flows", PropertyKind::kList),
               Plain("where", PropertyKind::kList)},
              path, "preconditions");
  if (!node.is_map()) return;
  CheckTimeWindow(draft, node, path);
  const YamlNode* flows = node.Find("flows");
  for (std::size_t i = 0; flows != nullptr && flows->is_list() && i < flows->items.size(); ++i) {
    const Path list = path.Key("flows");
    const Path at = list.At(i);
    CheckObject(draft, flows->items[i],
                {{.name = "namespace", .required = true, .rendered = false}, Plain("flowId", PropertyKind::kString),
                 Plain("states", PropertyKind::kList), Plain("labels", PropertyKind::kAny)},
                at, "a flow of preconditions");
    if (flows->items[i].is_map()) CheckStates(draft, flows->items[i], at, "states");
  }
  const YamlNode* where = node.Find("where");
  for (std::size_t i = 0; where != nullptr && where->is_list() && i < where->items.size(); ++i) {
    CheckWhere(draft, where->items[i], path.Key("where").At(i));
  }
}

void CheckFlowTrigger(Draft& draft, const YamlNode& node, const Path& path) {
  CheckStates(draft, node, path, "states");
  Check(draft, node, path, Plain("inputs", PropertyKind::kMap));
  if (const YamlNode* preconditions = node.Find("preconditions"); preconditions != nullptr && !preconditions->is_null()) {
    CheckPreconditions(draft, *preconditions, path.Key("preconditions"));
  }
}

void CheckPolling(Draft& draft, const YamlNode& node, const Path& path, std::string_view type) {
  if (Check(draft, node, path, Plain("interval", PropertyKind::kDuration)) && node.Find("interval") != nullptr) {
    const YamlNode& interval = *node.Find("interval");
    const auto span = ParseDuration(interval.text);
    if (span && *span < model::kPollingIntervalMin) draft.Error(interval, path.Key("interval"), "at least PT1S from one look to the next");
  }
  Check(draft, node, path, Plain("inputs", PropertyKind::kMap));
  if (type == model::kHttpTrigger) {
    for (const char* name : {"params", "formData", "headers"}) Check(draft, node, path, Plain(name, PropertyKind::kMap));
    for (const char* name : {"uri", "method", "responseCondition"}) Check(draft, node, path, Plain(name, PropertyKind::kString));
    Check(draft, node, path, Plain("encryptBody", PropertyKind::kBoolean));
    return;
  }
  if (node.Find("connection") == nullptr && node.Find("oauthToken") == nullptr && node.Find("appInstallationToken") == nullptr &&
      node.Find("jwtToken") == nullptr) {
    draft.Error(node, path, "name a connection of the worker's connections file (`connection: NAME`), or give `oauthToken`");
  }
  Check(draft, node, path, Plain("on", PropertyKind::kMap));
  const YamlNode* status = node.Find("status");
  if (status != nullptr && status->is_scalar() && !status->is_null() && !HoldsExpression(status->text) && status->text != "completed") {
    draft.Error(*status, path.Key("status"), "this trigger fires for completed runs only; `conclusion` tells them apart");
  }
}

}  // namespace

void CheckTriggerValues(Draft& draft, const YamlNode& node, const Path& path, std::string_view type) {
  for (const char* name : {"disabled", "allowConcurrent", "logToFile", "failOnTriggerError"}) {
    Check(draft, node, path, Plain(name, PropertyKind::kBoolean));
  }
  CheckStates(draft, node, path, "stopAfter");
  const std::string_view name = type.substr(type.rfind('.') + 1);
  if (name == "Schedule" || name == "ScheduleOnDates") return CheckSchedule(draft, node, path);
  if (name == "Webhook") return CheckWebhook(draft, node, path);
  if (name == "Flow") return CheckFlowTrigger(draft, node, path);
  if (model::IsPollingType(type)) return CheckPolling(draft, node, path, type);
  draft.Warn(node, path.Key("type"), std::string(type) + " is not started yet: this trigger starts nothing");
}

void CheckConditionValues(Draft& draft, const YamlNode& node, const Path& path, std::string_view type) {
  const std::string_view name = type.substr(type.rfind('.') + 1);
  const Names days{"MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY"};
  if (name == "DayWeek" || name == "DayWeekInMonth") Check(draft, node, path, Plain("dayOfWeek", PropertyKind::kEnum, days));
  if (name == "DayWeekInMonth") {
    Check(draft, node, path, Plain("dayInMonth", PropertyKind::kEnum, {"FIRST", "LAST", "SECOND", "THIRD", "FOURTH"}));
  } else if (name == "DateTimeBetween") {
    for (const char* bound : {"after", "before"}) {
      if (const YamlNode* date = node.Find(bound); date != nullptr && !date->is_null()) CheckDate(draft, *date, path.Key(bound));
    }
  } else if (name == "TimeBetween") {
    for (const char* bound : {"after", "before"}) CheckTime(draft, node, path, bound);
  } else if (name == "ExecutionStatus" || name == "HasRetryAttempt") {
    for (const char* list : {"in", "notIn"}) CheckStates(draft, node, path, list);
  } else if (name == "ExecutionNamespace") {
    Check(draft, node, path, Plain("comparison", PropertyKind::kEnum, {"EQUALS", "PREFIX", "SUFFIX"}));
  } else if (name == "MultipleCondition") {
    CheckTimeWindow(draft, node, path);
    for (const char* span : {"window", "windowAdvance"}) Check(draft, node, path, Plain(span, PropertyKind::kDuration));
  } else if (name == "PublicHoliday") {
    draft.Error(node, path.Key("type"), "headrace has no calendar of public holidays: name the dates with DateTimeBetween or Expression");
  }
}

}  // namespace headrace::flow
