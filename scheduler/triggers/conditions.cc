#include "scheduler/triggers/conditions.h"

#include <algorithm>
#include <array>
#include <string>

#include "common/base/text.h"
#include "common/expr/date_time.h"
#include "common/expr/template.h"
#include "common/model/conditions.h"
#include "scheduler/triggers/where.h"
#include "scheduler/triggers/windows.h"

namespace headrace::scheduler {
namespace {

constexpr std::int64_t kDaySeconds = 24 * 60 * 60;

// A date as a wall clock of its zone shows it.
struct Day {
  expr::DateTime at;
  std::int64_t local() const { return at.seconds + at.zone.At(at.seconds).seconds; }
};

Result<std::string> TextOf(const Object& condition, std::string_view name, const ConditionSubject& subject) {
  const Value* value = condition.if_contains(name);
  if (value == nullptr || value->is_null()) return std::string();
  if (!value->is_string()) return ToText(*value);
  ASSIGN_OR_RETURN(const auto text, expr::CompileCached(value->get_string()));
  return text->RenderText(subject.context, subject.environment);
}

Result<Day> DateOf(const Object& condition, const ConditionSubject& subject) {
  const Value* written = condition.if_contains("date");
  if (written == nullptr || written->is_null()) {
    const std::int64_t micros = ToMicros(subject.date);
    return Day{{micros / 1'000'000, static_cast<int>(micros % 1'000'000) * 1000, subject.zone}};
  }
  ASSIGN_OR_RETURN(const std::string text, TextOf(condition, "date", subject));
  ASSIGN_OR_RETURN(const expr::DateTime at, expr::ParseIsoDate(Trim(text), subject.zone));
  return Day{at};
}

Result<bool> DateTimeBetween(const Object& condition, const ConditionSubject& subject) {
  ASSIGN_OR_RETURN(const Day date, DateOf(condition, subject));
  const auto instant = [](const expr::DateTime& at) { return std::pair(at.seconds, at.nanos); };
  for (const bool after : {true, false}) {
    ASSIGN_OR_RETURN(const std::string text, TextOf(condition, after ? "after" : "before", subject));
    if (text.empty()) continue;
    ASSIGN_OR_RETURN(const expr::DateTime bound, expr::ParseIsoDate(Trim(text), subject.zone));
    if (after ? instant(date.at) <= instant(bound) : instant(date.at) >= instant(bound)) return false;
  }
  return true;
}

// "16:19:12-06:00" or "16:19": seconds of a day in UTC, which may lie outside of it.
Result<std::int64_t> TimeOf(std::string_view text, const Day& date) {
  const std::string given(Trim(text));
  const bool has_offset = given.find_first_of("+-Zz") != std::string::npos;
  const expr::Zone zone = expr::Zone::Fixed(date.at.zone.At(date.at.seconds).seconds);
  auto at = expr::ParseIsoDate("1970-01-02T" + given, has_offset ? expr::Zone::Utc() : zone);
  if (!at) return InvalidArgument("'" + given + "' is no time such as 09:30:00+01:00");
  return at->seconds - kDaySeconds;
}

Result<bool> TimeBetween(const Object& condition, const ConditionSubject& subject) {
  ASSIGN_OR_RETURN(const Day date, DateOf(condition, subject));
  const std::int64_t of_day = ((date.local() % kDaySeconds) + kDaySeconds) % kDaySeconds;
  const std::int64_t time = of_day - date.at.zone.At(date.at.seconds).seconds;
  for (const bool after : {true, false}) {
    ASSIGN_OR_RETURN(const std::string text, TextOf(condition, after ? "after" : "before", subject));
    if (text.empty()) continue;
    ASSIGN_OR_RETURN(const std::int64_t bound, TimeOf(text, date));
    if (after ? time <= bound : time >= bound) return false;
  }
  return true;
}

Result<int> WeekdayIn(const Object& condition, const ConditionSubject& subject) {
  ASSIGN_OR_RETURN(const std::string text, TextOf(condition, "dayOfWeek", subject));
  static constexpr std::array<std::string_view, 7> kDays{"MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY",
                                                         "FRIDAY", "SATURDAY", "SUNDAY"};
  const auto* const day = std::find(kDays.begin(), kDays.end(), Trim(text));
  if (day == kDays.end()) return InvalidArgument("dayOfWeek: '" + text + "' is no day such as MONDAY");
  return static_cast<int>(day - kDays.begin()) + 1;
}

Result<bool> DayWeek(const Object& condition, const ConditionSubject& subject) {
  ASSIGN_OR_RETURN(const Day date, DateOf(condition, subject));
  ASSIGN_OR_RETURN(const int wanted, WeekdayIn(condition, subject));
  return expr::WeekdayOf(date.local()) == wanted;
}

Result<bool> DayWeekInMonth(const Object& condition, const ConditionSubject& subject) {
  ASSIGN_OR_RETURN(const Day date, DateOf(condition, subject));
  ASSIGN_OR_RETURN(const int wanted, WeekdayIn(condition, subject));
  ASSIGN_OR_RETURN(const std::string place, TextOf(condition, "dayInMonth", subject));
  if (expr::WeekdayOf(date.local()) != wanted) return false;
  const expr::LocalFields fields = expr::FieldsOf(date.local());
  if (place == "LAST") return fields.day + 7 > expr::DaysInMonth(fields.year, fields.month);
  static constexpr std::array<std::string_view, 4> kPlaces{"FIRST", "SECOND", "THIRD", "FOURTH"};
  const auto* const found = std::find(kPlaces.begin(), kPlaces.end(), place);
  if (found == kPlaces.end()) return InvalidArgument("dayInMonth is one of FIRST, SECOND, THIRD, FOURTH and LAST, not " + place);
  return (fields.day - 1) / 7 == found - kPlaces.begin();
}

Result<bool> Weekend(const Object& condition, const ConditionSubject& subject) {
  ASSIGN_OR_RETURN(const Day date, DateOf(condition, subject));
  return expr::WeekdayOf(date.local()) >= 6;
}

Result<bool> PublicHoliday(const Object&, const ConditionSubject&) {
  return Fail(Code::kUnimplemented, "headrace has no calendar of public holidays: name the dates with DateTimeBetween or Expression");
}

Result<bool> HoldsOne(const Value& condition, const ConditionSubject& subject);

// None of its conditions holds.
Result<bool> Not(const Object& condition, const ConditionSubject& subject) {
  const Value* inner = condition.if_contains("conditions");
  if (inner == nullptr || !inner->is_array()) return true;
  for (const Value& one : inner->get_array()) {
    ASSIGN_OR_RETURN(const bool holds, HoldsOne(one, subject));
    if (holds) return false;
  }
  return true;
}

Result<bool> Or(const Object& condition, const ConditionSubject& subject) {
  ASSIGN_OR_RETURN(const bool none, Not(condition, subject));
  return !none;
}

Result<bool> Expression(const Object& condition, const ConditionSubject& subject) {
  ASSIGN_OR_RETURN(const std::string text, TextOf(condition, "expression", subject));
  return IsTruthy(text);
}

Result<bool> Where(const Object& condition, const ConditionSubject& subject) {
  if (subject.execution == nullptr) return InvalidArgument("preconditions are for flow triggers");
  return WhereHolds(condition, subject);
}

struct Known {
  std::string_view name;
  Result<bool> (*holds)(const Object& condition, const ConditionSubject& subject);
};
constexpr std::array kKnown{
    Known{"DateTimeBetween", DateTimeBetween}, Known{"DayWeek", DayWeek}, Known{"DayWeekInMonth", DayWeekInMonth},
    Known{"ExecutionOutputs", Expression}, Known{"Expression", Expression}, Known{"Not", Not}, Known{"Or", Or},
    Known{"PublicHoliday", PublicHoliday}, Known{"TimeBetween", TimeBetween}, Known{"Variable", Expression},
    Known{"Weekend", Weekend}, Known{"Where", Where},
};

Result<bool> HoldsOne(const Value& condition, const ConditionSubject& subject) {
  if (!condition.is_object()) return InvalidArgument("a condition is a map with a `type`");
  const Object& written = condition.get_object();
  const Value* type = written.if_contains("type");
  const std::string full = type == nullptr ? std::string() : ToText(*type);
  std::string_view name = std::string_view(full).substr(full.rfind('.') + 1);
  constexpr std::string_view kSuffix = "Condition";
  if (name.ends_with(kSuffix) && name != kSuffix) name.remove_suffix(kSuffix.size());
  const auto* const known = std::find_if(kKnown.begin(), kKnown.end(), [&](const Known& k) { return k.name == name; });
  if (known != kKnown.end()) return known->holds(written, subject);
  static const model::Execution kNone;
  const bool of_flow = name == "Flow" || name == "FlowNamespace";
  if (subject.execution == nullptr && !of_flow) {
    return InvalidArgument("a condition of type " + full + " speaks of an execution, and there is none here");
  }
  ASSIGN_OR_RETURN(const Value rendered, expr::RenderDeep(condition, subject.context, subject.environment, true));
  return model::ConditionsHold({rendered}, subject.flow, subject.execution == nullptr ? kNone : *subject.execution);
}

}  // namespace

Result<bool> Hold(const Array& conditions, const ConditionSubject& subject) {
  for (const Value& condition : conditions) {
    ASSIGN_OR_RETURN(const bool holds, HoldsOne(condition, subject));
    if (!holds) return false;
  }
  return true;
}

}  // namespace headrace::scheduler
