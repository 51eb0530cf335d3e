#include "common/expr/date_time.h"

#include <algorithm>
#include <array>
#include <chrono>

namespace headrace::expr {
namespace {

using std::chrono::days;
using std::chrono::seconds;
using std::chrono::sys_days;
using std::chrono::sys_seconds;

struct NamedPattern {
  std::string_view name;
  std::string_view pattern;
};

// In the styles, U+202F stands before AM and PM, as Java's English texts have it since JDK 20.
constexpr std::array<NamedPattern, 25> kPatterns = {{
    {"iso", "yyyy-MM-dd'T'HH:mm:ss.SSSSSSXXX"},
    {"iso_milli", "yyyy-MM-dd'T'HH:mm:ss.SSSXXX"},
    {"iso_sec", "yyyy-MM-dd'T'HH:mm:ssXXX"},
    {"sql", "yyyy-MM-dd HH:mm:ss.SSSSSS"},
    {"sql_milli", "yyyy-MM-dd HH:mm:ss.SSS"},
    {"sql_sec", "yyyy-MM-dd HH:mm:ss"},
    {"iso_date_time", "yyyy-MM-dd'T'HH:mm[:ss\1][XXXXX\3]"},
    {"iso_zoned_date_time", "yyyy-MM-dd'T'HH:mm[:ss\1][XXXXX\3]"},
    {"iso_offset_date_time", "yyyy-MM-dd'T'HH:mm[:ss\1]XXXXX"},
    {"iso_local_date_time", "yyyy-MM-dd'T'HH:mm[:ss\1]"},
    {"iso_instant", "yyyy-MM-dd'T'HH:mm:ss\2'Z'"},
    {"iso_date", "yyyy-MM-dd[XXXXX]"},
    {"iso_offset_date", "yyyy-MM-ddXXXXX"},
    {"iso_local_date", "yyyy-MM-dd"},
    {"basic_iso_date", "yyyyMMdd[XXXX]"},
    {"iso_time", "HH:mm[:ss\1][XXXXX]"},
    {"iso_offset_time", "HH:mm[:ss\1]XXXXX"},
    {"iso_local_time", "HH:mm[:ss\1]"},
    {"iso_ordinal_date", "yyyy-DDD[XXXXX]"},
    {"iso_week_date", "\4[XXXXX]"},
    {"rfc_1123_date_time", "EEE, d MMM yyyy HH:mm:ss \5"},
    {"full", "EEEE, MMMM d, y 'at' h:mm:ss\u202Fa zzzz"},
    {"long", "MMMM d, y 'at' h:mm:ss\u202Fa z"},
    {"medium", "MMM d, y, h:mm:ss\u202Fa"},
    {"short", "M/d/yy, h:mm\u202Fa"},
}};

constexpr std::array<std::string_view, 12> kMonths = {"January", "February", "March",     "April",   "May",      "June",
                                                      "July",    "August",   "September", "October", "November", "December"};
constexpr std::array<std::string_view, 7> kWeekdays = {"Monday", "Tuesday",  "Wednesday", "Thursday",
                                                       "Friday", "Saturday", "Sunday"};

bool IsLetter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

void AddText(std::vector<PatternPart>& parts, std::string_view text) {
  if (parts.empty() || parts.back().letter != 0) parts.emplace_back();
  parts.back().text += text;
}

// From an opening quote to after the closing one. Two quotes in a row are a quote.
Result<std::string> ReadQuoted(std::string_view pattern, std::size_t& at) {
  if (pattern.substr(at, 2) == "''") {
    at += 2;
    return std::string("'");
  }
  std::string text;
  for (++at; at < pattern.size(); ++at) {
    if (pattern[at] != '\'') {
      text += pattern[at];
    } else if (pattern.substr(at, 2) == "''") {
      text += pattern[at++];
    } else {
      ++at;
      return text;
    }
  }
  return InvalidArgument("the date pattern '" + std::string(pattern) + "' has a quote that is not closed");
}

}  // namespace

LocalFields FieldsOf(std::int64_t local_seconds) {
  const sys_seconds point{seconds(local_seconds)};
  const sys_days day = std::chrono::floor<days>(point);
  const std::chrono::year_month_day date(day);
  const auto within = static_cast<int>((point - day).count());
  return {static_cast<int>(date.year()), static_cast<int>(static_cast<unsigned>(date.month())),
          static_cast<int>(static_cast<unsigned>(date.day())), within / 3600, within / 60 % 60, within % 60};
}

std::int64_t LocalSecondsOf(const LocalFields& fields) {
  const int months = fields.year * 12 + fields.month - 1;
  const int year = months >= 0 ? months / 12 : (months - 11) / 12;
  const auto month = static_cast<unsigned>(months - year * 12) + 1;
  const sys_days first = std::chrono::year(year) / std::chrono::month(month) / 1;
  const std::int64_t day = first.time_since_epoch().count() + fields.day - 1;
  return day * 86400 + fields.hour * 3600 + fields.minute * 60 + fields.second;
}

int DaysInMonth(int year, int month) {
  const auto last = std::chrono::year(year) / std::chrono::month(static_cast<unsigned>(month)) / std::chrono::last;
  return static_cast<int>(static_cast<unsigned>(last.day()));
}

int WeekdayOf(std::int64_t local_seconds) {
  const sys_days day = std::chrono::floor<days>(sys_seconds(seconds(local_seconds)));
  return static_cast<int>(std::chrono::weekday(day).iso_encoding());
}

int DayOfYear(const LocalFields& fields) {
  const std::int64_t first = LocalSecondsOf({fields.year, 1, 1, 0, 0, 0});
  return static_cast<int>((LocalSecondsOf(fields) - first) / 86400) + 1;
}

Result<DateTime> CheckRange(DateTime time) {
  if (time.seconds < kSecondsMin || time.seconds > kSecondsMax) {
    return InvalidArgument("the date lies outside of the years 0000 to 9999");
  }
  return time;
}

std::string_view MonthName(int month) { return kMonths[static_cast<std::size_t>(month - 1)]; }
std::string_view WeekdayName(int weekday) { return kWeekdays[static_cast<std::size_t>(weekday - 1)]; }

std::string_view PatternOf(std::string_view format) {
  std::string lower(format);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  const auto* found = std::find_if(kPatterns.begin(), kPatterns.end(),
                                   [&](const NamedPattern& named) { return named.name == lower; });
  return found == kPatterns.end() ? format : found->pattern;
}

Result<std::vector<PatternPart>> SplitPattern(std::string_view pattern) {
  std::vector<PatternPart> parts;
  for (std::size_t at = 0; at < pattern.size();) {
    const char c = pattern[at];
    if (c == '\'') {
      ASSIGN_OR_RETURN(const std::string text, ReadQuoted(pattern, at));
      AddText(parts, text);
    } else if (IsLetter(c) || c == '[' || c == ']' || (c > 0 && c <= 5)) {
      std::size_t end = at;
      while (end < pattern.size() && pattern[end] == c && (IsLetter(c) || end == at)) ++end;
      parts.push_back({c, static_cast<int>(end - at)});
      at = end;
    } else if (c == '{' || c == '}' || c == '#') {
      return InvalidArgument(std::string("the date pattern has the reserved character `") + c + "`");
    } else {
      AddText(parts, pattern.substr(at, 1));
      ++at;
    }
  }
  return parts;
}

}  // namespace headrace::expr
