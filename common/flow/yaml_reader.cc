#include <yaml-cpp/anchor.h>
#include <yaml-cpp/depthguard.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <array>
#include <sstream>
#include <unordered_map>
#include <unordered_set>

#include "common/base/check.h"
#include "common/base/text.h"
#include "common/flow/yaml.h"

namespace headrace::flow {
namespace {

constexpr std::string_view kBom = "\xef\xbb\xbf";
constexpr std::size_t kPathMax = 200;   // of a field path in a message
constexpr std::size_t kLinearKeys = 8;  // maps up to this size are searched, larger ones hashed

bool IsContinuation(char c) { return (static_cast<unsigned char>(c) & 0xc0) == 0x80; }

// Byte offsets to lines and columns; linear in total as long as it is mostly asked forwards.
class PlaceFinder {
 public:
  explicit PlaceFinder(std::string_view text) : text_(text) {}

  YamlPlace At(std::size_t offset) {
    offset = std::min(offset, text_.size());
    if (offset < at_) Rewind(offset);
    for (; at_ < offset; ++at_) {
      if (text_[at_] == '\n') {
        ++place_.line;
        place_.column = 1;
      } else if (!IsContinuation(text_[at_])) {
        ++place_.column;
      }
    }
    return place_;
  }

 private:
  // Marks go back by a few bytes within a line only; errors may go back further.
  void Rewind(std::size_t offset) {
    while (at_ > offset) {
      --at_;
      if (text_[at_] == '\n') --place_.line;
    }
    std::size_t start = at_;
    while (start > 0 && text_[start - 1] != '\n') --start;
    place_.column = 1;
    for (std::size_t i = start; i < at_; ++i) place_.column += IsContinuation(text_[i]) ? 0 : 1;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  YamlPlace place_{1, 1};
};

struct StopReading {};

struct Measure {
  std::size_t nodes = 1;
  std::size_t bytes = 0;
  std::size_t height = 1;

  void Include(const Measure& child) {
    nodes += child.nodes;
    bytes += child.bytes;
    height = std::max(height, child.height + 1);
  }
};

Measure MeasureOf(const YamlNode& node) {
  Measure measure{1, node.text.size(), 1};
  for (const YamlNode& item : node.items) measure.Include(MeasureOf(item));
  for (const YamlEntry& entry : node.entries) {
    measure.bytes += entry.key.text.size();
    measure.Include(MeasureOf(entry.value));
  }
  return measure;
}

// "!!int" of a tag as yaml-cpp resolves it; empty for no tag.
std::string ShortTag(const std::string& tag) {
  static constexpr std::string_view kCore = "tag:yaml.org,2002:";
  if (tag.empty() || tag == "?" || tag == "!") return {};
  if (tag.starts_with(kCore)) return "!!" + tag.substr(kCore.size());
  return tag;
}

class TreeReader : public YAML::EventHandler {
 public:
  TreeReader(std::string_view text, const std::string& file, const YamlLimits& limits)
      : text_(text), file_(file), limits_(limits), places_(text) {}

