#include "common/flow/yaml.h"

namespace headrace::flow {
namespace {

// A byte order mark at the start of a text would be taken for the file's own.
bool HoldsMark(std::string_view text) { return text.find("\xef\xbb\xbf") != std::string_view::npos; }

// Whether a plain scalar of this text would be read back as the same text.
bool ReadsBackPlain(std::string_view text) {
  static constexpr std::string_view kIndicators = "-?:,[]{}#&*!|>'\"%@`";
  if (HoldsMark(text)) return false;
  if (text.empty() || text.front() == ' ' || text.back() == ' ') return false;
  if (text == "~" || text == "null" || text == "Null" || text == "NULL" || text == "<<" || text == "=") return false;
  if (text == "y" || text == "Y" || text == "n" || text == "N") return false;  // booleans to some readers
  if (text.starts_with("---") || text.starts_with("...")) return false;
  const bool dash_word = text.front() == '-' && text.size() > 1 && text[1] != ' ';
  if (kIndicators.find(text.front()) != std::string_view::npos && !dash_word) return false;
  if (text.find(": ") != std::string_view::npos || text.find(" #") != std::string_view::npos || text.back() == ':') {
    return false;
  }
  for (const char c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) return false;
  }
  return ToValue(YamlNode{.kind = YamlNode::Kind::kScalar, .text = std::string(text)}).is_string();
}

// A block literal keeps what it is given only under these conditions.
bool FitsLiteral(std::string_view text) {
  if (HoldsMark(text)) return false;
  if (text.find('\n') == std::string_view::npos || text.front() == ' ' || text.front() == '\n' ||
      text.front() == '\t') {
    return false;
  }
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if ((byte < 0x20 && byte != '\n' && byte != '\t') || byte == 0x7f) return false;
    if (byte == '\n' && i > 0 && (text[i - 1] == ' ' || text[i - 1] == '\t')) return false;
  }
  return !text.ends_with("\n\n");
}

class Writer {
 public:
  std::string Take() { return std::move(out_); }

  // Called with the cursor behind "key:" or "-" or at the start; ends with a newline.
  void Write(const Value& value, int indent, bool in_list) {
    if (const Object* map = value.if_object(); map != nullptr && !map->empty()) return WriteMap(*map, indent, in_list);
    if (const Array* list = value.if_array(); list != nullptr && !list->empty()) {
      return WriteList(*list, indent, in_list);
    }
    Space();
    WriteScalar(value, indent);
  }

 private:
  void WriteMap(const Object& map, int indent, bool in_list) {
    bool first = true;
    for (const auto& [key, member] : map) {
      StartLine(indent, first && in_list);
      first = false;
      WriteText(key, indent, true);
      out_ += ':';
      const bool nested_list = member.is_array();
      Write(member, nested_list ? indent + 1 : indent + 2, false);
    }
  }

  void WriteList(const Array& list, int indent, bool in_list) {
    bool first = true;
    for (const Value& item : list) {
      StartLine(indent, first && in_list);
      first = false;
      out_ += '-';
      Write(item, indent + 2, true);
    }
  }

  void StartLine(int indent, bool same_line) {
    if (same_line) {
      Space();
      return;
    }
    if (!out_.empty() && out_.back() != '\n') out_ += '\n';
    out_.append(static_cast<std::size_t>(indent), ' ');
  }

  void Space() {
    if (!out_.empty() && out_.back() != '\n') out_ += ' ';
  }

  void WriteScalar(const Value& value, int indent) {
    switch (value.kind()) {
      case json::kind::null:
        out_ += "null";
        break;
      case json::kind::object:
        out_ += "{}";
        break;
      case json::kind::array:
        out_ += "[]";
        break;
      case json::kind::string:
        WriteText(value.get_string(), indent, false);
        return;
      default:
        out_ += ToText(value);
    }
    out_ += '\n';
  }

  void WriteText(std::string_view text, int indent, bool as_key) {
    if (ReadsBackPlain(text)) {
      out_ += text;
    } else if (!as_key && !text.empty() && FitsLiteral(text)) {
      WriteLiteral(text, indent);
      return;
    } else {
      AppendQuoted(text);
    }
    if (!as_key) out_ += '\n';
  }

  // A JSON string is a YAML double-quoted scalar, but for DEL.
  void AppendQuoted(std::string_view text) {
    for (const char c : json::serialize(json::string(text))) {
      if (c == 0x7f) {
        out_ += "\\x7F";
      } else {
        out_ += c;
      }
    }
  }

  void WriteLiteral(std::string_view text, int indent) {
    const bool ends_with_newline = text.back() == '\n';
    out_ += ends_with_newline ? "|\n" : "|-\n";
    if (ends_with_newline) text.remove_suffix(1);
    while (true) {
      const std::size_t end = text.find('\n');
      const std::string_view line = text.substr(0, end);
      if (!line.empty()) out_.append(static_cast<std::size_t>(std::max(indent, 2)), ' ').append(line);
      out_ += '\n';
      if (end == std::string_view::npos) return;
      text.remove_prefix(end + 1);
    }
  }

  std::string out_;
};

}  // namespace

std::string ToYaml(const Value& value) {
  Writer writer;
  writer.Write(value, 0, false);
  return writer.Take();
}

}  // namespace headrace::flow
