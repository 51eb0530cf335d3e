#include <algorithm>
#include <array>
#include <optional>

#include "common/expr/date_time.h"
#include "common/expr/zone_names.h"

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

// As Java without a name for it: GMT-03:00.
std::string GmtText(int offset) { return offset == 0 ? "GMT" : "GMT" + OffsetText(offset, {.colon = true, .seconds_may_show = true}); }

std::string ZoneLongName(const ZoneOffset& offset, const Zone& zone) {
  const std::optional<ZoneNames> names = FindZoneNames(zone.name());
  if (!names) return zone.name();
  return std::string(offset.daylight && !names->daylight.empty() ? names->daylight : names->standard);
}

// The name that does not say whether it is summer.
std::string ZoneGenericName(const ZoneOffset& offset, const Zone& zone, bool full) {
  const std::optional<ZoneNames> names = FindZoneNames(zone.name());
  if (names) return std::string(full ? names->generic : names->generic_short);
  return zone.is_region() ? GmtText(offset.seconds) : zone.name();
}

// tz has offsets instead of letters for some zones.
std::string ZoneShortName(const ZoneOffset& offset, const Zone& zone) {
  const bool digits = offset.abbreviation.starts_with('+') || offset.abbreviation.starts_with('-');
  return zone.is_region() && digits ? GmtText(offset.seconds) : offset.abbreviation;
}

// The part of the day, of which 12:00 and 0:00 are their own.
std::string_view DayPeriod(const LocalFields& fields, bool narrow) {
  if (fields.minute == 0 && fields.hour == 0) return narrow ? "mi" : "midnight";
  if (fields.minute == 0 && fields.hour == 12) return narrow ? "n" : "noon";
  if (fields.hour < 12) return "in the morning";
  if (fields.hour < 18) return "in the afternoon";
  return fields.hour < 21 ? "in the evening" : "at night";
}

class Formatter {
 public:
  explicit Formatter(const DateTime& time, const DateNames* names = nullptr)
      : time_(time), names_(names), offset_(time.zone.At(time.seconds)), local_(time.seconds + offset_.seconds),
        fields_(FieldsOf(local_)) {}

  Result<std::string> Run(std::string_view pattern) {
    ASSIGN_OR_RETURN(const std::vector<PatternPart> parts, SplitPattern(pattern));
    std::size_t width = 0;  // that `p` asked of the next part
    for (const PatternPart& part : parts) {
      if (part.letter == 'p') {
        width = static_cast<std::size_t>(part.count);
        continue;
      }
      const std::size_t begin = out_.size();
      if (part.letter == 0) out_ += part.text;
      else RETURN_IF_ERROR(Append(part));
      if (out_.size() - begin < width) out_.insert(begin, width - (out_.size() - begin), ' ');
      width = 0;
    }
    if (width > 0) return InvalidArgument("the date pattern ends with `p`, which pads what follows it");
    return std::move(out_);
  }

 private:
  tl::unexpected<Error> Unknown(const PatternPart& part) const {
    return InvalidArgument("the date pattern has `" + std::string(static_cast<std::size_t>(part.count), part.letter) +
                           "`, which is not supported");
  }

  Status Append(const PatternPart& part) {
    if (part.count > 19) return Unknown(part);
    if (names_ != nullptr && std::string_view("GBELMQaceqvzwWY").find(part.letter) != std::string_view::npos && part.letter != 0) {
      if (std::string_view("LMQq").find(part.letter) == std::string_view::npos || part.count > 2) return AppendTranslated(part);
    }
    switch (part.letter) {
      case 'G': case 'B': case 'E': case 'a': case 'e': case 'c': case 'M': case 'L': case 'Q': case 'q': return AppendName(part);
      case 'V': case 'v': case 'z': case 'O': case 'X': case 'x': case 'Z': return AppendZone(part);
      case '[': case ']': return {};
      case '\1': case '\2': case '\3': case '\4': case '\5': return AppendSpecial(part);
      default: return AppendNumber(part);
    }
  }

  Status AppendTranslated(const PatternPart& part) {
    const bool full = part.count == 4;
    const auto month = static_cast<std::size_t>(fields_.month - 1);
    const auto day = static_cast<std::size_t>(WeekdayOf(local_) - 1);
    if (part.letter == 'M' && part.count <= 4) {
      out_ += full ? names_->months[month] : names_->short_months[month];
    } else if (part.letter == 'E' && part.count <= 4) {
      out_ += full ? names_->days[day] : names_->short_days[day];
    } else if (part.letter == 'a' && part.count == 1) {
      out_ += names_->halves[fields_.hour < 12 ? 0 : 1];
    } else {
      return InvalidArgument("the date pattern has `" + std::string(static_cast<std::size_t>(part.count), part.letter) +
                             "`, which is written in English only; the locale is " + std::string(names_->language));
    }
    return {};
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
      case 'F': number = (fields_.day - 1) / 7 + 1; break;
      case 'g': number = (local_ - fields_.hour * 3600 - fields_.minute * 60 - fields_.second) / 86400 + 40587; break;
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
      case 'B':
        if (part.count == 2 || part.count == 3) return Unknown(part);
        out_ += DayPeriod(fields_, part.count == 5);
        return {};
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
      case 'V':
        if (count != 2) return Unknown(part);
        out_ += time_.zone.name();
        return {};
      case 'v':
        if (count != 1 && count != 4) return Unknown(part);
        out_ += ZoneGenericName(offset_, time_.zone, count == 4);
        return {};
      case 'z': out_ += count == 4 ? ZoneLongName(offset_, time_.zone) : ZoneShortName(offset_, time_.zone); return {};
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
  const DateNames* names_;
  ZoneOffset offset_;
  std::int64_t local_;
  LocalFields fields_;
  std::string out_;
};

}  // namespace

Result<std::string> FormatDate(const DateTime& time, std::string_view format, const DateNames* names) {
  const std::string_view pattern = PatternOf(format);
  const bool named = pattern != format;
  if (named && format.find('_') == std::string_view::npos && !format.starts_with("iso") && format != "sql" && names != nullptr) {
    return InvalidArgument("the style '" + std::string(format) + "' is written in English only; write a pattern");
  }
  if (pattern == PatternOf("iso_instant")) {
    DateTime utc = time;
    utc.zone = Zone::Utc();
    return Formatter(utc).Run(pattern);
  }
  return Formatter(time, named ? nullptr : names).Run(pattern);
}

}  // namespace headrace::expr