  void OnDocumentStart(const YAML::Mark& mark) override {
    document_start_ = mark.is_null() ? 0 : static_cast<std::size_t>(mark.pos);
    stack_.clear();
    anchors_.clear();
    open_anchors_.clear();
    root_ = YamlNode{};
  }
  void OnDocumentEnd() override { CHECK(stack_.empty() || !violations_.empty()); }

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    YamlNode node = Begin(mark, {}, {});
    const std::size_t start = node.offset;
    for (const std::string_view word : {"null", "Null", "NULL", "~"}) {
      if (text_.substr(start, word.size()) == word) node.text = word;
    }
    Finish(std::move(node), anchor);
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    YamlNode node = Begin(mark, tag, {"!!str", "!!int", "!!float", "!!bool", "!!null"});
    node.kind = YamlNode::Kind::kScalar;
    node.text = value;
    node.style = StyleAt(node.offset);
    node.is_text = node.style != YamlNode::Style::kPlain || tag == "!";
    if (node.style == YamlNode::Style::kQuoted && !IsClosed(node.offset)) {
      Report(node.offset, "this quote is never closed");
    }
    const std::string short_tag = ShortTag(tag);
    if (short_tag == "!!str") node.is_text = true;
    if (short_tag == "!!int" || short_tag == "!!float" || short_tag == "!!bool") node.is_text = false;
    if (short_tag == "!!null") node.kind = YamlNode::Kind::kNull;
    Finish(std::move(node), anchor);
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const std::size_t offset = OffsetOf(mark);
    if (const auto known = anchors_.find(anchor); known != anchors_.end()) {
      Charge(known->second.measure, offset);
      if (stack_.size() + known->second.measure.height > limits_.depth) StopAtDepth(offset);
      Attach(YamlNode(known->second.node));
      return;
    }
    if (open_anchors_.contains(anchor)) Report(offset, "this alias stands inside the node it refers to: a cycle");
    YamlNode node;
    Place(node, offset);
    Attach(std::move(node));
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    Open(Begin(mark, tag, {"!!seq"}), YamlNode::Kind::kList, anchor);
  }
  void OnSequenceEnd() override { Close(); }

  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    Open(Begin(mark, tag, {"!!map"}), YamlNode::Kind::kMap, anchor);
  }
  void OnMapEnd() override {
    ApplyMerges(stack_.back());
    Close();
  }

  YamlNode TakeRoot() { return std::move(root_); }
  std::size_t document_start() const { return document_start_; }
  bool limit_hit() const { return limit_hit_; }
  std::vector<Violation>& violations() { return violations_; }

  void Report(std::size_t offset, std::string message, std::string field = {}) {
    if (violations_.size() >= limits_.violations) throw StopReading{};
    const YamlPlace place = places_.At(offset);
    violations_.push_back({field.empty() ? Path() : std::move(field), std::move(message), place.line, place.column,
                           file_});
  }

 private:
  struct Frame {
    YamlNode node;
    YAML::anchor_t anchor = 0;
    bool has_key = false;
    YamlNode key{};
    std::unordered_map<std::string, int> lines{};  // of the keys, once there are many
  };
  struct Anchored {
    YamlNode node;
    Measure measure;
  };

  std::size_t OffsetOf(const YAML::Mark& mark) const {
    return mark.is_null() ? 0 : std::min(static_cast<std::size_t>(mark.pos), text_.size());
  }

  void Place(YamlNode& node, std::size_t offset) {
    const YamlPlace place = places_.At(offset);
    node.line = place.line;
    node.column = place.column;
    node.offset = offset;
  }

  // Past an anchor and a tag, to the first byte of the node itself.
  std::size_t SkipProperties(std::size_t offset) const {
    while (offset < text_.size() && (text_[offset] == '&' || text_[offset] == '!')) {
      const std::size_t end = text_.find_first_of(" \t\r\n", offset);
      if (end == std::string_view::npos) return text_.size();
      const std::size_t next = text_.find_first_not_of(" \t\r\n", end);
      if (next == std::string_view::npos) return text_.size();
      offset = next;
    }
    return offset;
  }

  YamlNode::Style StyleAt(std::size_t offset) const {
    if (offset >= text_.size()) return YamlNode::Style::kPlain;
    switch (text_[offset]) {
      case '"': case '\'': return YamlNode::Style::kQuoted;
      case '|': case '>': return YamlNode::Style::kBlock;
      default: return YamlNode::Style::kPlain;
    }
  }

  // yaml-cpp lets the end of the text close a quote.
  bool IsClosed(std::size_t quote_at) const {
    const char quote = text_[quote_at];
    for (std::size_t i = quote_at + 1; i < text_.size(); ++i) {
      if (quote == '"' && text_[i] == '\\') {
        ++i;
      } else if (text_[i] == quote) {
        if (quote == '"' || i + 1 >= text_.size() || text_[i + 1] != '\'') return true;
        ++i;
      }
    }
    return false;
  }

