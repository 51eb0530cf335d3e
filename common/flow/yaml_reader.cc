#include <yaml-cpp/depthguard.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <sstream>

#include "common/base/text.h"
#include "common/flow/yaml_tree.h"

namespace headrace::flow {
namespace {

constexpr std::string_view kBom = "\xef\xbb\xbf";

std::string HexByte(unsigned char byte) {
  static constexpr std::string_view kDigits = "0123456789ABCDEF";
  return {'0', 'x', kDigits[byte >> 4], kDigits[byte & 15]};
}

// yaml-cpp takes any bytes; YAML does not.
void CheckBytes(std::string_view text, TreeReader& reader) {
  std::size_t valid_to = text.size();
  if (!IsValidUtf8(text)) {
    // Bisecting at character borders finds the first bad byte without a decoder of our own.
    std::size_t low = 0;
    std::size_t high = text.size();
    while (low < high) {
      std::size_t middle = low + (high - low + 1) / 2;
      while (middle > low && middle < text.size() && IsContinuation(text[middle])) --middle;
      if (middle == low) {
        std::size_t next = low + 1;
        while (next < high && IsContinuation(text[next])) ++next;
        if (!IsValidUtf8(text.substr(low, next - low))) break;
        low = next;
      } else if (IsValidUtf8(text.substr(low, middle - low))) {
        low = middle;
      } else {
        high = middle - 1;
        while (high > low && IsContinuation(text[high])) --high;
      }
    }
    valid_to = low;
  }
  for (std::size_t i = 0; i < valid_to; ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const bool control = (byte < 0x20 && byte != '\t' && byte != '\n' && byte != '\r') || byte == 0x7f;
    if (control) reader.Report(i, "the control character " + HexByte(byte) + " is not allowed in YAML");
  }
  if (valid_to < text.size()) {
    reader.Report(valid_to, "the text is not valid UTF-8: byte " + HexByte(static_cast<unsigned char>(text[valid_to])));
  }
}

// yaml-cpp's words where ours help more.
std::string Reworded(const std::string& message) {
  if (message == "illegal map value") {
    return "unexpected `:`; a text that holds \": \" must stand in quotes";
  }
  if (message == "end of map not found" || message == "end of sequence not found") {
    return message + ": the indentation of this line fits no list or map above it";
  }
  if (message == "end of sequence flow not found") return "`[` is not closed here; `,` or `]` is expected";
  if (message == "end of map flow not found") return "`{` is not closed here; `,` or `}` is expected";
  if (message == "illegal flow end") return "a closing bracket without the opening one";
  if (message == "the referenced anchor is not defined") return "no anchor of this name stands above";
  if (message == "unknown token") {
    return "unexpected character; a text that begins with @, `, % or another indicator must stand in quotes";
  }
  return message;
}

// The tab that indents the line of `offset`, or npos.
std::size_t IndentingTab(std::string_view text, std::size_t offset) {
  std::size_t start = std::min(offset, text.size());
  while (start > 0 && text[start - 1] != '\n') --start;
  const std::size_t first = text.find_first_not_of(' ', start);
  return first != std::string_view::npos && text[first] == '\t' ? first : std::string_view::npos;
}

Error Fault(TreeReader& reader, const std::string& file) {
  const std::size_t count = reader.violations().size();
  std::string message = file.empty() ? "invalid YAML" : file + ": invalid YAML";
  message += ": " + std::to_string(count) + (count == 1 ? " error" : " errors");
  return {reader.limit_hit() ? Code::kResourceExhausted : Code::kInvalidArgument, std::move(message),
          std::move(reader.violations())};
}

class DocumentsReader {
 public:
  DocumentsReader(std::string_view text, const std::string& file, const YamlLimits& limits, bool several,
                  int first_line)
      : text_(text.starts_with(kBom) ? text.substr(kBom.size()) : text),
        several_(several),
        reader_(text_, file, limits, first_line) {}

