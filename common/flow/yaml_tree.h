// The events of yaml-cpp made into trees, within budgets; the part of the reader that knows yaml-cpp's handler.
// Called by yaml_reader.cc only.
// Errors: collected as violations; a spent budget throws StopReading through yaml-cpp.
// Threads: one owner.
#pragma once

#include <yaml-cpp/anchor.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/mark.h>

#include <algorithm>
#include <initializer_list>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "common/flow/yaml.h"

namespace headrace::flow {

inline bool IsContinuation(char c) { return (static_cast<unsigned char>(c) & 0xc0) == 0x80; }

// Byte offsets to lines and columns; linear in total as long as it is mostly asked forwards.
class PlaceFinder {
 public:
  PlaceFinder(std::string_view text, int first_line) : text_(text), place_{first_line, 1} {}

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
  YamlPlace place_;
};

struct StopReading {};

// What a subtree costs.
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

// Feed it one document at a time; then TakeRoot.
class TreeReader : public YAML::EventHandler {
 public:
  TreeReader(std::string_view text, const std::string& file, const YamlLimits& limits, int first_line)
      : text_(text), file_(file), limits_(limits), places_(text, first_line) {}

  void OnDocumentStart(const YAML::Mark& mark) override;
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override;
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override;
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override;
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override;
  void OnSequenceEnd() override { Close(); }

  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override;
  void OnMapEnd() override;

  YamlNode TakeRoot() { return std::move(root_); }
  std::size_t document_start() const { return document_start_; }
  bool limit_hit() const { return limit_hit_; }
  std::vector<Violation>& violations() { return violations_; }

  void Report(std::size_t offset, std::string message, std::string field = {});

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

  std::size_t OffsetOf(const YAML::Mark& mark) const;
  void Place(YamlNode& node, std::size_t offset);

  // Past an anchor and a tag, to the first byte of the node itself.
  std::size_t SkipProperties(std::size_t offset) const;
  YamlNode::Style StyleAt(std::size_t offset) const;

  // yaml-cpp lets the end of the text close a quote.
  bool IsClosed(std::size_t quote_at) const;
  YamlNode Begin(const YAML::Mark& mark, const std::string& tag, std::initializer_list<std::string_view> allowed);
  void Charge(const Measure& measure, std::size_t offset);
  [[noreturn]] void StopAtLimit(std::size_t offset, std::string message);
  [[noreturn]] void StopAtDepth(std::size_t offset);
  void Open(YamlNode node, YamlNode::Kind kind, YAML::anchor_t anchor);
  void Close();
  void Finish(YamlNode node, YAML::anchor_t anchor);
  void Attach(YamlNode node);
  void CheckKey(Frame& frame, YamlNode& key);

  // The line where the key stood before, or 0; remembers it.
  static int SeenAt(Frame& frame, const YamlNode& key);
  static bool IsMerge(const YamlNode& key) { return !key.is_text && key.text == "<<"; }
  void ApplyMerges(Frame& frame);

  // tasks[2].retry: where the reader stands.
  std::string Path() const;

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

}  // namespace headrace::flow
