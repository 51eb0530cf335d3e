#include "cli/watch/render.h"

#include <algorithm>
#include <utility>

#include "cli/watch/text.h"
#include "cli/watch/tree.h"

namespace headrace::cli {

using model::State;

namespace {

constexpr std::size_t kNameColumns = 24;

struct Look {
  std::string_view mark;
  std::string_view ascii;
  Tint tint;
};

Look LookOf(Mark mark) {
  switch (mark) {
    case Mark::kSuccess: return {"✔", "+", Tint::kGreen};
    case Mark::kRunning: return {"●", "*", Tint::kCyan};
    case Mark::kWarning: return {"⚠", "!", Tint::kYellow};
    case Mark::kFailed: return {"✖", "x", Tint::kRed};
    case Mark::kSkipped: return {"–", "-", Tint::kDim};
    case Mark::kWaiting: break;
  }
  return {"○", ".", Tint::kDim};
}

Tint TintOf(State state) { return LookOf(MarkOf(state)).tint; }

// The signs that details use, for terminals without them.
std::string Ascii(std::string text) {
  const std::pair<std::string_view, std::string_view> kSigns[] = {{" · ", ", "}, {"→", "->"}, {"×", "x"}, {"…", "~"}, {"›", ">"}};
  for (const auto& [from, to] : kSigns) {
    for (std::size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size())) {
      text.replace(at, from.size(), to);
    }
  }
  return text;
}

struct Row {
  std::string stem;  // the lines of the tree
  const TreeNode* node;
};

void Flatten(const std::vector<TreeNode>& nodes, const std::string& indent, bool ascii, std::vector<Row>& rows) {
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    const bool last = i + 1 == nodes.size();
    rows.push_back({indent + (ascii ? (last ? "`- " : "|- ") : (last ? "└─ " : "├─ ")), &nodes[i]});
    Flatten(nodes[i].children, indent + (last ? "   " : ascii ? "|  " : "│  "), ascii, rows);
  }
}

std::size_t Count(const std::vector<TreeNode>& nodes) {
  std::size_t count = nodes.size();
  for (const TreeNode& node : nodes) count += Count(node.children);
  return count;
}

// Stretches of siblings that are all done or all to come become one line each.
void Fold(std::vector<TreeNode>& nodes) {
  std::vector<TreeNode> kept;
  for (std::size_t i = 0; i < nodes.size();) {
    const Mark mark = nodes[i].mark;
    std::size_t end = i + 1;
    const bool folds = mark == Mark::kSuccess || mark == Mark::kWaiting || mark == Mark::kSkipped;
    while (folds && end < nodes.size() && nodes[end].mark == mark) ++end;
    if (end - i > 2) {
      const char* what = mark == Mark::kSuccess ? " done" : mark == Mark::kWaiting ? " waiting" : " skipped";
      kept.push_back({.mark = mark, .name = std::to_string(end - i) + " tasks", .detail = what + 1});
    } else {
      for (std::size_t at = i; at < end; ++at) {
        if (mark == Mark::kSuccess) nodes[at].children.clear();
        Fold(nodes[at].children);
        kept.push_back(std::move(nodes[at]));
      }
    }
    i = end;
  }
  nodes = std::move(kept);
}

std::string HeaderLine(const WatchModel& model, Timestamp now, const RenderStyle& style) {
  const WatchedExecution& root = *model.root();
  const v1::StateHistory& history = root.header.state();
  const State state = StateOf(history);
  const Timestamp start = history.changes_size() == 0 ? now : TimeOf(history.changes(0).at());
  const bool over = model::IsTerminal(state);
  const Timestamp until = over ? TimeOf(history.changes(history.changes_size() - 1).at()) : now;
  const std::string spent = over ? TookText(until - start) : TickText(until - start);
  std::string labels;
  for (const v1::Label& label : root.header.labels()) {
    if (!label.key().starts_with("system.")) labels += "  " + Printable(label.key()) + "=" + Printable(label.value());
  }
  const std::string flow = Printable(root.header.flow_id());
  const std::string name(model::StateName(state));
  std::string id = root.header.id();
  const std::size_t rest = Width(flow) + name.size() + spent.size() + Width(labels) + 5;
  if (rest + id.size() > style.width) id = ShortId(id, style.ascii);
  const std::string plain = flow + "  " + id + "  " + name + " " + spent;
  if (Width(plain) + Width(labels) > style.width) labels = Fit(labels, style.width - std::min(style.width, Width(plain)), style.ascii);
  if (Width(plain) > style.width) return Fit(plain, style.width, style.ascii);
  return Tinted(Tint::kBold, flow, style.color) + "  " + Tinted(Tint::kDim, id, style.color) + "  " +
         Tinted(TintOf(state), name, style.color) + " " + spent + Tinted(Tint::kDim, labels, style.color);
}

