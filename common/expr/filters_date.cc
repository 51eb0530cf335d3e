#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "common/expr/builtin.h"
#include "common/expr/date_time.h"
#include "common/expr/operators.h"
#include "common/expr/utf8.h"

namespace headrace::expr {
namespace {

constexpr std::int64_t kGiga = 1'000'000'000;

DateTime FromUnits(std::int64_t amount, std::int64_t per_second, const Zone& zone) {
  std::int64_t seconds = amount / per_second;
  std::int64_t rest = amount % per_second;
  if (rest < 0) {
    rest += per_second;
    --seconds;
  }
  return {seconds, static_cast<int>(rest * (kGiga / per_second)), zone};
}

// The unit is told by the number of digits: seconds, milliseconds (13), microseconds (16), nanoseconds (19).
DateTime FromEpoch(std::int64_t number, const Zone& zone) {
  std::size_t digits = std::to_string(number).size();
  if (number < 0) --digits;
  return FromUnits(number, digits == 13 ? 1000 : digits == 16 ? 1'000'000 : digits == 19 ? kGiga : 1, zone);
}

Result<Zone> ZoneOf(const Invocation& call, std::size_t argument) {
  return Zone::Find(call.Text(argument, call.session.environment().time_zone()));
}

Result<DateTime> InputDate(const Invocation& call, const Zone& zone, const std::string& existing_format) {
  const Value& input = call.input;
  if (input.is_int64()) return CheckRange(FromEpoch(input.get_int64(), zone));
  if (input.is_double() && std::abs(input.get_double()) < 1e18) {
    return CheckRange(FromEpoch(static_cast<std::int64_t>(input.get_double()), zone));
  }
  const json::string* text = input.if_string();
  if (text == nullptr) return Refuse(call, "needs a date, not a " + std::string(KindName(input)));
  const bool digits = std::all_of(text->begin(), text->end(), [](char c) { return c >= '0' && c <= '9'; });
  const std::size_t size = text->size();
  if (existing_format.empty() && digits && (size == 10 || size == 13 || size == 16 || size == 19)) {
    std::int64_t number = 0;
    std::from_chars(text->data(), text->data() + size, number);
    return CheckRange(FromEpoch(number, zone));
  }
  return existing_format.empty() ? ParseIsoDate(*text, zone) : ParseDate(*text, existing_format, zone);
}

// Null for English.
Result<const DateNames*> NamesOf(const Invocation& call, std::size_t argument) {
  const std::string locale = call.Text(argument, "en");
  if (Lower(locale).starts_with("en")) return nullptr;
  if (const DateNames* names = FindDateNames(locale)) return names;
  return Refuse(call, "the locale '" + locale + "' is not supported; dates are written in en, fr, de, es, it, pt or nl");
}

// Runs a date filter and puts its name before its errors.
Result<Value> Named(const Invocation& call, Result<Value> result) {
  if (result || result.error().message.starts_with("`")) return result;
  return Refuse(call, result.error().message);
}

Result<Value> Formatted(const DateTime& time, const std::string& format, const DateNames* names) {
  ASSIGN_OR_RETURN(std::string text, FormatDate(time, format, names));
  return Value(std::move(text));
}

Result<Value> FormatInput(const Invocation& call) {
  ASSIGN_OR_RETURN(const DateNames* names, NamesOf(call, 3));
  ASSIGN_OR_RETURN(const Zone zone, ZoneOf(call, 1));
  ASSIGN_OR_RETURN(const DateTime time, InputDate(call, zone, call.Text(2)));
  return Formatted(time, call.Text(0, "iso"), names);
}
Result<Value> DateFilter(const Invocation& call) {
  if (call.input.is_null()) return Value(nullptr);
  return Named(call, FormatInput(call));
}

struct Unit {
  std::string_view name;
  std::int64_t nanos;  // 0: by the calendar
  int days;
  int months;
};
constexpr std::array<Unit, 14> kUnits = {{
    {"NANOS", 1, 0, 0}, {"MICROS", 1000, 0, 0}, {"MILLIS", 1'000'000, 0, 0}, {"SECONDS", kGiga, 0, 0},
    {"MINUTES", 60 * kGiga, 0, 0}, {"HOURS", 3600 * kGiga, 0, 0}, {"HALF_DAYS", 43200 * kGiga, 0, 0},
    {"DAYS", 0, 1, 0}, {"WEEKS", 0, 7, 0}, {"MONTHS", 0, 0, 1}, {"YEARS", 0, 0, 12}, {"DECADES", 0, 0, 120},
    {"CENTURIES", 0, 0, 1200}, {"MILLENNIA", 0, 0, 12000},
}};

// Days and months move the wall clock's date and keep its time of day; smaller units move the instant.
Result<DateTime> Add(const Invocation& call, DateTime time, std::int64_t amount, const std::string& unit_name) {
  const std::string upper = Upper(unit_name);
  const auto* unit = std::find_if(kUnits.begin(), kUnits.end(), [&](const Unit& u) { return u.name == upper; });
  if (unit == kUnits.end()) {
    return Refuse(call, "'" + unit_name + "' is no unit; write one such as DAYS, HOURS or MONTHS");
  }
  if (unit->nanos != 0) {
    std::int64_t seconds = 0;
    if (unit->nanos >= kGiga) {
      if (__builtin_mul_overflow(amount, unit->nanos / kGiga, &seconds)) return Refuse(call, "the amount is too large");
    } else {
      const DateTime step = FromUnits(amount, kGiga / unit->nanos, time.zone);
      seconds = step.seconds + (time.nanos + step.nanos) / kGiga;
      time.nanos = static_cast<int>((time.nanos + step.nanos) % kGiga);
    }
    if (seconds > 2 * kSecondsMax || seconds < -2 * kSecondsMax) return Refuse(call, "the amount is too large");
    time.seconds += seconds;
    return CheckRange(time);
  }
  if (amount > 4'000'000 || amount < -4'000'000) return Refuse(call, "the amount is too large");
  LocalFields fields = FieldsOf(time.seconds + time.zone.At(time.seconds).seconds);
  const std::int64_t months = fields.year * 12 + fields.month - 1 + amount * unit->months;
  if (months < 0 || months >= 10'000 * 12) return Refuse(call, "the date lies outside of the years 0000 to 9999");
  fields.year = static_cast<int>(months / 12);
  fields.month = static_cast<int>(months % 12) + 1;
  fields.day = std::min(fields.day, DaysInMonth(fields.year, fields.month));
  const std::int64_t local = LocalSecondsOf(fields) + amount * unit->days * 86400;
  time.seconds = time.zone.FromLocal(local);
  return CheckRange(time);
}

Result<Value> AddToInput(const Invocation& call) {
  ASSIGN_OR_RETURN(const DateNames* names, NamesOf(call, 5));
  ASSIGN_OR_RETURN(const std::int64_t amount, call.Integer(0, 0));
  ASSIGN_OR_RETURN(const Zone zone, ZoneOf(call, 3));
  ASSIGN_OR_RETURN(DateTime time, InputDate(call, zone, call.Text(4)));
  ASSIGN_OR_RETURN(time, Add(call, time, amount, call.Text(1)));
  return Formatted(time, call.Text(2, "iso"), names);
}
Result<Value> DateAddFilter(const Invocation& call) {
  if (call.input.is_null()) return Value(nullptr);
  return Named(call, AddToInput(call));
}

Result<Value> TimestampOf(const Invocation& call, std::int64_t per_second) {
  ASSIGN_OR_RETURN(const Zone zone, ZoneOf(call, 0));
  ASSIGN_OR_RETURN(const DateTime time, InputDate(call, zone, call.Text(1)));
  std::int64_t units = 0;
  if (__builtin_mul_overflow(time.seconds, per_second, &units) ||
      __builtin_add_overflow(units, time.nanos / (kGiga / per_second), &units)) {
    return Refuse(call, "the date does not fit 64 bits of that unit");
  }
  return Value(units);
}
Result<Value> Timestamp(const Invocation& call, std::int64_t per_second, bool as_text) {
  if (call.input.is_null()) return Value(nullptr);
  ASSIGN_OR_RETURN(Value units, Named(call, TimestampOf(call, per_second)));
  call.SetResultType(as_text ? JavaType::kUnknown : JavaType::kLong);
  return as_text ? Value(ToText(units)) : units;
}
Result<Value> TimestampFilter(const Invocation& call) { return Timestamp(call, 1, false); }
Result<Value> TimestampMilliFilter(const Invocation& call) { return Timestamp(call, 1000, false); }
Result<Value> TimestampMicroFilter(const Invocation& call) { return Timestamp(call, 1'000'000, true); }
Result<Value> TimestampNanoFilter(const Invocation& call) { return Timestamp(call, kGiga, true); }

Result<Value> FormatNow(const Invocation& call) {
  ASSIGN_OR_RETURN(const DateNames* names, NamesOf(call, 3));
  ASSIGN_OR_RETURN(const Zone zone, ZoneOf(call, 1));
  return Formatted(FromUnits(ToMicros(call.session.environment().Now()), 1'000'000, zone), call.Text(0, "iso"), names);
}
Result<Value> NowFunction(const Invocation& call) { return Named(call, FormatNow(call)); }

constexpr Builtin kFilters[] = {
    {"date", DateFilter, {"format", "timeZone", "existingFormat", "locale"}},
    {"dateAdd", DateAddFilter, {"amount", "unit", "format", "timeZone", "existingFormat", "locale"}, 2},
    {"timestamp", TimestampFilter, {"timeZone", "existingFormat"}},
    {"timestampMicro", TimestampMicroFilter, {"timeZone", "existingFormat"}},
    {"timestampMilli", TimestampMilliFilter, {"timeZone", "existingFormat"}},
    {"timestampNano", TimestampNanoFilter, {"timeZone", "existingFormat"}},
};

constexpr Builtin kFunctions[] = {
    {"now", NowFunction, {"format", "timeZone", "existingFormat", "locale"}},
};

}  // namespace

std::span<const Builtin> DateFilters() { return kFilters; }
std::span<const Builtin> DateFunctions() { return kFunctions; }

}  // namespace headrace::expr
