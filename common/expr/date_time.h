// An instant seen in a zone, and its text by Java's patterns.
// Units: seconds since the epoch and nanoseconds; years 0000 to 9999.
// Errors: INVALID_ARGUMENT naming the text or the pattern letter.
// Threads: pure. Source: java.time.format.DateTimeFormatter, English texts, US weeks.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/error.h"
#include "common/expr/date_names.h"
#include "common/expr/zone.h"

namespace headrace::expr {

struct DateTime {
  std::int64_t seconds = 0;
  int nanos = 0;
  Zone zone = Zone::Utc();
};

// What a wall clock and a calendar show.
struct LocalFields {
  int year = 1970;
  int month = 1;
  int day = 1;
  int hour = 0;
  int minute = 0;
  int second = 0;
};

inline constexpr std::int64_t kSecondsMin = -62'167'219'200;
inline constexpr std::int64_t kSecondsMax = 253'402'300'799;

LocalFields FieldsOf(std::int64_t local_seconds);
// Local seconds; month and day may lie outside of their range and carry over.
std::int64_t LocalSecondsOf(const LocalFields& fields);
int DaysInMonth(int year, int month);
// Monday is 1.
int WeekdayOf(std::int64_t local_seconds);
int DayOfYear(const LocalFields& fields);
// Error: outside of years 0000 to 9999.
Result<DateTime> CheckRange(DateTime time);

// `format` is a name (iso, sql_sec, rfc_1123_date_time …), a style (full, long, medium, short) or a pattern.
// `names` are those of another language than English; texts they lack are an error then.
Result<std::string> FormatDate(const DateTime& time, std::string_view format, const DateNames* names = nullptr);
// ISO-8601 with what it holds of time, offset and [zone]; without an offset the text is local to `zone`. The result
// is seen in `zone`.
Result<DateTime> ParseIsoDate(std::string_view text, const Zone& zone);
// By name or pattern; fields that the pattern lacks are the first of the year, or midnight.
Result<DateTime> ParseDate(std::string_view text, std::string_view format, const Zone& zone);

// The pattern behind a name; the pattern itself when it is none. In it, \1 is a fraction of as many digits as needed,
// \2 such a fraction in threes, and \3 the [zone] of a region.
std::string_view PatternOf(std::string_view format);
// English names, used both ways.
std::string_view MonthName(int month);
std::string_view WeekdayName(int weekday);

// A piece of a pattern: a letter with its count, or literal text (letter 0).
struct PatternPart {
  char letter = 0;
  int count = 0;
  std::string text{};
};
// '[' and ']' are parts of their own.
Result<std::vector<PatternPart>> SplitPattern(std::string_view pattern);

}  // namespace headrace::expr
