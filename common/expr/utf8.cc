#include "common/expr/utf8.h"

#include <locale.h>
#include <wctype.h>

#include <algorithm>
#include <array>

namespace headrace::expr {
namespace {

// How many bytes the character that starts with `lead` has; 0 if it starts none.
std::size_t Width(unsigned char lead) {
  if (lead < 0x80) return 1;
  if (lead >= 0xC2 && lead < 0xE0) return 2;
  if (lead >= 0xE0 && lead < 0xF0) return 3;
  if (lead >= 0xF0 && lead < 0xF5) return 4;
  return 0;
}

// Invalid bytes travel as surrogates U+DC80..U+DCFF, so that Encode gives them back.
char32_t Read(std::string_view text, std::size_t& at) {
  const auto lead = static_cast<unsigned char>(text[at]);
  const std::size_t width = Width(lead);
  if (width == 0 || at + width > text.size()) {
    ++at;
    return lead < 0x80 ? lead : 0xDC00U + lead;
  }
  if (width == 1) {
    ++at;
    return lead;
  }
  char32_t code = lead & (0xFFU >> (width + 1));
  for (std::size_t i = 1; i < width; ++i) {
    const auto next = static_cast<unsigned char>(text[at + i]);
    if ((next & 0xC0U) != 0x80U) {
      ++at;
      return 0xDC00U + lead;
    }
    code = (code << 6U) | (next & 0x3FU);
  }
  at += width;
  return code;
}

struct LongUpper {
  char32_t code;
  std::string_view upper;
};
// Letters whose capital is more than one.
constexpr std::array<LongUpper, 14> kLongUpper = {{
    {0xDF, "SS"}, {0x149, "ʼN"}, {0x1F0, "J̌"}, {0x390, "Ϊ́"}, {0x3B0, "Ϋ́"}, {0x587, "ԵՒ"}, {0x1E9E, "ẞ"},
    {0xFB00, "FF"}, {0xFB01, "FI"}, {0xFB02, "FL"}, {0xFB03, "FFI"}, {0xFB04, "FFL"}, {0xFB05, "ST"}, {0xFB06, "ST"},
}};

bool IsLetter(char32_t code) { return IsLetterOrDigit(code) && !(code >= '0' && code <= '9'); }

// What is not in the tables here, by the C library's.
char32_t CaseByLibrary(char32_t code, bool upper) {
  static const locale_t kLocale = newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr);
  if (kLocale == nullptr || code >= 0xD800) return code;
  const auto wide = static_cast<wint_t>(code);
  return static_cast<char32_t>(upper ? towupper_l(wide, kLocale) : towlower_l(wide, kLocale));
}

// Pairs of upper (even or odd) and lower (the next) in Latin Extended-A.
bool UpperIsOdd(char32_t code) { return (code >= 0x139 && code <= 0x148) || (code >= 0x179 && code <= 0x17E); }

// U+00C0..U+017F without marks.
constexpr std::array<std::string_view, 192> kPlain = {
    "A", "A", "A", "A", "A", "A", "AE", "C", "E", "E", "E", "E", "I", "I", "I", "I", "D", "N", "O", "O", "O", "O", "O",
    "x", "O", "U", "U", "U", "U", "Y", "TH", "ss", "a", "a", "a", "a", "a", "a", "ae", "c", "e", "e", "e", "e", "i",
    "i", "i", "i", "d", "n", "o", "o", "o", "o", "o", "/", "o", "u", "u", "u", "u", "y", "th", "y",
    "A", "a", "A", "a", "A", "a", "C", "c", "C", "c", "C", "c", "C", "c", "D", "d", "D", "d", "E", "e", "E", "e", "E",
    "e", "E", "e", "E", "e", "G", "g", "G", "g", "G", "g", "G", "g", "H", "h", "H", "h", "I", "i", "I", "i", "I", "i",
    "I", "i", "I", "i", "IJ", "ij", "J", "j", "K", "k", "k", "L", "l", "L", "l", "L", "l", "L", "l", "L", "l", "N",
    "n", "N", "n", "N", "n", "n", "N", "n", "O", "o", "O", "o", "O", "o", "OE", "oe", "R", "r", "R", "r", "R", "r",
    "S", "s", "S", "s", "S", "s", "S", "s", "T", "t", "T", "t", "T", "t", "U", "u", "U", "u", "U", "u", "U", "u", "U",
    "u", "U", "u", "W", "w", "Y", "y", "Y", "Z", "z", "Z", "z", "Z", "z", "s"};

}  // namespace

void AppendUtf8(std::string& out, char32_t code) {
  if (code >= 0xDC80 && code <= 0xDCFF) {
    out += static_cast<char>(code - 0xDC00);
  } else if (code < 0x80) {
    out += static_cast<char>(code);
  } else if (code < 0x800) {
    out += static_cast<char>(0xC0U | (code >> 6U));
    out += static_cast<char>(0x80U | (code & 0x3FU));
  } else if (code < 0x10000) {
    out += static_cast<char>(0xE0U | (code >> 12U));
    out += static_cast<char>(0x80U | ((code >> 6U) & 0x3FU));
    out += static_cast<char>(0x80U | (code & 0x3FU));
  } else {
    out += static_cast<char>(0xF0U | (code >> 18U));
    out += static_cast<char>(0x80U | ((code >> 12U) & 0x3FU));
    out += static_cast<char>(0x80U | ((code >> 6U) & 0x3FU));
    out += static_cast<char>(0x80U | (code & 0x3FU));
  }
}

