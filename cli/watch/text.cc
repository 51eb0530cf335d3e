#include "cli/watch/text.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <ctime>
#include <utility>

namespace headrace::cli {
namespace {

using std::chrono::seconds;

template <typename... Numbers>
std::string Format(const char* format, Numbers... numbers) {
  std::array<char, 64> buffer{};
  const int length = std::snprintf(buffer.data(), buffer.size(), format, numbers...);
  return std::string(buffer.data(), static_cast<std::size_t>(std::max(length, 0)));
}

long long Seconds(Duration duration) { return std::chrono::duration_cast<seconds>(duration).count(); }

std::string DaysOrHours(long long total) {
  constexpr long long kHour = 3600;
  constexpr long long kDay = 24 * kHour;
  if (total >= kDay) return Format("%lldd%02lldh", total / kDay, total % kDay / kHour);
  return Format("%lldh%02lldm", total / kHour, total % kHour / 60);
}

// One character at `at`, which moves behind it. Bytes that are no UTF-8 stand for themselves.
char32_t NextCharacter(std::string_view text, std::size_t& at) {
  const auto byte = static_cast<unsigned char>(text[at++]);
  if (byte < 0xC0) return byte;
  const int more = byte >= 0xF0 ? 3 : byte >= 0xE0 ? 2 : 1;
  char32_t character = byte & (0x3FU >> static_cast<unsigned>(more));
  for (int i = 0; i < more && at < text.size() && (static_cast<unsigned char>(text[at]) & 0xC0U) == 0x80U; ++i) {
    character = (character << 6U) | (static_cast<unsigned char>(text[at++]) & 0x3FU);
  }
  return character;
}

std::size_t ColumnsOf(char32_t character) {
  constexpr std::pair<char32_t, char32_t> kNone[] = {{0x300, 0x36F}, {0x200B, 0x200F}, {0xFE00, 0xFE0F}, {0xFEFF, 0xFEFF}};
  constexpr std::pair<char32_t, char32_t> kWide[] = {{0x1100, 0x115F},  {0x2E80, 0xA4CF},   {0xAC00, 0xD7A3},
                                                     {0xF900, 0xFAFF},  {0xFE30, 0xFE6F},   {0xFF00, 0xFF60},
                                                     {0xFFE0, 0xFFE6},  {0x1F300, 0x1FAFF}, {0x20000, 0x3FFFD}};
  for (const auto& [first, last] : kNone) {
    if (character >= first && character <= last) return 0;
  }
  for (const auto& [first, last] : kWide) {
    if (character >= first && character <= last) return 2;
  }
  return 1;
}

// Behind the escape sequence that begins at `at`.
std::size_t SkipEscape(std::string_view text, std::size_t at) {
  ++at;
  if (at >= text.size()) return at;
  const char kind = text[at++];
  if (kind == '[') {
    while (at < text.size() && (text[at] < '@' || text[at] > '~')) ++at;
    return std::min(at + 1, text.size());
  }
  if (kind == ']') {
    while (at < text.size() && text[at] != '\a' && text[at] != '\x1b') ++at;
    if (at < text.size() && text[at] == '\x1b') ++at;
    return std::min(at + 1, text.size());
  }
  return at;
}

}  // namespace

std::string TookText(Duration duration) {
  duration = std::max(duration, Duration::zero());
  if (duration < seconds(60)) {
    const long long tenths = duration.count() / 100'000;
    return Format("%lld.%llds", tenths / 10, tenths % 10);
  }
  const long long total = Seconds(duration);
  if (total < 3600) return Format("%lldm%02llds", total / 60, total % 60);
  return DaysOrHours(total);
}

std::string TickText(Duration duration) {
  const long long total = Seconds(std::max(duration, Duration::zero()));
  if (total < 3600) return Format("%02lld:%02lld", total / 60, total % 60);
  return Format("%02lld:%02lld:%02lld", total / 3600, total % 3600 / 60, total % 60);
}

std::string LeftText(Duration duration) {
  const long long total = Seconds(std::max(duration, Duration::zero()));
  if (total < 60) return Format("%llds", total);
  if (total < 3600) return Format("%lldm", total / 60);
  return DaysOrHours(total);
}

std::string ClockText(Timestamp at) {
  const std::time_t when = std::chrono::duration_cast<seconds>(at.time_since_epoch()).count();
  std::tm local{};
  localtime_r(&when, &local);
  return Format("%02d:%02d:%02d", local.tm_hour, local.tm_min, local.tm_sec);
}

std::size_t Width(std::string_view text) {
  std::size_t columns = 0;
  for (std::size_t at = 0; at < text.size();) columns += ColumnsOf(NextCharacter(text, at));
  return columns;
}

std::string Fit(std::string_view text, std::size_t columns, bool ascii) {
  if (Width(text) <= columns) return std::string(text);
  if (columns == 0) return {};
  std::size_t used = 0;
  std::size_t at = 0;
  while (at < text.size()) {
    std::size_t next = at;
    const std::size_t wide = ColumnsOf(NextCharacter(text, next));
    if (used + wide > columns - 1) break;
    used += wide;
    at = next;
  }
  return std::string(text.substr(0, at)) + (ascii ? "~" : "…");
}

std::string Printable(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    const auto byte = static_cast<unsigned char>(text[at]);
    if (byte == 0x1B) {
      at = SkipEscape(text, at);
      continue;
    }
    if (byte == '\t') out += ' ';
    if (byte == '\n' && at + 1 < text.size()) out += "; ";
    // C1 controls are two bytes in UTF-8.
    const bool c1 = byte == 0xC2 && at + 1 < text.size() && static_cast<unsigned char>(text[at + 1]) < 0xA0;
    if (c1) ++at;
    else if (byte >= 0x20 && byte != 0x7F) out += text[at];
    ++at;
  }
  return out;
}

std::string ShortId(std::string_view id, bool ascii) {
  if (id.size() <= 8) return std::string(id);
  return std::string(id.substr(0, 3)) + (ascii ? ".." : "…") + std::string(id.substr(id.size() - 2));
}

std::string Tinted(Tint tint, std::string_view text, bool color) {
  if (!color || tint == Tint::kNone || text.empty()) return std::string(text);
  constexpr std::array<std::string_view, 7> kCodes = {"", "\x1b[2m", "\x1b[1m", "\x1b[32m", "\x1b[31m", "\x1b[33m", "\x1b[36m"};
  return std::string(kCodes[static_cast<std::size_t>(tint)]).append(text).append("\x1b[0m");
}

}  // namespace headrace::cli
