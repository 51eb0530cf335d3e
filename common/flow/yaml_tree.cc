#include "common/flow/yaml_tree.h"

namespace headrace::flow {
namespace {

constexpr std::size_t kPathMax = 200;   // of a field path in a message
constexpr std::size_t kLinearKeys = 8;  // maps up to this size are searched, larger ones hashed

Measure MeasureOf(const YamlNode& node) {
  Measure measure{1, node.text.size(), 1};
  for (const YamlNode& item : node.items) measure.Include(MeasureOf(item));
  for (const YamlEntry& entry : node.entries) {
    measure.bytes += entry.key.text.size();
    measure.Include(MeasureOf(entry.value));
  }
  return measure;
}

std::string Shortened(const std::string& key) {
  constexpr std::size_t kKeyMax = 80;
  if (key.size() <= kKeyMax) return key;
  std::size_t end = kKeyMax;
  while (end > 0 && IsContinuation(key[end])) --end;
  return key.substr(0, end) + "…";
}

// "!!int" of a tag as yaml-cpp resolves it; empty for no tag.
std::string ShortTag(const std::string& tag) {
  static constexpr std::string_view kCore = "tag:yaml.org,2002:";
  if (tag.empty() || tag == "?" || tag == "!") return {};
  if (tag.starts_with(kCore)) return "!!" + tag.substr(kCore.size());
  return tag;
}

}  // namespace

void TreeReader::OnDocumentStart(const YAML::Mark& mark) {
  document_start_ = mark.is_null() ? 0 : static_cast<std::size_t>(mark.pos);
  stack_.clear();
  anchors_.clear();
  open_anchors_.clear();
  root_ = YamlNode{};
}

void TreeReader::OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) {
  YamlNode node = Begin(mark, {}, {});
  const std::size_t start = node.offset;
  for (const std::string_view word : {"null", "Null", "NULL", "~"}) {
    if (text_.substr(start, word.size()) == word) node.text = word;
  }
  Finish(std::move(node), anchor);
}

void TreeReader::OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                          const std::string& value) {
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

void TreeReader::OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) {
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

void TreeReader::OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                                 YAML::EmitterStyle::value) {
  Open(Begin(mark, tag, {"!!seq"}), YamlNode::Kind::kList, anchor);
}

void TreeReader::OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                            YAML::EmitterStyle::value) {
  Open(Begin(mark, tag, {"!!map"}), YamlNode::Kind::kMap, anchor);
}

void TreeReader::OnMapEnd() {
  ApplyMerges(stack_.back());
  Close();
}

void TreeReader::Report(std::size_t offset, std::string message, std::string field) {
  if (violations_.size() >= limits_.violations) throw StopReading{};
  const YamlPlace place = places_.At(offset);
  violations_.push_back(
      {field.empty() ? Path() : std::move(field), std::move(message), place.line, place.column, file_});
}

std::size_t TreeReader::OffsetOf(const YAML::Mark& mark) const {
  return mark.is_null() ? 0 : std::min(static_cast<std::size_t>(mark.pos), text_.size());
}

void TreeReader::Place(YamlNode& node, std::size_t offset) {
  const YamlPlace place = places_.At(offset);
  node.line = place.line;
  node.column = place.column;
  node.offset = offset;
}

std::size_t TreeReader::SkipProperties(std::size_t offset) const {
  while (offset < text_.size() && (text_[offset] == '&' || text_[offset] == '!')) {
    const std::size_t end = text_.find_first_of(" \t\r\n", offset);
    if (end == std::string_view::npos) return text_.size();
    const std::size_t next = text_.find_first_not_of(" \t\r\n", end);
    if (next == std::string_view::npos) return text_.size();
    offset = next;
  }
  return offset;
}

YamlNode::Style TreeReader::StyleAt(std::size_t offset) const {
  if (offset >= text_.size()) return YamlNode::Style::kPlain;
  switch (text_[offset]) {
    case '"':
    case '\'':
      return YamlNode::Style::kQuoted;
    case '|':
    case '>':
      return YamlNode::Style::kBlock;
    default:
      return YamlNode::Style::kPlain;
  }
}

bool TreeReader::IsClosed(std::size_t quote_at) const {
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

YamlNode TreeReader::Begin(const YAML::Mark& mark, const std::string& tag,
                           std::initializer_list<std::string_view> allowed) {
  const std::size_t offset = OffsetOf(mark);
  Charge(Measure{}, offset);
  if (const std::string short_tag = ShortTag(tag); !short_tag.empty()) {
    bool known = false;
    for (const std::string_view one : allowed) known = known || one == short_tag;
    if (!known) Report(offset, "the tag `" + Shortened(short_tag) + "` is not supported; leave it out");
  }
  YamlNode node;
  Place(node, SkipProperties(offset));
  return node;
}

void TreeReader::Charge(const Measure& measure, std::size_t offset) {
  nodes_ += measure.nodes;
  bytes_ += measure.bytes;
  if (nodes_ > limits_.nodes) {
    StopAtLimit(offset,
                "the document has more than " + std::to_string(limits_.nodes) + " nodes once its aliases are expanded");
  }
  if (bytes_ > limits_.expanded_bytes) {
    StopAtLimit(offset, "the document has more than " + std::to_string(limits_.expanded_bytes) +
                            " bytes of text once its aliases are expanded");
  }
}

void TreeReader::StopAtLimit(std::size_t offset, std::string message) {
  limit_hit_ = true;
  Report(offset, std::move(message));
  throw StopReading{};
}

void TreeReader::StopAtDepth(std::size_t offset) {
  StopAtLimit(offset, "the document is nested deeper than " + std::to_string(limits_.depth) + " levels");
}

void TreeReader::Open(YamlNode node, YamlNode::Kind kind, YAML::anchor_t anchor) {
  if (stack_.size() >= limits_.depth) StopAtDepth(node.offset);
  node.kind = kind;
  if (anchor != 0) open_anchors_.insert(anchor);
  stack_.push_back(Frame{std::move(node), anchor});
}

void TreeReader::Close() {
  Frame frame = std::move(stack_.back());
  stack_.pop_back();
  open_anchors_.erase(frame.anchor);
  Finish(std::move(frame.node), frame.anchor);
}

void TreeReader::Finish(YamlNode node, YAML::anchor_t anchor) {
  if (anchor != 0) {
    // The copy is paid for here, so that nested anchors cannot multiply memory.
    const Measure measure = MeasureOf(node);
    Charge(measure, node.offset);
    anchors_.insert_or_assign(anchor, Anchored{node, measure});
  }
  Attach(std::move(node));
}

void TreeReader::Attach(YamlNode node) {
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

void TreeReader::CheckKey(Frame& frame, YamlNode& key) {
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
    Report(key.offset, "duplicate key `" + Shortened(key.text) + "`; it stands first in line " + std::to_string(first));
  }
}

int TreeReader::SeenAt(Frame& frame, const YamlNode& key) {
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

void TreeReader::ApplyMerges(Frame& frame) {
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

std::string TreeReader::Path() const {
  std::string path;
  for (const Frame& frame : stack_) {
    if (frame.node.is_list()) {
      path += '[' + std::to_string(frame.node.items.size()) + ']';
    } else if (frame.has_key) {
      if (!path.empty()) path += '.';
      path += Shortened(frame.key.text);
    }
    if (path.size() > kPathMax) return path + "…";
  }
  return path;
}

}  // namespace headrace::flow