std::u32string Decode(std::string_view text) {
  std::u32string codes;
  codes.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) codes += Read(text, at);
  return codes;
}

std::string Encode(std::u32string_view text) {
  std::string out;
  out.reserve(text.size());
  for (const char32_t code : text) AppendUtf8(out, code);
  return out;
}

std::size_t CharacterCount(std::string_view text) {
  std::size_t count = 0;
  for (std::size_t at = 0; at < text.size(); ++count) Read(text, at);
  return count;
}

std::u16string ToUtf16(std::string_view text) {
  std::u16string units;
  units.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    const char32_t code = Read(text, at);
    if (code < 0x10000) {
      units += static_cast<char16_t>(code);
    } else {
      units += static_cast<char16_t>(0xD800U + ((code - 0x10000) >> 10U));
      units += static_cast<char16_t>(0xDC00U + ((code - 0x10000) & 0x3FFU));
    }
  }
  return units;
}

std::string FromUtf16(std::u16string_view units) {
  std::string out;
  for (std::size_t i = 0; i < units.size(); ++i) {
    const char32_t unit = units[i];
    const bool high = unit >= 0xD800 && unit < 0xDC00;
    if (high && i + 1 < units.size() && units[i + 1] >= 0xDC00 && units[i + 1] < 0xE000) {
      AppendUtf8(out, 0x10000U + ((unit - 0xD800U) << 10U) + (units[++i] - 0xDC00U));
    } else {
      AppendUtf8(out, unit >= 0xD800 && unit < 0xE000 ? U'?' : unit);
    }
  }
  return out;
}

char32_t UpperOf(char32_t code) {
  if (code >= 'a' && code <= 'z') return code - 32;
  if (code < 0x80) return code;
  if (code >= 0xE0 && code <= 0xFE && code != 0xF7) return code - 32;
  if (code == 0xFF) return 0x178;
  if (code == 0x131) return 'I';
  if (code >= 0x100 && code <= 0x17F && code != 0x130 && code != 0x138 && code != 0x149 && code != 0x17F) {
    const bool upper_is_odd = UpperIsOdd(code);
    const bool is_lower = upper_is_odd ? code % 2 == 0 : code % 2 == 1;
    return is_lower && code != 0x178 ? code - 1 : code;
  }
  if (code >= 0x3B1 && code <= 0x3C9 && code != 0x3C2) return code - 32;
  if (code >= 0x430 && code <= 0x44F) return code - 32;
  if (code >= 0x450 && code <= 0x45F) return code - 80;
  return code >= 0x180 ? CaseByLibrary(code, true) : code;
}

char32_t LowerOf(char32_t code) {
  if (code >= 'A' && code <= 'Z') return code + 32;
  if (code < 0x80) return code;
  if (code >= 0xC0 && code <= 0xDE && code != 0xD7) return code + 32;
  if (code == 0x178) return 0xFF;
  if (code >= 0x100 && code <= 0x17F && code != 0x130 && code != 0x131 && code != 0x138 && code != 0x149 &&
      code != 0x17F) {
    const bool upper_is_odd = UpperIsOdd(code);
    const bool is_upper = upper_is_odd ? code % 2 == 1 : code % 2 == 0;
    return is_upper ? code + 1 : code;
  }
  if (code >= 0x391 && code <= 0x3A9 && code != 0x3A2) return code + 32;
  if (code >= 0x410 && code <= 0x42F) return code + 32;
  if (code >= 0x400 && code <= 0x40F) return code + 80;
  return code >= 0x180 ? CaseByLibrary(code, false) : code;
}

std::string Upper(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    const char32_t code = Read(text, at);
    const auto* found = std::find_if(kLongUpper.begin(), kLongUpper.end(), [&](const LongUpper& row) { return row.code == code; });
    if (found != kLongUpper.end()) out += found->upper;
    else AppendUtf8(out, UpperOf(code));
  }
  return out;
}

// A sigma that ends a word has its own form.
std::string Lower(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  bool in_word = false;
  for (std::size_t at = 0; at < text.size();) {
    const char32_t code = Read(text, at);
    std::size_t next = at;
    const bool ends = in_word && (at >= text.size() || !IsLetter(Read(text, next)));
    if (code == 0x3A3 && ends) AppendUtf8(out, 0x3C2);
    else if (code == 0x130) out += "i\xCC\x87";
    else AppendUtf8(out, LowerOf(code));
    in_word = IsLetter(code);
  }
  return out;
}

bool IsLetterOrDigit(char32_t code) {
  if (code < 0x80) return (code >= '0' && code <= '9') || (code >= 'a' && code <= 'z') || (code >= 'A' && code <= 'Z');
  return code >= 0xC0 && code != 0xD7 && code != 0xF7 && !(code >= 0x2000 && code < 0x2070);
}

std::string StripAccents(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const char32_t code = Read(text, at);
    if (code >= 0xC0 && code < 0xC0 + kPlain.size()) {
      out += kPlain[code - 0xC0];
    } else if (code < 0x300 || code > 0x36F) {  // combining marks fall away
      AppendUtf8(out, code);
    }
  }
  return out;
}

}  // namespace headrace::expr
