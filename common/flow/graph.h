// A flow drawn: its tasks, their groups and their order.
// Shapes: tree is text with one task a line; dot is Graphviz; mermaid is a flowchart.
// Threads: pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/model/flow.h"

namespace headrace::flow {

enum class GraphFormat : std::uint8_t { kTree, kAscii, kDot, kMermaid };  // kAscii: a tree without line-drawing letters

// "tree", "ascii", "dot", "mermaid".
std::optional<GraphFormat> ParseGraphFormat(std::string_view name);
std::string FlowGraph(const model::Flow& flow, GraphFormat format);

}  // namespace headrace::flow
