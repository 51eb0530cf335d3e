#include <algorithm>
#include <optional>

#include "common/expr/date_time.h"

namespace headrace::expr {
namespace {

bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsLetter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

bool EqualsIgnoringCase(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(), [&](char x, char y) {
           return lower(x) == lower(y);
         });
}

struct Parsed {
  LocalFields fields;
  int nanos = 0;
  std::optional<int> hour12;
  std::optional<bool> afternoon;
  std::optional<int> day_of_year;
  bool has_date = false;
  std::optional<Zone> zone;
};

// Reads one text by the parts of a pattern.
class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  bool Run(const std::vector<PatternPart>& parts) { return Read(parts, 0, parts.size()) && at_ == text_.size(); }
  Parsed& parsed() { return parsed_; }

 private:
  bool Read(const std::vector<PatternPart>& parts, std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i) {
      if (parts[i].letter == '[') {
        const std::size_t close = Close(parts, i);
        TryOptional(parts, i + 1, close);
        i = close;
        continue;
      }
      const bool adjacent = i + 1 < parts.size() && IsNumeric(parts[i + 1]);
      if (!ReadPart(parts[i], adjacent)) return false;
    }
    return true;
  }

  static std::size_t Close(const std::vector<PatternPart>& parts, std::size_t open) {
    int depth = 0;
    for (std::size_t i = open; i < parts.size(); ++i) {
      if (parts[i].letter == '[') ++depth;
      if (parts[i].letter == ']' && --depth == 0) return i;
    }
    return parts.size();
  }

  void TryOptional(const std::vector<PatternPart>& parts, std::size_t begin, std::size_t end) {
    const std::size_t at = at_;
    const Parsed parsed = parsed_;
    if (Read(parts, begin, end)) return;
    at_ = at;
    parsed_ = parsed;
  }

  static bool IsNumeric(const PatternPart& part) {
    return (std::string_view("yudDHhkKmsSnQ").find(part.letter) != std::string_view::npos && part.letter != 0) ||
           ((part.letter == 'M' || part.letter == 'L') && part.count <= 2);
  }

  std::optional<std::int64_t> Digits(int least, int most) {
    std::int64_t number = 0;
    int count = 0;
    for (; count < most && at_ < text_.size() && IsDigit(text_[at_]); ++count, ++at_) {
      number = number * 10 + (text_[at_] - '0');
    }
    if (count < least) return std::nullopt;
    return number;
  }

  bool ReadPart(const PatternPart& part, bool adjacent) {
    switch (part.letter) {
      case 0: return Literal(part.text);
      case 'S': return Fraction(part.count, part.count);
      case '\1': case '\2': return at_ >= text_.size() || text_[at_] != '.' || (++at_, Fraction(1, 9));
      case 'E': return Weekday();
      case 'a': return HalfDay();
      case 'G': return Word("AD") || Word("Anno Domini");
      case 'X': case 'x': case 'Z': case 'z': case 'V': case 'O': case '\5': return ZoneText();
      case '\3': return BracketZone();
      case 'M': case 'L':
        if (part.count > 2) return Month(part.count);
        break;
      default: break;
    }
    if (!IsNumeric(part)) return false;
    const bool year = part.letter == 'y' || part.letter == 'u';
    const bool open_ended = !adjacent && (part.count == 1 || (year && part.count >= 4));
    const auto number = Digits(part.count, open_ended ? 10 : part.count);
    return number && Assign(part, *number);
  }

  bool Assign(const PatternPart& part, std::int64_t number) {
    LocalFields& fields = parsed_.fields;
    const auto in = [&](std::int64_t least, std::int64_t most) { return number >= least && number <= most; };
    const int value = static_cast<int>(std::min<std::int64_t>(number, 1'000'000'000));
    switch (part.letter) {
      case 'y': case 'u':
        fields.year = part.count == 2 ? 2000 + value : value;
        parsed_.has_date = true;
        return in(0, 9999);
      case 'M': case 'L': fields.month = value; parsed_.has_date = true; return in(1, 12);
      case 'd': fields.day = value; parsed_.has_date = true; return in(1, 31);
      case 'D': parsed_.day_of_year = value; parsed_.has_date = true; return in(1, 366);
      case 'H': fields.hour = value; return in(0, 23);
      case 'k': fields.hour = value % 24; return in(1, 24);
      case 'h': parsed_.hour12 = value % 12; return in(1, 12);
      case 'K': parsed_.hour12 = value; return in(0, 11);
      case 'm': fields.minute = value; return in(0, 59);
      case 's': fields.second = value; return in(0, 59);
      case 'n': parsed_.nanos = value; return in(0, 999'999'999);
      case 'Q': return in(1, 4);
      default: return false;
    }
  }

  bool Literal(std::string_view text) {
    if (text_.substr(at_, text.size()) != text) return false;
    at_ += text.size();
    return true;
  }
  bool Word(std::string_view word) {
    if (!EqualsIgnoringCase(text_.substr(at_, word.size()), word)) return false;
    at_ += word.size();
    return true;
  }

  bool Fraction(int least, int most) {
    const std::size_t begin = at_;
    const auto number = Digits(least, std::min(most, 18));
    if (!number) return false;
    std::int64_t nanos = *number;
    for (std::size_t digits = at_ - begin; digits < 9; ++digits) nanos *= 10;
    for (std::size_t digits = at_ - begin; digits > 9; --digits) nanos /= 10;
    parsed_.nanos = static_cast<int>(nanos);
    return true;
  }

  bool Month(int count) {
    for (int month = 1; month <= 12; ++month) {
      const std::string_view name = MonthName(month);
      if (!Word(count == 4 ? name : name.substr(0, 3))) continue;
      parsed_.fields.month = month;
      parsed_.has_date = true;
      return true;
    }
    return false;
  }
  bool Weekday() {
    for (int day = 1; day <= 7; ++day) {
      if (Word(WeekdayName(day)) || Word(WeekdayName(day).substr(0, 3))) return true;
    }
    return false;
  }
  bool HalfDay() {
    if (Word("AM")) parsed_.afternoon = false;
    else if (Word("PM")) parsed_.afternoon = true;
    else return false;
    return true;
  }

  // As far as a zone's name or offset reaches.
  bool ZoneText() {
    std::size_t end = at_;
    while (end < text_.size() && (IsLetter(text_[end]) || IsDigit(text_[end]) ||
                                  std::string_view("+-:/_").find(text_[end]) != std::string_view::npos)) {
      ++end;
    }
    if (end == at_) return false;
    const Result<Zone> zone = Zone::Find(text_.substr(at_, end - at_));
    if (!zone) return false;
    if (!parsed_.zone) parsed_.zone = *zone;
    at_ = end;
    return true;
  }
  bool BracketZone() {
    if (at_ >= text_.size() || text_[at_] != '[') return true;
    ++at_;
    return ZoneText() && Literal("]");
  }

  std::string_view text_;
  std::size_t at_ = 0;
  Parsed parsed_;
};

Result<DateTime> Resolve(Parsed& parsed, const Zone& zone) {
  LocalFields& fields = parsed.fields;
  if (parsed.hour12) fields.hour = *parsed.hour12 + (parsed.afternoon.value_or(false) ? 12 : 0);
  if (parsed.day_of_year) {
    fields.month = 1;
    fields.day = *parsed.day_of_year;
  } else if (fields.day > DaysInMonth(fields.year, fields.month)) {
    return InvalidArgument("the month has no day " + std::to_string(fields.day));
  }
  const Zone& read_in = parsed.zone ? *parsed.zone : zone;
  return CheckRange({read_in.FromLocal(LocalSecondsOf(fields)), parsed.nanos, zone});
}

}  // namespace

Result<DateTime> ParseDate(std::string_view text, std::string_view format, const Zone& zone) {
  ASSIGN_OR_RETURN(const std::vector<PatternPart> parts, SplitPattern(PatternOf(format)));
  Reader reader(text);
  if (!reader.Run(parts)) {
    return InvalidArgument("'" + std::string(text) + "' is no date of the format '" + std::string(format) + "'");
  }
  if (!reader.parsed().has_date) {
    return InvalidArgument("the format '" + std::string(format) + "' holds no date");
  }
  return Resolve(reader.parsed(), zone);
}

Result<DateTime> ParseIsoDate(std::string_view text, const Zone& zone) {
  static const std::vector<PatternPart> kDateTime =
      *SplitPattern("yyyy-MM-dd[['T'][' ']HH:mm[:ss\1][XX" "X\3]]");
  Reader reader(text);
  if (!reader.Run(kDateTime)) {
    return InvalidArgument("'" + std::string(text) +
                           "' is no date such as 2026-11-22T10:00:00Z; name its form by existingFormat");
  }
  return Resolve(reader.parsed(), zone);
}

}  // namespace headrace::expr
