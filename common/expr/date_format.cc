#include <algorithm>
#include <array>

#include "common/expr/date_time.h"

namespace headrace::expr {
namespace {

std::string Padded(std::int64_t number, int width) {
  std::string text = std::to_string(number);
  if (static_cast<int>(text.size()) < width) text.insert(0, static_cast<std::size_t>(width) - text.size(), '0');
  return text;
}

struct OffsetStyle {
  bool colon = false;
  bool zero_is_z = false;
  bool minutes_may_drop = false;
  bool seconds_may_show = false;
};

std::string OffsetText(int offset, OffsetStyle style) {
  if (offset == 0 && style.zero_is_z) return "Z";
  const int size = std::abs(offset);
  std::string text = (offset < 0 ? "-" : "+") + Padded(size / 3600, 2);
  const std::string_view colon = style.colon ? ":" : "";
  if (!style.minutes_may_drop || size / 60 % 60 != 0) text.append(colon).append(Padded(size / 60 % 60, 2));
  if (style.seconds_may_show && size % 60 != 0) text.append(colon).append(Padded(size % 60, 2));
  return text;
}

std::string ZoneLongName(const std::string& abbreviation, const Zone& zone) {
  struct Named { std::string_view abbreviation; std::string_view name; };
  static constexpr std::array<Named, 14> kNames = {{
      {"UTC", "Coordinated Universal Time"}, {"GMT", "Greenwich Mean Time"}, {"BST", "British Summer Time"},
      {"CET", "Central European Standard Time"}, {"CEST", "Central European Summer Time"},
      {"EET", "Eastern European Standard Time"}, {"EEST", "Eastern European Summer Time"},
      {"EST", "Eastern Standard Time"}, {"EDT", "Eastern Daylight Time"}, {"CST", "Central Standard Time"},
      {"CDT", "Central Daylight Time"}, {"PST", "Pacific Standard Time"}, {"PDT", "Pacific Daylight Time"},
      {"JST", "Japan Standard Time"},
  }};
  const auto* found = std::find_if(kNames.begin(), kNames.end(),
                                   [&](const Named& named) { return named.abbreviation == abbreviation; });
  return found == kNames.end() ? zone.name() : std::string(found->name);
}

class Formatter {
 public:
  explicit Formatter(const DateTime& time)
      : time_(time), offset_(time.zone.At(time.seconds)), local_(time.seconds + offset_.seconds),
        fields_(FieldsOf(local_)) {}

  Result<std::string> Run(std::string_view pattern) {
    ASSIGN_OR_RETURN(const std::vector<PatternPart> parts, SplitPattern(pattern));
    for (const PatternPart& part : parts) {
      if (part.letter == 0) out_ += part.text;
      else RETURN_IF_ERROR(Append(part));
    }
    return std::move(out_);
  }

 private:
  tl::unexpected<Error> Unknown(const PatternPart& part) const {
    return InvalidArgument("the date pattern has `" + std::string(static_cast<std::size_t>(part.count), part.letter) +
                           "`, which is not supported");
  }

  Status Append(const PatternPart& part) {
    if (part.count > 19) return Unknown(part);
    switch (part.letter) {
      case 'G': case 'E': case 'a': case 'e': case 'c': case 'M': case 'L': case 'Q': case 'q': return AppendName(part);
      case 'V': case 'z': case 'O': case 'X': case 'x': case 'Z': return AppendZone(part);
      case '[': case ']': return {};
      case '\1': case '\2': case '\3': case '\4': case '\5': return AppendSpecial(part);
      default: return AppendNumber(part);
    }
  }

  Status AppendNumber(const PatternPart& part) {
    const int hour12 = fields_.hour % 12 == 0 ? 12 : fields_.hour % 12;
    const std::int64_t of_day = fields_.hour * 3600 + fields_.minute * 60 + fields_.second;
    std::int64_t number = 0;
    switch (part.letter) {
      case 'y': case 'u': return AppendYear(fields_.year, part.count);
      case 'Y': return AppendYear(UsWeek().first, part.count);
      case 'w': number = UsWeek().second; break;
      case 'W': number = (fields_.day + (WeekdayOf(local_ - (fields_.day - 1) * 86400) % 7) - 1) / 7 + 1; break;
      case 'd': number = fields_.day; break;
      case 'D': number = DayOfYear(fields_); break;
      case 'F': number = (fields_.day - 1) % 7 + 1; break;
      case 'H': number = fields_.hour; break;
      case 'k': number = fields_.hour == 0 ? 24 : fields_.hour; break;
      case 'K': number = fields_.hour % 12; break;
      case 'h': number = hour12; break;
      case 'm': number = fields_.minute; break;
      case 's': number = fields_.second; break;
      case 'n': number = time_.nanos; break;
      case 'A': number = of_day * 1000 + time_.nanos / 1'000'000; break;
      case 'N': number = of_day * 1'000'000'000 + time_.nanos; break;
      case 'S': {
        std::string digits = Padded(time_.nanos, 9);
        digits.resize(static_cast<std::size_t>(part.count), '0');
        out_ += digits;
        return {};
      }
      default: return Unknown(part);
    }
    out_ += Padded(number, part.count);
    return {};
  }

  Status AppendYear(int year, int count) {
    out_ += count == 2 ? Padded(year % 100, 2) : Padded(year, count);
    return {};
  }