  YamlNode Begin(const YAML::Mark& mark, const std::string& tag, std::initializer_list<std::string_view> allowed) {
    const std::size_t offset = OffsetOf(mark);
    Charge(Measure{}, offset);
    if (const std::string short_tag = ShortTag(tag); !short_tag.empty()) {
      bool known = false;
      for (const std::string_view one : allowed) known = known || one == short_tag;
      if (!known) Report(offset, "the tag `" + short_tag + "` is not supported; leave it out");
    }
    YamlNode node;
    Place(node, SkipProperties(offset));
    return node;
  }

  void Charge(const Measure& measure, std::size_t offset) {
    nodes_ += measure.nodes;
    bytes_ += measure.bytes;
    if (nodes_ > limits_.nodes) {
      StopAtLimit(offset, "the document has more than " + std::to_string(limits_.nodes) +
                              " nodes once its aliases are expanded");
    }
    if (bytes_ > limits_.expanded_bytes) {
      StopAtLimit(offset, "the document has more than " + std::to_string(limits_.expanded_bytes) +
                              " bytes of text once its aliases are expanded");
    }
  }

  [[noreturn]] void StopAtLimit(std::size_t offset, std::string message) {
    limit_hit_ = true;
    Report(offset, std::move(message));
    throw StopReading{};
  }

  [[noreturn]] void StopAtDepth(std::size_t offset) {
    StopAtLimit(offset, "the document is nested deeper than " + std::to_string(limits_.depth) + " levels");
  }

  void Open(YamlNode node, YamlNode::Kind kind, YAML::anchor_t anchor) {
    if (stack_.size() >= limits_.depth) StopAtDepth(node.offset);
    node.kind = kind;
    if (anchor != 0) open_anchors_.insert(anchor);
    stack_.push_back(Frame{std::move(node), anchor});
  }

  void Close() {
    Frame frame = std::move(stack_.back());
    stack_.pop_back();
    open_anchors_.erase(frame.anchor);
    Finish(std::move(frame.node), frame.anchor);
  }

  void Finish(YamlNode node, YAML::anchor_t anchor) {
    if (anchor != 0) {
      // The copy is paid for here, so that nested anchors cannot multiply memory.
      const Measure measure = MeasureOf(node);
      Charge(measure, node.offset);
      anchors_.insert_or_assign(anchor, Anchored{node, measure});
    }
    Attach(std::move(node));
  }

  void Attach(YamlNode node) {
    if (stack_.empty()) {
      root_ = std::move(node);
      return;
    }
    Frame& frame = stack_.back();
    if (frame.node.is_list()) {
      frame.node.items.push_back(std::move(node));
    } else if (!frame.has_key) {
      CheckKey(frame, node);
      frame.key = std::move(node);
      frame.has_key = true;
    } else {
      frame.node.entries.push_back(YamlEntry{std::move(frame.key), std::move(node)});
      frame.has_key = false;
    }
  }

  void CheckKey(Frame& frame, YamlNode& key) {
    if (key.is_list() || key.is_map()) {
      if (key.offset > 0 && text_[key.offset - 1] == '{') {
        Report(key.offset - 1, "an expression must stand in quotes: \"{{ … }}\"");
      } else {
        Report(key.offset, "a map or list cannot be a key; keys are texts");
      }
      key = YamlNode{};
      key.text = "\x01" + std::to_string(frame.node.entries.size());
      return;
    }
    if (key.is_null() && key.text.empty()) {
      Report(key.offset, "a key is missing");
      return;
    }
    if (IsMerge(key)) return;
    if (const int first = SeenAt(frame, key); first != 0) {
      Report(key.offset, "duplicate key `" + key.text + "`; it stands first in line " + std::to_string(first));
    }
  }

