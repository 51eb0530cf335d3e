#include <algorithm>
#include <charconv>
#include <string>
#include <vector>

#include "common/cron/cron.h"

namespace headrace::cron {
namespace {

constexpr std::array<std::string_view, 12> kMonths{"JAN", "FEB", "MAR", "APR", "MAY", "JUN",
                                                   "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"};
constexpr std::array<std::string_view, 7> kWeekdays{"SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"};

struct Field {
  std::string_view name;
  int first;
  int last;
  const std::string_view* words = nullptr;  // of the values from `first` on
  int word_count = 0;
};

constexpr Field kSecond{"second", 0, 59};
constexpr Field kMinute{"minute", 0, 59};
constexpr Field kHour{"hour", 0, 23};
constexpr Field kDay{"day of the month", 1, 31};
constexpr Field kMonth{"month", 1, 12, kMonths.data(), 12};
constexpr Field kWeekday{"day of the week", 0, 7, kWeekdays.data(), 7};

struct Nickname {
  std::string_view name;
  std::string_view cron;
};
constexpr std::array kNicknames{
    Nickname{"@yearly", "0 0 1 1 *"}, Nickname{"@annually", "0 0 1 1 *"}, Nickname{"@monthly", "0 0 1 * *"},
    Nickname{"@weekly", "0 0 * * 0"}, Nickname{"@daily", "0 0 * * *"},    Nickname{"@midnight", "0 0 * * *"},
    Nickname{"@hourly", "0 * * * *"}};

std::vector<std::string_view> Split(std::string_view text, char by) {
  std::vector<std::string_view> parts;
  for (std::size_t at = text.find(by); at != std::string_view::npos; at = text.find(by)) {
    parts.push_back(text.substr(0, at));
    text.remove_prefix(at + 1);
  }
  parts.push_back(text);
  return parts;
}

std::vector<std::string_view> Words(std::string_view text) {
  std::vector<std::string_view> words;
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t begin = text.find_first_not_of(" \t\r\n", i);
    if (begin == std::string_view::npos) break;
    const std::size_t end = std::min(text.find_first_of(" \t\r\n", begin), text.size());
    words.push_back(text.substr(begin, end - begin));
    i = end;
  }
  return words;
}

tl::unexpected<Error> Wrong(const Field& field, std::string_view text, const std::string& why) {
  return InvalidArgument("the " + std::string(field.name) + " '" + std::string(text) + "' of a cron expression " + why);
}

std::string Bounds(const Field& field) {
  std::string text = "must be between " + std::to_string(field.first) + " and " + std::to_string(field.last);
  if (field.words != nullptr) text += ", or " + std::string(field.words[0]) + " to " + std::string(field.words[field.word_count - 1]);
  return text;
}

Result<int> ReadValue(const Field& field, std::string_view text) {
  std::string upper(text);
  std::transform(upper.begin(), upper.end(), upper.begin(), [](unsigned char c) { return std::toupper(c); });
  for (int i = 0; i < field.word_count; ++i) {
    if (upper == field.words[i]) return field.first + i;
  }
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) {
    return Wrong(field, text, "is no number; it " + Bounds(field));
  }
  if (value < field.first || value > field.last) return Wrong(field, text, Bounds(field));
  return value;
}

// One of a list: `*`, `5`, `1-5`, each with a step. `5/10` means from 5 on.
template <std::size_t N>
Status AddRange(const Field& field, std::string_view text, std::bitset<N>& into) {
  const std::vector<std::string_view> halves = Split(text, '/');
  if (halves.size() > 2) return Wrong(field, text, "has more than one step");
  int from = field.first;
  int to = field.last;
  if (halves[0] != "*") {
    const std::vector<std::string_view> ends = Split(halves[0], '-');
    if (ends.size() > 2) return Wrong(field, text, "is no range; write it as 1-5");
    ASSIGN_OR_RETURN(from, ReadValue(field, ends[0]));
    to = from;
    if (ends.size() == 2) {
      ASSIGN_OR_RETURN(to, ReadValue(field, ends[1]));
      if (to < from) return Wrong(field, text, "ends before it begins");
    } else if (halves.size() == 2) {
      to = field.last;
    }
  }
  int step = 1;
  if (halves.size() == 2) {
    const auto [end, error] = std::from_chars(halves[1].data(), halves[1].data() + halves[1].size(), step);
    if (halves[1].empty() || error != std::errc() || end != halves[1].data() + halves[1].size() || step < 1) {
      return Wrong(field, text, "has a step that is no number above 0");
    }
  }
  for (int value = from; value <= to; value += step) into.set(static_cast<std::size_t>(value));
  return {};
}

// False: the field does not restrict.
template <std::size_t N>
Result<bool> ReadField(const Field& field, std::string_view text, std::bitset<N>& into) {
  for (const std::string_view part : Split(text, ',')) RETURN_IF_ERROR(AddRange(field, part, into));
  return !text.starts_with('*');
}

}  // namespace

Result<Cron> Cron::Parse(std::string_view text, bool with_seconds) {
  std::vector<std::string_view> words = Words(text);
  if (words.size() == 1 && words[0].starts_with('@')) {
    const auto* const nickname = std::find_if(kNicknames.begin(), kNicknames.end(),
                                              [&](const Nickname& known) { return known.name == words[0]; });
    if (nickname == kNicknames.end()) {
      return InvalidArgument("'" + std::string(words[0]) +
                             "' is no cron expression; known are @yearly, @annually, @monthly, @weekly, @daily, @midnight "
                             "and @hourly");
    }
    words = Words(nickname->cron);
    with_seconds = false;
  }
  const std::size_t expected = with_seconds ? 6 : 5;
  if (words.size() != expected) {
    return InvalidArgument("a cron expression has " + std::to_string(expected) + " fields (" +
                           (with_seconds ? "second " : "") + "minute hour day month weekday), '" + std::string(text) +
                           "' has " + std::to_string(words.size()) +
                           (!with_seconds && words.size() == 6 ? "; seconds need withSeconds: true" : ""));
  }
  Cron cron;
  std::size_t at = 0;
  cron.seconds_.set(0);
  if (with_seconds) {
    cron.seconds_.reset();
    RETURN_IF_ERROR(ReadField(kSecond, words[at++], cron.seconds_));
  }
  RETURN_IF_ERROR(ReadField(kMinute, words[at++], cron.minutes_));
  RETURN_IF_ERROR(ReadField(kHour, words[at++], cron.hours_));
  ASSIGN_OR_RETURN(const bool some_days, ReadField(kDay, words[at++], cron.days_));
  RETURN_IF_ERROR(ReadField(kMonth, words[at++], cron.months_));
  std::bitset<8> weekdays;
  ASSIGN_OR_RETURN(const bool some_weekdays, ReadField(kWeekday, words[at++], weekdays));
  for (std::size_t day = 0; day < 8; ++day) {
    if (weekdays[day]) cron.weekdays_.set(day % 7);
  }
  cron.any_day_ = !some_days;
  cron.any_weekday_ = !some_weekdays;
  return cron;
}

}  // namespace headrace::cron