  // Of weeks that begin on Sunday; the one with January 1st is the first.
  std::pair<int, int> UsWeek() const {
    const auto week_of = [](const LocalFields& fields) {
      const std::int64_t first = LocalSecondsOf({fields.year, 1, 1, 0, 0, 0});
      return (DayOfYear(fields) - 1 + WeekdayOf(first) % 7) / 7 + 1;
    };
    const int week = week_of(fields_);
    const int next_first = WeekdayOf(LocalSecondsOf({fields_.year + 1, 1, 1, 0, 0, 0})) % 7;
    const int left = (LocalSecondsOf({fields_.year, 12, 31, 0, 0, 0}) - LocalSecondsOf({fields_.year, fields_.month, fields_.day, 0, 0, 0})) / 86400;
    if (left < next_first) return {fields_.year + 1, 1};
    return {fields_.year, week};
  }

  void AppendWord(std::string_view word, int count) {
    if (count == 4) out_ += word;
    else out_ += word.substr(0, count == 5 ? 1 : 3);
  }

  Status AppendName(const PatternPart& part) {
    if (part.count > 5) return Unknown(part);
    const int weekday = WeekdayOf(local_);
    switch (part.letter) {
      case 'G': out_ += part.count == 4 ? "Anno Domini" : (part.count == 5 ? "A" : "AD"); return {};
      case 'a': out_ += fields_.hour < 12 ? "AM" : "PM"; return {};
      case 'E': AppendWord(WeekdayName(weekday), part.count); return {};
      case 'e': case 'c':
        if (part.count <= 2) out_ += Padded(weekday % 7 + 1, part.count);
        else AppendWord(WeekdayName(weekday), part.count);
        return {};
      case 'M': case 'L':
        if (part.count <= 2) out_ += Padded(fields_.month, part.count);
        else AppendWord(MonthName(fields_.month), part.count);
        return {};
      default: break;
    }
    static constexpr std::array<std::string_view, 4> kQuarters = {"1st quarter", "2nd quarter", "3rd quarter",
                                                                  "4th quarter"};
    const int quarter = (fields_.month - 1) / 3;
    if (part.count == 4) out_ += kQuarters[static_cast<std::size_t>(quarter)];
    else out_ += (part.count == 3 ? "Q" : "") + Padded(quarter + 1, part.count == 2 ? 2 : 1);
    return {};
  }

  Status AppendZone(const PatternPart& part) {
    const int count = part.count;
    if (count > 5) return Unknown(part);
    switch (part.letter) {
      case 'V': out_ += time_.zone.name(); return {};
      case 'z': out_ += count == 4 ? ZoneLongName(offset_.abbreviation, time_.zone) : offset_.abbreviation; return {};
      case 'O': AppendGmt(count == 4); return {};
      case 'Z':
        if (count == 4) AppendGmt(true);
        else out_ += OffsetText(offset_.seconds, {.colon = count == 5, .zero_is_z = count == 5, .seconds_may_show = count == 5});
        return {};
      default: break;
    }
    out_ += OffsetText(offset_.seconds, {.colon = count == 3 || count == 5,
                                         .zero_is_z = part.letter == 'X',
                                         .minutes_may_drop = count == 1,
                                         .seconds_may_show = count >= 4});
    return {};
  }

  void AppendGmt(bool full) {
    out_ += "GMT";
    if (offset_.seconds == 0) return;
    if (full) {
      out_ += OffsetText(offset_.seconds, {.colon = true, .seconds_may_show = true});
      return;
    }
    const int size = std::abs(offset_.seconds);
    out_ += (offset_.seconds < 0 ? "-" : "+") + std::to_string(size / 3600);
    if (size / 60 % 60 != 0) out_ += ":" + Padded(size / 60 % 60, 2);
  }

  Status AppendSpecial(const PatternPart& part) {
    switch (part.letter) {
      case '\3':
        if (time_.zone.is_region() || time_.zone.name() == "UTC") out_ += "[" + time_.zone.name() + "]";
        return {};
      case '\4': AppendIsoWeekDate(); return {};
      case '\5': out_ += offset_.seconds == 0 ? "GMT" : OffsetText(offset_.seconds, {}); return {};
      default: break;
    }
    if (time_.nanos == 0) return {};
    std::string digits = Padded(time_.nanos, 9);
    while (digits.back() == '0') digits.pop_back();
    if (part.letter == '\2') digits.resize((digits.size() + 2) / 3 * 3, '0');
    out_ += "." + digits;
    return {};
  }

  // The week that holds a day belongs to the year of its Thursday.
  void AppendIsoWeekDate() {
    const int weekday = WeekdayOf(local_);
    const LocalFields thursday = FieldsOf(local_ + (4 - weekday) * 86400);
    out_ += Padded(thursday.year, 4) + "-W" + Padded((DayOfYear(thursday) - 1) / 7 + 1, 2) + "-" +
            std::to_string(weekday);
  }

  const DateTime& time_;
  ZoneOffset offset_;
  std::int64_t local_;
  LocalFields fields_;
  std::string out_;
};

}  // namespace

Result<std::string> FormatDate(const DateTime& time, std::string_view format) {
  const std::string_view pattern = PatternOf(format);
  if (pattern == PatternOf("iso_instant")) {
    DateTime utc = time;
    utc.zone = Zone::Utc();
    return Formatter(utc).Run(pattern);
  }
  return Formatter(time).Run(pattern);
}

}  // namespace headrace::expr
