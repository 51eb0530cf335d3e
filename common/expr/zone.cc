#include "common/expr/zone.h"

#include <date/tz.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <system_error>

namespace headrace::expr {
namespace {

const date::time_zone& Region(const void* region) { return *static_cast<const date::time_zone*>(region); }

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// "+2", "+02", "+0200", "+02:00", "+02:00:30".
std::optional<int> ReadOffset(std::string_view text) {
  if (text.size() < 2 || (text.front() != '+' && text.front() != '-')) return std::nullopt;
  const int sign = text.front() == '-' ? -1 : 1;
  text.remove_prefix(1);
  int parts[3] = {0, 0, 0};
  int count = 0;
  while (!text.empty() && count < 3) {
    if (count > 0 && text.front() == ':') text.remove_prefix(1);
    const std::size_t width = text.size() >= 2 && IsDigit(text[1]) ? 2 : 1;
    if (text.empty() || !IsDigit(text.front()) || (count > 0 && width == 1)) return std::nullopt;
    for (std::size_t i = 0; i < width; ++i) parts[count] = parts[count] * 10 + (text[i] - '0');
    text.remove_prefix(width);
    ++count;
  }
  if (!text.empty() || parts[0] > 18 || parts[1] > 59 || parts[2] > 59) return std::nullopt;
  return sign * (parts[0] * 3600 + parts[1] * 60 + parts[2]);
}

std::string OffsetName(int seconds) {
  if (seconds == 0) return "Z";
  const int size = seconds < 0 ? -seconds : seconds;
  const auto two = [](int n) { return std::string(n < 10 ? "0" : "") + std::to_string(n); };
  std::string name = (seconds < 0 ? "-" : "+") + two(size / 3600) + ":" + two(size / 60 % 60);
  if (size % 60 != 0) name += ":" + two(size % 60);
  return name;
}

// The database on disk ends with 2037: a later time is looked up in a year before that has the same days of the week.
std::int64_t SecondsToEarlierYear(std::int64_t seconds) {
  constexpr std::int64_t kFirstOf2037 = 2'114'380'800;
  if (seconds < kFirstOf2037) return 0;
  using std::chrono::January;
  const std::chrono::sys_days day{std::chrono::days(seconds / 86400)};
  const std::chrono::year year = std::chrono::year_month_day(day).year();
  const std::chrono::sys_days first = year / January / 1;
  for (std::chrono::year earlier{2036}; earlier >= std::chrono::year(2009); --earlier) {
    const std::chrono::sys_days other = earlier / January / 1;
    if (earlier.is_leap() == year.is_leap() && std::chrono::weekday(other) == std::chrono::weekday(first)) {
      return std::int64_t{(first - other).count()} * 86400;
    }
  }
  return 0;
}

}  // namespace

Zone Zone::Fixed(int offset_seconds) {
  Zone zone;
  zone.offset_seconds_ = offset_seconds;
  zone.name_ = OffsetName(offset_seconds);
  return zone;
}

Result<Zone> Zone::Find(std::string_view name) {
  if (name == "Z") return Fixed(0);
  if (const auto offset = ReadOffset(name)) return Fixed(*offset);
  for (const std::string_view prefix : {"UTC", "GMT", "UT"}) {
    if (!name.starts_with(prefix)) continue;
    if (name == prefix) {
      Zone zone;
      zone.name_ = name;
      return zone;
    }
    if (const auto offset = ReadOffset(name.substr(prefix.size()))) {
      Zone zone = Fixed(*offset);
      zone.name_ = std::string(prefix) + zone.name_;
      return zone;
    }
  }
  try {
    Zone zone;
    zone.region_ = date::locate_zone(std::string(name));
    zone.name_ = name;
    return zone;
  } catch (const std::exception&) {
    return InvalidArgument("there is no time zone '" + std::string(name) + "'; write one such as Europe/Paris or +02:00");
  }
}

ZoneOffset Zone::At(std::int64_t epoch_seconds) const {
  if (region_ == nullptr) return {offset_seconds_, offset_seconds_ == 0 && name_ != "Z" ? name_ : OffsetName(offset_seconds_), false};
  const date::sys_info info = Region(region_).get_info(date::sys_seconds(std::chrono::seconds(epoch_seconds - SecondsToEarlierYear(epoch_seconds))));
  return {static_cast<int>(info.offset.count()), info.abbrev, info.save != std::chrono::minutes(0)};
}

std::int64_t Zone::FromLocal(std::int64_t local_seconds) const {
  if (region_ == nullptr) return local_seconds - offset_seconds_;
  // In a gap and in an overlap alike, the offset before the change is the one to use.
  const auto info = Region(region_).get_info(date::local_seconds(std::chrono::seconds(local_seconds - SecondsToEarlierYear(local_seconds))));
  return local_seconds - info.first.offset.count();
}

std::string MachineZoneName() {
  const char* variable = std::getenv("TZ");
  std::string name = variable == nullptr ? "" : variable;
  if (name.starts_with(":")) name.erase(0, 1);
  if (!name.empty() && Zone::Find(name)) return name;
  std::error_code failure;
  const std::string target = std::filesystem::canonical("/etc/localtime", failure).string();
  constexpr std::string_view kFolder = "/zoneinfo/";
  const std::size_t at = target.find(kFolder);
  if (!failure && at != std::string::npos && Zone::Find(target.substr(at + kFolder.size()))) {
    return target.substr(at + kFolder.size());
  }
  return "UTC";
}

}  // namespace headrace::expr
