// YAML text to a tree that knows where everything stood, and values back to YAML text.
// Shapes: aliases are expanded (and counted), merge keys `<<` are applied; map keys are unique texts.
// Units: lines and columns count from 1; a column counts characters, not bytes.
// Errors: INVALID_ARGUMENT (RESOURCE_EXHAUSTED for limits) with every violation that could be found, each with its
// place. Threads: pure. The only home of yaml-cpp, through its event interface. Source: README.md lists how plain
// scalars are read (as Kestra's SnakeYAML and Jackson read them).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/error.h"
#include "common/model/value.h"

namespace headrace::flow {

struct YamlEntry;

struct YamlNode {
  enum class Kind : std::uint8_t { kNull, kScalar, kList, kMap };
  enum class Style : std::uint8_t { kPlain, kQuoted, kBlock };

  Kind kind = Kind::kNull;
  Style style = Style::kPlain;  // of scalars
  bool is_text = false;         // quoted, block or tagged !!str: never a number or boolean
  std::string text{};           // of scalars, and of a null as it was written
  std::vector<YamlNode> items;
  std::vector<YamlEntry> entries;
  int line = 0;
  int column = 0;
  std::size_t offset = 0;  // of its first byte in the source without BOM

  bool is_null() const { return kind == Kind::kNull; }
  bool is_scalar() const { return kind == Kind::kScalar; }
  bool is_list() const { return kind == Kind::kList; }
  bool is_map() const { return kind == Kind::kMap; }
  // The value under `key` of a map, or nullptr.
  const YamlNode* Find(std::string_view key) const;
};

struct YamlEntry {
  YamlNode key;
  YamlNode value;
};

struct YamlLimits {
  std::size_t bytes = 5u << 20;            // of source
  std::size_t expanded_bytes = 20u << 20;  // of text once aliases are expanded
  std::size_t nodes = 200'000;             // once aliases are expanded
  std::size_t depth = 64;
  std::size_t violations = 100;  // after which the rest is not told
};

// One document; several are an error that says so. An empty text is a null. `first_line` is where the text begins
// in its file.
Result<YamlNode> ParseYaml(std::string_view text, const std::string& file, const YamlLimits& limits = {},
                           int first_line = 1);
// Every document of the text.
Result<std::vector<YamlNode>> ParseYamlDocuments(std::string_view text, const std::string& file,
                                                 const YamlLimits& limits = {});

// The node as a plain value. Numbers that fit neither 64 bits nor a finite double stay text.
Value ToValue(const YamlNode& node);
// One document as a value: for the yaml() function and for files of inputs.
Result<Value> ParseYamlValue(std::string_view text, const std::string& file = {});
// Block style; texts are quoted only where they would read as something else. Ends with a newline.
std::string ToYaml(const Value& value);

// One document of a text with several, cut at its `---` lines. Documents without content are left out.
struct YamlSlice {
  std::string_view text;
  int first_line = 1;
};
std::vector<YamlSlice> SplitDocuments(std::string_view text);

struct YamlPlace {
  int line = 0;
  int column = 0;
};
// Where byte `text_offset` of a scalar's text stands in the source (without BOM) that it was read from.
YamlPlace Locate(std::string_view source, const YamlNode& scalar, std::size_t text_offset);

}  // namespace headrace::flow
