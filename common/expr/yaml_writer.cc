#include "common/expr/yaml_writer.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "common/expr/utf8.h"

namespace headrace::expr {
namespace {

bool IsDigits(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return (c >= '0' && c <= '9') || c == '_'; });
}

// Numbers of YAML 1.1, among them 0x1f, 1_000 and 12:30:45.
bool IsNumber(std::string_view text) {
  if (text.front() == '-' || text.front() == '+') text.remove_prefix(1);
  if (text.starts_with("0x") || text.starts_with("0b") || text.starts_with("0o")) return true;
  bool sixties = text.find(':') != std::string_view::npos;
  for (std::string_view rest = text; sixties && !rest.empty();) {
    const std::string_view part = rest.substr(0, rest.find(':'));
    sixties = IsDigits(part.substr(0, part.find('.')));
    rest.remove_prefix(std::min(rest.size(), part.size() + 1));
  }
  if (sixties) return true;
  std::string digits(text);
  std::erase(digits, '_');
  double number = 0;
  const auto [stop, failure] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  const bool all = stop == digits.data() + digits.size() || (*stop == '.' && stop + 1 == digits.data() + digits.size());
  return failure == std::errc() && all && !digits.empty();
}

bool LooksLikeAnotherType(std::string_view text) {
  static constexpr std::array<std::string_view, 14> kWords = {"null", "~",  "true", "false", "yes",   "no",   "on",
                                                              "off",  "y",  "n",    ".nan",  ".inf", "=", "<<"};
  const std::string lower = Lower(text);
  return std::find(kWords.begin(), kWords.end(), lower) != kWords.end() || lower == "-.inf" || IsNumber(text);
}

enum class Quotes { kNone, kSingle, kDouble };

// As Jackson's minimal quoting, with SnakeYAML's single quotes where a plain text may not begin or end so; other than
// Jackson's, texts that look like numbers stay texts.
Quotes QuotesFor(std::string_view text) {
  if (text.empty()) return Quotes::kDouble;
  if (std::any_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; })) {
    return Quotes::kDouble;
  }
  if (LooksLikeAnotherType(text) || text.find_first_of("[]{},") != std::string_view::npos || text.back() == ':' ||
      text.find(": ") != std::string_view::npos || text.find(" #") != std::string_view::npos) {
    return Quotes::kDouble;
  }
  const char first = text.front();
  if (first == ' ' || text.back() == ' ' || text.starts_with("---") || text.starts_with("...")) return Quotes::kSingle;
  if (first == '-' || first == ':' || first == '?') {
    return text.size() > 1 && text[1] != ' ' ? Quotes::kNone : Quotes::kSingle;
  }
  return std::string_view("#&*!|>'\"%@`").find(first) != std::string_view::npos ? Quotes::kSingle : Quotes::kNone;
}

void WriteSingleQuoted(std::string& out, std::string_view text) {
  out += '\'';
  for (const char c : text) out.append(c == '\'' ? 2 : 1, c);
  out += '\'';
}

bool IsBlock(std::string_view text) {
  if (text.find('\n') == std::string_view::npos || text.front() == ' ' || text.front() == '\n') return false;
  return std::none_of(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\t') || c == 0x7F;
  });
}

void WriteBlock(std::string& out, std::string_view text, int indent) {
  const bool ends = text.back() == '\n';
  const bool more = ends && text.size() > 1 && text[text.size() - 2] == '\n';
  out += more ? "|+" : (ends ? "|" : "|-");
  std::string_view rest = ends ? text.substr(0, text.size() - 1) : text;
  while (true) {
    const std::size_t end = rest.find('\n');
    const std::string_view line = rest.substr(0, end);
    out += '\n';
    if (!line.empty()) out.append(static_cast<std::size_t>(indent), ' ').append(line);
    if (end == std::string_view::npos) break;
    rest.remove_prefix(end + 1);
  }
}