std::string RowLine(const Row& row, std::size_t column, const RenderStyle& style) {
  const Look look = LookOf(row.node->mark);
  const std::string stem = Fit(row.stem, style.width > 2 ? style.width - 2 : 0, style.ascii);
  const std::size_t room = column > Width(stem) + 4 ? column - Width(stem) - 4 : 0;
  std::string name = Fit(style.ascii ? Ascii(row.node->name) : row.node->name, room, style.ascii);
  const std::size_t used = Width(stem) + 2 + Width(name);
  const std::string_view mark = style.ascii ? look.ascii : look.mark;
  std::string line = Tinted(Tint::kDim, stem, style.color) + Tinted(look.tint, mark, style.color) + " " +
                     (row.node->mark == Mark::kWaiting ? Tinted(Tint::kDim, name, style.color) : name);
  if (row.node->detail.empty() || style.width <= column) return line;
  const std::string detail = Fit(style.ascii ? Ascii(row.node->detail) : row.node->detail, style.width - column, style.ascii);
  const Tint tint = row.node->mark == Mark::kFailed ? Tint::kRed : row.node->mark == Mark::kRunning ? Tint::kNone : Tint::kDim;
  return line + std::string(column - used, ' ') + Tinted(tint, detail, style.color);
}

// Where details begin: behind the longest name, if that leaves room for what goes on now.
std::size_t DetailColumn(const std::vector<Row>& rows, const RenderStyle& style) {
  std::size_t column = 0;
  std::size_t now = 0;
  for (const Row& row : rows) {
    const std::string& name = row.node->name;
    column = std::max(column, Width(row.stem) + 2 + Width(style.ascii ? Ascii(name) : name) + 2);
    if (row.node->mark == Mark::kRunning) now = std::max(now, Width(row.node->detail));
  }
  const std::size_t left = style.width - std::min(style.width, now);
  const std::size_t most = style.width * 11 / 20;
  const std::size_t least = std::min(most, std::max(style.width * 2 / 5, kNameColumns));
  return std::min(column, std::clamp(left, least, most));
}

}  // namespace

std::string MarkText(State state, const RenderStyle& style) {
  const Look look = LookOf(MarkOf(state));
  return Tinted(look.tint, style.ascii ? look.ascii : look.mark, style.color);
}

std::vector<std::string> Render(const WatchModel& model, Timestamp now, const RenderStyle& style) {
  std::vector<std::string> lines;
  if (model.root() == nullptr) return lines;
  std::vector<TreeNode> tree = BuildTree(model, now);
  const std::size_t room = style.height == 0 ? 0 : std::max<std::size_t>(style.height, 3) - 1;
  if (room > 0 && Count(tree) > room) Fold(tree);
  std::vector<Row> rows;
  Flatten(tree, "", style.ascii, rows);
  const std::size_t all = rows.size();
  if (room > 0 && all > room) rows.resize(room - 1);
  lines.push_back(HeaderLine(model, now, style));
  const std::size_t column = DetailColumn(rows, style);
  for (const Row& row : rows) lines.push_back(RowLine(row, column, style));
  if (rows.size() < all) {
    const std::string more = (style.ascii ? "~ " : "… ") + std::to_string(all - rows.size()) + " more";
    lines.push_back(Tinted(Tint::kDim, Fit(more, style.width, style.ascii), style.color));
  }
  return lines;
}

std::vector<std::string> RenderFailure(const WatchModel& model, const RenderStyle& style) {
  std::vector<std::string> lines;
  const WatchedExecution* root = model.root();
  if (root == nullptr || MarkOf(StateOf(root->header.state())) != Mark::kFailed) return lines;
  const FailedRun failed = FirstFailed(model);
  const auto cut = [&](const std::string& text) { return Fit(style.ascii ? Ascii(text) : text, style.width, style.ascii); };
  if (failed.run == nullptr) {
    if (!root->header.message().empty()) lines.push_back(Tinted(Tint::kRed, cut(Printable(root->header.message())), style.color));
    return lines;
  }
  std::string place;
  for (const std::string& id : failed.path) place += (place.empty() ? "" : " › ") + Printable(id);
  const std::string state(model::StateName(StateOf(failed.run->state())));
  std::string line = MarkText(StateOf(failed.run->state()), style) + " " + Tinted(Tint::kBold, cut(place), style.color) + " " +
                     Tinted(Tint::kRed, state, style.color);
  lines.push_back(std::move(line));
  if (!failed.run->message().empty()) lines.push_back("  " + Printable(failed.run->message()));
  for (const v1::LogEntry& entry : model.LastLogs(failed.execution->header.id(), failed.run->index())) {
    lines.push_back(Tinted(Tint::kDim, style.ascii ? "  | " : "  │ ", style.color) + Printable(entry.message()));
  }
  return lines;
}

}  // namespace headrace::cli
