#include "common/expr/yaml_writer.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace headrace::expr {
namespace {

constexpr std::size_t kSimpleKeyMax = 128;

bool IsBlank(char c) { return c == ' ' || c == '\t'; }

// Words that YAML 1.1 reads as something else than a text.
bool IsReserved(std::string_view text) {
  static constexpr std::array<std::string_view, 25> kWords = {
      "false", "False", "FALSE", "n", "N", "no", "No", "NO", "null", "Null", "NULL", "on", "On",
      "ON", "off", "Off", "OFF", "true", "True", "TRUE", "y", "Y", "yes", "Yes", "YES"};
  return text.empty() || text.front() == '~' || std::find(kWords.begin(), kWords.end(), text) != kWords.end();
}

// What Jackson puts in quotes although SnakeYAML might not.
bool HasQuotable(std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (std::string_view("[]{},").find(text[i]) != std::string_view::npos) return true;
    if (text[i] == '#' && (i == 0 || IsBlank(text[i - 1]))) return true;
    if (text[i] == ':' && (i + 1 == text.size() || IsBlank(text[i + 1]))) return true;
  }
  return false;
}

bool IsOctal(std::string_view text) {
  return text.size() > 1 && text.front() == '0' && text.find_first_not_of("0123456789_") == std::string_view::npos;
}

// Whether SnakeYAML can write it without quotes.
bool IsPlain(std::string_view text) {
  if (text.front() == ' ' || text.back() == ' ' || text.starts_with("---") || text.starts_with("...") || IsOctal(text)) return false;
  const char first = text.front();
  if (std::string_view("#,[]{}&*!|>'\"%@`").find(first) != std::string_view::npos) return false;
  if ((first == '-' || first == ':' || first == '?') && (text.size() == 1 || IsBlank(text[1]))) return false;
  for (std::size_t i = 1; i < text.size(); ++i) {
    if (text[i] == ':' && (i + 1 == text.size() || IsBlank(text[i + 1]))) return false;
    if (text[i] == '#' && IsBlank(text[i - 1])) return false;
  }
  return true;
}

bool HasControl(std::string_view text, bool line_breaks_too) {
  return std::any_of(text.begin(), text.end(), [&](char c) {
    return (static_cast<unsigned char>(c) < 0x20 && (line_breaks_too || c != '\n')) || c == 0x7F;
  });
}

void WriteSingleQuoted(std::string& out, std::string_view text) {
  out += '\'';
  for (const char c : text) out.append(c == '\'' ? 2 : 1, c);
  out += '\'';
}

bool IsBlock(std::string_view text) {
  return text.find('\n') != std::string_view::npos && !HasControl(text, false) && text.back() != ' ' &&
         text.find(" \n") == std::string_view::npos;
}

void WriteBlock(std::string& out, std::string_view text, int indent) {
  const bool ends = text.back() == '\n';
  const bool more = ends && (text.size() == 1 || text[text.size() - 2] == '\n');
  out += '|';
  if (text.front() == ' ' || text.front() == '\n') out += '2';  // else the first line would tell the indentation
  out += more ? "+" : (ends ? "" : "-");
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

// A text that is no block, in the quotes it needs.
void WriteText(std::string& out, std::string_view text, bool quoted) {
  if (quoted || HasControl(text, true)) {
    out += ToJson(Value(text));
  } else if (IsPlain(text)) {
    out += text;
  } else {
    WriteSingleQuoted(out, text);
  }
}

void WriteKey(std::string& out, std::string_view key) {
  const bool number = !key.empty() && std::string_view("0123456789+-.").find(key.front()) != std::string_view::npos;
  WriteText(out, key, number || IsReserved(key));
}

void WriteScalar(std::string& out, const Value& value, int indent) {
  const json::string* text = value.if_string();
  if (text == nullptr) {
    out += value.is_null() ? "null" : ToJson(value);
  } else if (!text->empty() && IsBlock(*text)) {
    WriteBlock(out, *text, indent + 2);
  } else {
    WriteText(out, *text, IsReserved(*text) || HasQuotable(*text));
  }
}

bool IsNested(const Value& value) {
  return (value.is_object() && !value.get_object().empty()) || (value.is_array() && !value.get_array().empty());
}

void WriteNested(std::string& out, const Value& value, int indent);

// What follows "key:" or "-": a scalar on the line, or what is nested on lines of its own.
void WriteChild(std::string& out, const Value& value, int indent, int nested_indent) {
  if (IsNested(value)) {
    out += '\n';
    WriteNested(out, value, nested_indent);
    return;
  }
  out += ' ';
  WriteScalar(out, value, indent);
  out += '\n';
}

// As SnakeYAML with an indicator that is indented by one: a dash stands one to the right of its list's indentation,
// and a list in a map is not indented itself.
void WriteNested(std::string& out, const Value& value, int indent) {
  const auto spaces = static_cast<std::size_t>(indent);
  if (const Array* list = value.if_array()) {
    for (const Value& item : *list) {
      out.append(spaces + 1, ' ').append("-");
      WriteChild(out, item, indent, indent + 2);
    }
    return;
  }
  for (const auto& [key, item] : value.get_object()) {
    const std::string_view name = key;
    const bool simple = !name.empty() && name.size() <= kSimpleKeyMax && name.find('\n') == std::string_view::npos;
    out.append(spaces, ' ').append(simple ? "" : "? ");
    WriteKey(out, name);
    if (!simple) out.append("\n").append(spaces, ' ');
    out += ':';
    WriteChild(out, item, indent, item.is_array() ? indent : indent + 2);
  }
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
  if (IsNested(value)) {
    WriteNested(out, value, 0);
  } else {
    WriteScalar(out, value, 0);
    out += '\n';
  }
  return out;
}

std::string WriteIon(const Value& value) {
  std::string out;
  WriteIonNode(out, value);
  return out;
}

}  // namespace headrace::expr