void WriteScalar(std::string& out, const Value& value, int indent) {
  const json::string* text = value.if_string();
  if (text == nullptr) {
    out += value.is_null() ? "null" : ToJson(value);
  } else if (const Quotes quotes = QuotesFor(*text); quotes == Quotes::kNone) {
    out += std::string_view(*text);
  } else if (quotes == Quotes::kSingle) {
    WriteSingleQuoted(out, *text);
  } else if (!text->empty() && IsBlock(*text)) {
    WriteBlock(out, *text, indent);
  } else {
    out += ToJson(value);
  }
}

void WriteNode(std::string& out, const Value& value, int indent, bool at_line_begin);

void Pad(std::string& out, int indent, bool& at_line_begin) {
  if (!at_line_begin) out.append(static_cast<std::size_t>(indent), ' ');
  at_line_begin = false;
}

// A value after "key:" or "-".
void WriteChild(std::string& out, const Value& value, int indent, bool inline_allowed) {
  const bool nested = (value.is_object() && !value.get_object().empty()) || (value.is_array() && !value.get_array().empty());
  if (nested && !inline_allowed) out += '\n';
  else out += ' ';
  WriteNode(out, value, indent, inline_allowed || !nested);
}

void WriteNode(std::string& out, const Value& value, int indent, bool at_line_begin) {
  if (const Object* map = value.if_object(); map != nullptr && !map->empty()) {
    for (const auto& [key, item] : *map) {
      Pad(out, indent, at_line_begin);
      WriteScalar(out, Value(key), indent);
      out += ':';
      WriteChild(out, item, item.is_array() ? indent + 1 : indent + 2, false);
    }
    return;
  }
  if (const Array* list = value.if_array(); list != nullptr && !list->empty()) {
    for (const Value& item : *list) {
      Pad(out, indent, at_line_begin);
      out += '-';
      WriteChild(out, item, indent + 2, true);
    }
    return;
  }
  WriteScalar(out, value, indent);
  out += '\n';
}

bool IsIonSymbol(std::string_view text) {
  if (text.empty() || text == "null" || text == "true" || text == "false" || text == "nan") return false;
  return std::all_of(text.begin(), text.end(), [&](char c) {
    const bool digit = c >= '0' && c <= '9';
    return c == '_' || c == '$' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (digit && &c != text.data());
  });
}

std::string QuotedIonSymbol(std::string_view text) {
  std::string out = ToJson(Value(text));
  out.front() = out.back() = '\'';
  for (std::size_t at = out.find('\'', 1); at + 1 < out.size(); at = out.find('\'', at + 2)) out.insert(at, 1, '\\');
  return out;
}

void WriteIonNode(std::string& out, const Value& value) {
  if (const Array* list = value.if_array()) {
    out += '[';
    for (const Value& item : *list) {
      if (&item != list->data()) out += ',';
      WriteIonNode(out, item);
    }
    out += ']';
  } else if (const Object* map = value.if_object()) {
    out += '{';
    const char* separator = "";
    for (const auto& [key, item] : *map) {
      out += separator;
      out += IsIonSymbol(key) ? std::string(key) : QuotedIonSymbol(key);
      out += ':';
      WriteIonNode(out, item);
      separator = ",";
    }
    out += '}';
  } else if (value.is_double()) {
    std::array<char, 40> digits{};
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value.get_double()).ptr;
    std::string text(digits.data(), end);
    out += text.find('e') == std::string::npos ? text + "e0" : text;
  } else {
    out += value.is_null() ? "null" : ToJson(value);
  }
}

}  // namespace

std::string WriteYaml(const Value& value) {
  std::string out;
  WriteNode(out, value, value.is_array() ? 1 : 0, false);
  return out;
}

std::string WriteIon(const Value& value) {
  std::string out;
  WriteIonNode(out, value);
  return out;
}

}  // namespace headrace::expr
