#include "common/base/time.h"

#include <array>
#include <cctype>
#include <charconv>
#include <cstdio>

namespace headrace {
namespace {

constexpr std::int64_t kSecond = 1'000'000;

tl::unexpected<Error> BadDuration(std::string_view text) {
  return InvalidArgument("'" + std::string(text) + "' is not an ISO-8601 duration such as PT5M or P1DT2H");
}

// Reads digits with an optional fraction, in microseconds of `unit_seconds`.
bool ReadAmount(std::string_view& rest, std::int64_t& whole, std::int64_t& fraction_micros, bool& has_fraction) {
  const char* begin = rest.data();
  const char* end = begin + rest.size();
  const auto [pointer, failure] = std::from_chars(begin, end, whole);
  if (failure != std::errc() || pointer == begin) return false;
  rest.remove_prefix(static_cast<std::size_t>(pointer - begin));
  has_fraction = !rest.empty() && (rest.front() == '.' || rest.front() == ',');
  fraction_micros = 0;
  if (!has_fraction) return true;
  rest.remove_prefix(1);
  std::int64_t scale = kSecond / 10;
  bool any = false;
  while (!rest.empty() && std::isdigit(static_cast<unsigned char>(rest.front()))) {
    fraction_micros += (rest.front() - '0') * scale;
    scale /= 10;
    rest.remove_prefix(1);
    any = true;
  }
  return any;
}

// Seconds in the unit letter, or 0 if the letter is unknown at this place.
std::int64_t UnitSeconds(char letter, bool in_time) {
  switch (std::toupper(static_cast<unsigned char>(letter))) {
    case 'W': return in_time ? 0 : 7 * 86400;
    case 'D': return in_time ? 0 : 86400;
    case 'H': return in_time ? 3600 : 0;
    case 'M': return in_time ? 60 : 0;
    case 'S': return in_time ? 1 : 0;
    default: return 0;
  }
}

bool ReadFixed(std::string_view text, std::size_t at, std::size_t width, int& value) {
  if (at + width > text.size()) return false;
  value = 0;
  for (std::size_t i = at; i < at + width; ++i) {
    if (!std::isdigit(static_cast<unsigned char>(text[i]))) return false;
    value = value * 10 + (text[i] - '0');
  }
  return true;
}

}  // namespace

Result<Duration> ParseDuration(std::string_view text) {
  std::string_view rest = text;
  bool negative = false;
  if (!rest.empty() && (rest.front() == '-' || rest.front() == '+')) {
    negative = rest.front() == '-';
    rest.remove_prefix(1);
  }
  if (rest.size() < 2 || std::toupper(static_cast<unsigned char>(rest.front())) != 'P') return BadDuration(text);
  rest.remove_prefix(1);
  bool in_time = false;
  bool any = false;
  std::int64_t total = 0;
  while (!rest.empty()) {
    if (!in_time && std::toupper(static_cast<unsigned char>(rest.front())) == 'T') {
      in_time = true;
      rest.remove_prefix(1);
      if (rest.empty()) return BadDuration(text);
      continue;
    }
    bool minus = false;
    if (rest.front() == '-' || rest.front() == '+') {
      minus = rest.front() == '-';
      rest.remove_prefix(1);
    }
    std::int64_t whole = 0;
    std::int64_t fraction = 0;
    bool has_fraction = false;
    if (rest.empty() || !std::isdigit(static_cast<unsigned char>(rest.front())) ||
        !ReadAmount(rest, whole, fraction, has_fraction) || rest.empty()) {
      return BadDuration(text);
    }
    const std::int64_t unit = UnitSeconds(rest.front(), in_time);
    if (unit == 0 || (has_fraction && unit != 1)) return BadDuration(text);
    if (whole > INT64_MAX / kSecond / unit / 4) return BadDuration(text);
    const std::int64_t part = whole * unit * kSecond + fraction;
    if (__builtin_add_overflow(total, minus ? -part : part, &total)) return BadDuration(text);
    rest.remove_prefix(1);
    any = true;
  }
  if (!any) return BadDuration(text);
  return Duration(negative ? -total : total);
}

std::string FormatDuration(Duration duration) {
  std::int64_t micros = duration.count();
  if (micros == 0) return "PT0S";
  const bool negative = micros < 0;
  if (negative) micros = -micros;
  const char* sign = negative ? "-" : "";
  const std::int64_t seconds = micros / kSecond;
  std::string text = "PT";
  if (seconds >= 3600) text += sign + std::to_string(seconds / 3600) + "H";
  if (seconds / 60 % 60 != 0) text += sign + std::to_string(seconds / 60 % 60) + "M";
  const std::int64_t rest_seconds = seconds % 60;
  std::int64_t rest_micros = micros % kSecond;
  if (rest_seconds == 0 && rest_micros == 0) return text;
  text += sign + std::to_string(rest_seconds);
  if (rest_micros != 0) {
    std::array<char, 8> digits{};
    std::snprintf(digits.data(), digits.size(), "%06d", static_cast<int>(rest_micros));
    std::string fraction(digits.data());
    while (fraction.back() == '0') fraction.pop_back();
    text += '.' + fraction;
  }
  return text + "S";
}

Result<Timestamp> ParseInstant(std::string_view text) {
  const auto bad = [&] {
    return InvalidArgument("'" + std::string(text) + "' is not an instant such as 2026-11-22T10:00:00Z");
  };
  int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0;
  if (text.size() < 17 || !ReadFixed(text, 0, 4, year) || text[4] != '-' || !ReadFixed(text, 5, 2, month) ||
      text[7] != '-' || !ReadFixed(text, 8, 2, day) || (text[10] != 'T' && text[10] != 't' && text[10] != ' ') ||
      !ReadFixed(text, 11, 2, hour) || text[13] != ':' || !ReadFixed(text, 14, 2, minute)) {
    return bad();
  }
  std::size_t at = 16;
  if (at < text.size() && text[at] == ':') {
    if (!ReadFixed(text, at + 1, 2, second)) return bad();
    at += 3;
  }
  std::int64_t micros = 0;
  if (at < text.size() && text[at] == '.') {
    std::int64_t scale = kSecond / 10;
    for (++at; at < text.size() && std::isdigit(static_cast<unsigned char>(text[at])); ++at, scale /= 10) {
      micros += (text[at] - '0') * scale;
    }
  }
  int offset_minutes = 0;
  if (at >= text.size()) return bad();
  if (text[at] == 'Z' || text[at] == 'z') {
    if (at + 1 != text.size()) return bad();
  } else {
    int offset_hour = 0, offset_minute = 0;
    if ((text[at] != '+' && text[at] != '-') || !ReadFixed(text, at + 1, 2, offset_hour)) return bad();
    const std::size_t minute_at = at + 3 < text.size() && text[at + 3] == ':' ? at + 4 : at + 3;
    if (minute_at < text.size() && (!ReadFixed(text, minute_at, 2, offset_minute) || minute_at + 2 != text.size())) {
      return bad();
    }
    offset_minutes = (offset_hour * 60 + offset_minute) * (text[at] == '-' ? -1 : 1);
  }
  const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day))};
  if (!date.ok() || hour > 23 || minute > 59 || second > 60) return bad();
  return Timestamp(std::chrono::sys_days(date)) + std::chrono::hours(hour) +
         std::chrono::minutes(minute - offset_minutes) + std::chrono::seconds(second) + Duration(micros);
}

std::string FormatInstant(Timestamp timestamp) {
  const auto days = std::chrono::floor<std::chrono::days>(timestamp);
  const std::chrono::year_month_day date(days);
  const std::int64_t micros = (timestamp - days).count();
  const std::int64_t seconds = micros / kSecond;
  std::array<char, 48> text{};
  std::snprintf(text.data(), text.size(), "%04d-%02u-%02uT%02d:%02d:%02d.%06dZ", static_cast<int>(date.year()),
                static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                static_cast<int>(seconds / 3600), static_cast<int>(seconds / 60 % 60), static_cast<int>(seconds % 60),
                static_cast<int>(micros % kSecond));
  return text.data();
}

}  // namespace headrace
