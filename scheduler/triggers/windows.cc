#include "scheduler/triggers/windows.h"

#include <algorithm>

#include "common/base/text.h"
#include "common/expr/date_time.h"
#include "common/expr/zone.h"

namespace headrace::scheduler {
namespace {

constexpr Duration kDay = std::chrono::hours(24);

std::string Text(const Object& written, std::string_view name) {
  const Value* value = written.if_contains(name);
  return value == nullptr || value->is_null() ? std::string() : ToText(*value);
}

Result<Duration> Span(const Object& written, std::string_view name, Duration otherwise) {
  const std::string text = Text(written, name);
  if (text.empty()) return otherwise;
  auto span = ParseDuration(text);
  if (!span) return Fail(std::move(span.error()).Wrap(name));
  return *span;
}

// "09:30" or "09:30:00" of a day.
Result<Duration> TimeOfDay(const Object& written, std::string_view name) {
  const std::string text = Text(written, name);
  auto at = expr::ParseIsoDate("1970-01-01T" + text.substr(0, 8), expr::Zone::Utc());
  if (!at) return InvalidArgument(std::string(name) + ": '" + text + "' is no time of a day such as 09:30:00");
  return std::chrono::seconds(at->seconds);
}

Result<TimeWindow> ReadTimeWindow(const Object& owner) {
  TimeWindow time;
  const Value* value = owner.if_contains("timeWindow");
  // `window` and `windowAdvance` stood beside it once.
  const Object& written = value != nullptr && value->is_object() ? value->get_object() : owner;
  const std::string type = value == nullptr ? "" : Text(written, "type");
  ASSIGN_OR_RETURN(time.window, Span(written, "window", kDay));
  ASSIGN_OR_RETURN(time.advance, Span(written, "windowAdvance", Duration(0)));
  if (time.window <= Duration(0)) return InvalidArgument("window: must be longer than nothing");
  if (type == "SLIDING_WINDOW") {
    time.type = TimeWindow::Type::kSliding;
  } else if (type == "DAILY_TIME_DEADLINE") {
    time.type = TimeWindow::Type::kDailyDeadline;
    ASSIGN_OR_RETURN(time.end, TimeOfDay(written, "deadline"));
  } else if (type == "DAILY_TIME_WINDOW") {
    time.type = TimeWindow::Type::kDailyWindow;
    ASSIGN_OR_RETURN(time.start, TimeOfDay(written, "startTime"));
    ASSIGN_OR_RETURN(time.end, TimeOfDay(written, "endTime"));
  }
  return time;
}

Object Condition(std::string type, Object properties) {
  properties["type"] = "io.kestra.plugin.core.condition." + std::move(type);
  return properties;
}

// One of `preconditions.flows`.
Array UpstreamFlow(const Object& flow) {
  Array all;
  if (Text(flow, "flowId").empty()) {
    all.push_back(Condition("ExecutionNamespace", {{"namespace", Text(flow, "namespace")}}));
  } else {
    all.push_back(Condition("ExecutionFlow", {{"namespace", Text(flow, "namespace")}, {"flowId", Text(flow, "flowId")}}));
  }
  if (const Value* states = flow.if_contains("states"); states != nullptr && states->is_array()) {
    all.push_back(Condition("ExecutionStatus", {{"in", *states}}));
  }
  if (const Value* labels = flow.if_contains("labels"); labels != nullptr && !labels->is_null()) {
    all.push_back(Condition("ExecutionLabels", {{"labels", *labels}}));
  }
  return all;
}

Duration SinceMidnight(Timestamp now, const expr::Zone& zone, std::int64_t& midnight_local) {
  const std::int64_t seconds = std::chrono::floor<std::chrono::seconds>(now).time_since_epoch().count();
  const std::int64_t local = seconds + zone.At(seconds).seconds;
  const std::int64_t of_day = ((local % 86400) + 86400) % 86400;
  midnight_local = local - of_day;
  return std::chrono::seconds(of_day);
}

// Where the window that holds `now` begins; nothing outside of every window.
std::optional<Timestamp> StartOf(const TimeWindow& time, std::optional<Timestamp> had, Timestamp now, const expr::Zone& zone) {
  std::int64_t midnight = 0;
  const Duration of_day = SinceMidnight(now, zone, midnight);
  const auto at_local = [&](Duration since) {
    return FromMicros(zone.FromLocal(midnight + std::chrono::floor<std::chrono::seconds>(since).count()) * 1'000'000);
  };
  switch (time.type) {
    case TimeWindow::Type::kSliding:
      return now - time.window;
    case TimeWindow::Type::kDailyDeadline:
      return of_day <= time.end ? std::optional(at_local(Duration(0))) : std::nullopt;
    case TimeWindow::Type::kDailyWindow:
      return of_day >= time.start && of_day <= time.end ? std::optional(at_local(time.start)) : std::nullopt;
    case TimeWindow::Type::kDuration:
      break;
  }
  if (had && *had <= now && now < *had + time.window) return had;
  // Windows shorter than a day follow one another from midnight on; `windowAdvance` moves them.
  const Duration step = std::min(time.window, kDay);
  Duration since = of_day - time.advance;
  Duration into = since % step;
  if (into < Duration(0)) into += step;
  return at_local(of_day - into);
}

struct Met {
  bool complete = true;
  bool something = false;
};

Result<Met> MeetOne(const WindowSpec& spec, const ExecutionId& execution, Timestamp now, const expr::Zone& zone,
                    const Meets& meets, WindowProgress& progress) {
  const auto is_ours = [&](const auto& part) { return part.window == spec.id; };
  const auto had = std::find_if(progress.windows.begin(), progress.windows.end(), is_ours);
  const auto start = StartOf(spec.time, had == progress.windows.end() ? std::nullopt : std::optional(had->start), now, zone);
  std::erase_if(progress.windows, is_ours);
  std::erase_if(progress.met, [&](const model::MetCondition& met) { return is_ours(met) && (!start || met.at < *start); });
  if (!start) return Met{.complete = false};
  // What slides begins anew with every look.
  if (spec.time.type == TimeWindow::Type::kDuration) progress.windows.push_back({spec.id, *start});
  Met result;
  for (const NamedCondition& condition : spec.conditions) {
    const auto same = [&](const model::MetCondition& met) { return is_ours(met) && met.condition == condition.name; };
    ASSIGN_OR_RETURN(const bool meets_it, meets(condition));
    if (meets_it) {
      std::erase_if(progress.met, same);
      progress.met.push_back({spec.id, condition.name, now, execution});
      result.something = true;
    } else if (std::none_of(progress.met.begin(), progress.met.end(), same)) {
      result.complete = false;
    }
  }
  return result;
}

}  // namespace

bool IsMultipleCondition(const Value& condition) {
  if (!condition.is_object()) return false;
  const std::string type = Text(condition.get_object(), "type");
  return type.substr(type.rfind('.') + 1) == "MultipleCondition";
}

Result<WindowSpec> ReadMultipleCondition(const Object& written) {
  WindowSpec spec{.id = Text(written, "id")};
  ASSIGN_OR_RETURN(spec.time, ReadTimeWindow(written));
  spec.reset = Text(written, "resetOnSuccess") != "false";
  const Value* conditions = written.if_contains("conditions");
  if (conditions == nullptr || !conditions->is_object()) return InvalidArgument("conditions: expected a map of conditions");
  for (const auto& [name, condition] : conditions->get_object()) spec.conditions.push_back({name, {condition}});
  return spec;
}

Result<WindowSpec> ReadPreconditions(const Object& written) {
  WindowSpec spec{.id = Text(written, "id")};
  ASSIGN_OR_RETURN(spec.time, ReadTimeWindow(written));
  spec.reset = Text(written, "resetOnSuccess") != "false";
  const auto list = [&](std::string_view name) {
    const Value* value = written.if_contains(name);
    return value != nullptr && value->is_array() ? value->get_array() : Array();
  };
  const Array flows = list("flows");
  for (std::size_t i = 0; i < flows.size(); ++i) {
    if (flows[i].is_object()) spec.conditions.push_back({"flows[" + std::to_string(i) + "]", UpstreamFlow(flows[i].get_object())});
  }
  for (const Value& where : list("where")) {
    if (!where.is_object()) continue;
    Object filter = where.get_object();
    filter["type"] = std::string(kWhereType);
    spec.conditions.push_back({"where." + Text(where.get_object(), "id"), {std::move(filter)}});
  }
  return spec;
}

Result<bool> MeetWindows(const std::vector<WindowSpec>& specs, const ExecutionId& execution, Timestamp now,
                         const expr::Zone& zone, const Meets& meets, WindowProgress& progress) {
  bool complete = true;
  bool something = false;
  for (const WindowSpec& spec : specs) {
    ASSIGN_OR_RETURN(const Met met, MeetOne(spec, execution, now, zone, meets, progress));
    complete = complete && met.complete;
    something = something || met.something;
  }
  return complete && something;
}

void ResetWindows(const std::vector<WindowSpec>& specs, WindowProgress& progress) {
  for (const WindowSpec& spec : specs) {
    if (!spec.reset) continue;
    std::erase_if(progress.met, [&](const model::MetCondition& met) { return met.window == spec.id; });
  }
}

}  // namespace headrace::scheduler
