#include "common/flow/yaml.h"

namespace headrace::flow {
namespace {

bool IsBlank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

// How many source bytes an escape of a double-quoted scalar takes, and whether it stands for no text at all.
std::size_t EscapeLength(std::string_view source, std::size_t at) {
  if (at + 1 >= source.size()) return 1;
  switch (source[at + 1]) {
    case 'x':
      return 4;
    case 'u':
      return 6;
    case 'U':
      return 10;
    default:
      return 2;
  }
}

YamlPlace PlaceAt(std::string_view source, std::size_t offset, const YamlNode& from) {
  YamlPlace place{from.line, from.column};
  for (std::size_t i = from.offset; i < offset && i < source.size(); ++i) {
    if (source[i] == '\n') {
      ++place.line;
      place.column = 1;
    } else if ((static_cast<unsigned char>(source[i]) & 0xc0) != 0x80) {
      ++place.column;
    }
  }
  return place;
}

}  // namespace

// Source and text are walked side by side: blanks fold, so a run of them on one side matches any run on the other.
YamlPlace Locate(std::string_view source, const YamlNode& scalar, std::size_t text_offset) {
  std::size_t at = scalar.offset;
  if (at >= source.size()) return {scalar.line, scalar.column};
  const char quote = scalar.style == YamlNode::Style::kQuoted ? source[at] : '\0';
  if (quote != '\0') ++at;
  if (scalar.style == YamlNode::Style::kBlock) {
    at = source.find('\n', at);
    if (at == std::string_view::npos) return {scalar.line, scalar.column};
  }
  const std::string_view text = scalar.text;
  text_offset = std::min(text_offset, text.size());
  for (std::size_t i = 0; i < text_offset && at < source.size();) {
    if (quote == '"' && source[at] == '\\') {
      at += EscapeLength(source, at);
      for (++i; i < text.size() && (static_cast<unsigned char>(text[i]) & 0xc0) == 0x80;) ++i;
    } else if (source[at] == text[i]) {
      at += quote == '\'' && text[i] == '\'' ? 2 : 1;
      ++i;
    } else if (IsBlank(source[at])) {
      while (at < source.size() && IsBlank(source[at])) ++at;
      if (IsBlank(text[i])) ++i;
    } else if (IsBlank(text[i])) {
      ++i;
    } else {
      return {scalar.line, scalar.column};
    }
  }
  if (text_offset < text.size() && !IsBlank(text[text_offset])) {
    while (at < source.size() && IsBlank(source[at])) ++at;
  }
  return PlaceAt(source, at, scalar);
}

std::vector<YamlSlice> SplitDocuments(std::string_view text) {
  std::vector<YamlSlice> slices;
  std::size_t begin = 0;
  int begin_line = 1;
  int line = 1;
  bool content = false;
  const auto cut = [&](std::size_t end) {
    if (content) slices.push_back({text.substr(begin, end - begin), begin_line});
  };
  for (std::size_t at = 0; at < text.size(); ++line) {
    const std::size_t newline = text.find('\n', at);
    const std::size_t next = newline == std::string_view::npos ? text.size() : newline + 1;
    const std::string_view row = text.substr(at, next - at);
    const std::size_t first = row.find_first_not_of(" \t\r\n");
    const bool marker = row.starts_with("---") && (row.size() == 3 || IsBlank(row[3]));
    if (marker) {
      cut(at);
      const std::size_t rest = row.find_first_not_of(" \t\r\n", 3);
      content = rest != std::string_view::npos && row[rest] != '#';
      // A marker that carries content stays with its document.
      begin = content ? at : next;
      begin_line = content ? line : line + 1;
    } else if (first != std::string_view::npos && row[first] != '#') {
      content = true;
    }
    at = next;
  }
  cut(text.size());
  return slices;
}

}  // namespace headrace::flow