  // The line where the key stood before, or 0; remembers it.
  static int SeenAt(Frame& frame, const YamlNode& key) {
    if (frame.node.entries.size() < kLinearKeys) {
      for (const YamlEntry& entry : frame.node.entries) {
        if (entry.key.text == key.text) return entry.key.line;
      }
      return 0;
    }
    if (frame.lines.empty()) {
      for (const YamlEntry& entry : frame.node.entries) frame.lines.emplace(entry.key.text, entry.key.line);
    }
    const auto [seen, is_new] = frame.lines.emplace(key.text, key.line);
    return is_new ? 0 : seen->second;
  }

  static bool IsMerge(const YamlNode& key) { return !key.is_text && key.text == "<<"; }

  void ApplyMerges(Frame& frame) {
    std::vector<YamlEntry> own;
    std::vector<YamlEntry> merged;
    bool any = false;
    for (const YamlEntry& entry : frame.node.entries) any = any || IsMerge(entry.key);
    if (!any) return;
    for (YamlEntry& entry : frame.node.entries) {
      if (!IsMerge(entry.key)) {
        own.push_back(std::move(entry));
      } else if (entry.value.is_map()) {
        for (YamlEntry& from : entry.value.entries) merged.push_back(std::move(from));
      } else if (entry.value.is_list()) {
        for (YamlNode& item : entry.value.items) {
          if (!item.is_map()) Report(item.offset, "the merge key `<<` takes a map or a list of maps");
          for (YamlEntry& from : item.entries) merged.push_back(std::move(from));
        }
      } else {
        Report(entry.value.offset, "the merge key `<<` takes a map or a list of maps");
      }
    }
    std::unordered_set<std::string> seen;
    for (const YamlEntry& entry : own) seen.insert(entry.key.text);
    for (YamlEntry& entry : merged) {
      if (seen.insert(entry.key.text).second) own.push_back(std::move(entry));
    }
    frame.node.entries = std::move(own);
  }

  // tasks[2].retry: where the reader stands.
  std::string Path() const {
    std::string path;
    for (const Frame& frame : stack_) {
      if (frame.node.is_list()) {
        path += '[' + std::to_string(frame.node.items.size()) + ']';
      } else if (frame.has_key) {
        if (!path.empty()) path += '.';
        path += frame.key.text;
      }
      if (path.size() > kPathMax) return path.substr(0, path.find_last_of(".[", kPathMax)) + "…";
    }
    return path;
  }

  std::string_view text_;
  const std::string& file_;
  const YamlLimits& limits_;
  PlaceFinder places_;
  std::vector<Frame> stack_;
  std::unordered_map<YAML::anchor_t, Anchored> anchors_;
  std::unordered_set<YAML::anchor_t> open_anchors_;
  YamlNode root_;
  std::size_t document_start_ = 0;
  std::size_t nodes_ = 0;
  std::size_t bytes_ = 0;
  bool limit_hit_ = false;
  std::vector<Violation> violations_;
};

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
  DocumentsReader(std::string_view text, const std::string& file, const YamlLimits& limits, bool several)
      : text_(text.starts_with(kBom) ? text.substr(kBom.size()) : text),
        several_(several),
        reader_(text_, file, limits) {}

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
                                            bool several) {
  if (text.size() > limits.bytes) {
    return Fail(Code::kResourceExhausted, (file.empty() ? std::string("the YAML text") : file) + " has " +
                                              std::to_string(text.size()) + " bytes; the limit is " +
                                              std::to_string(limits.bytes));
  }
  std::vector<YamlNode> documents;
  DocumentsReader reader(text, file, limits, several);
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

Result<YamlNode> ParseYaml(std::string_view text, const std::string& file, const YamlLimits& limits) {
  ASSIGN_OR_RETURN(std::vector<YamlNode> documents, ReadDocuments(text, file, limits, false));
  if (documents.empty()) return YamlNode{.line = 1, .column = 1};
  return std::move(documents.front());
}

Result<std::vector<YamlNode>> ParseYamlDocuments(std::string_view text, const std::string& file,
                                                 const YamlLimits& limits) {
  return ReadDocuments(text, file, limits, true);
}

}  // namespace headrace::flow