  bool Read(std::vector<YamlNode>& documents) {
    try {
      CheckBytes(text_, reader_);
      if (!reader_.violations().empty()) return false;
      std::istringstream stream{std::string(text_)};
      YAML::Parser parser(stream);
      while (parser.HandleNextDocument(reader_)) {
        if (!documents.empty() && !CheckStart()) return false;
        last_start_ = reader_.document_start();
        documents.push_back(reader_.TakeRoot());
      }
    } catch (const StopReading&) {
    } catch (const YAML::DeepRecursion& deep) {
      Syntax(deep.mark, "the document is nested too deeply");
    } catch (const YAML::Exception& fault) {
      Syntax(fault.mark, fault.msg);
    } catch (const std::exception& fault) {
      Syntax(YAML::Mark::null_mark(), fault.what());
    }
    return reader_.violations().empty();
  }

  TreeReader& reader() { return reader_; }

 private:
  // yaml-cpp takes what it cannot read after a document as the next document, again and again.
  bool CheckStart() {
    const std::size_t start = reader_.document_start();
    const bool marked = text_.substr(start, 3) == "---" || start > last_start_ + 3;
    if (start == last_start_ || !marked || !HasMarker(start)) {
      reader_.Report(start, "unexpected `" + std::string(text_.substr(start, 1)) +
                                "` after the end of the document; check the indentation and the brackets");
      return false;
    }
    if (!several_) {
      reader_.Report(start, "one document is expected here; another one begins with `---`");
      return false;
    }
    return true;
  }

  // A marker line stands between the documents.
  bool HasMarker(std::size_t start) const {
    const std::string_view between = text_.substr(last_start_, start + 3 - last_start_);
    return between.find("\n---") != std::string_view::npos || between.find("\n...") != std::string_view::npos ||
           between.starts_with("...");
  }

  void Syntax(const YAML::Mark& mark, const std::string& message) {
    const std::size_t offset = mark.is_null() ? text_.size() : static_cast<std::size_t>(mark.pos);
    const std::size_t tab = IndentingTab(text_, offset);
    try {
      if (tab != std::string_view::npos) {
        reader_.Report(tab, "tabs cannot indent YAML; use spaces");
      } else {
        reader_.Report(offset, Reworded(message));
      }
    } catch (const StopReading&) {
    }
  }

  std::string_view text_;
  bool several_;
  TreeReader reader_;
  std::size_t last_start_ = 0;
};

Result<std::vector<YamlNode>> ReadDocuments(std::string_view text, const std::string& file, const YamlLimits& limits,
                                            bool several, int first_line) {
  if (text.size() > limits.bytes) {
    return Fail(Code::kResourceExhausted, (file.empty() ? std::string("the YAML text") : file) + " has " +
                                              std::to_string(text.size()) + " bytes; the limit is " +
                                              std::to_string(limits.bytes));
  }
  std::vector<YamlNode> documents;
  DocumentsReader reader(text, file, limits, several, first_line);
  if (!reader.Read(documents)) return Fail(Fault(reader.reader(), file));
  return documents;
}

}  // namespace

const YamlNode* YamlNode::Find(std::string_view key) const {
  for (const YamlEntry& entry : entries) {
    if (entry.key.text == key) return &entry.value;
  }
  return nullptr;
}

Result<YamlNode> ParseYaml(std::string_view text, const std::string& file, const YamlLimits& limits, int first_line) {
  ASSIGN_OR_RETURN(std::vector<YamlNode> documents, ReadDocuments(text, file, limits, false, first_line));
  if (documents.empty()) return YamlNode{.line = first_line, .column = 1};
  return std::move(documents.front());
}

Result<std::vector<YamlNode>> ParseYamlDocuments(std::string_view text, const std::string& file,
                                                 const YamlLimits& limits) {
  return ReadDocuments(text, file, limits, true, 1);
}

}  // namespace headrace::flow
