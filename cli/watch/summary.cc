#include "cli/watch/summary.h"

#include <algorithm>
#include <array>
#include <set>
#include <utility>

#include "cli/watch/text.h"
#include "cli/watch/tree.h"

namespace headrace::cli {

using model::State;

namespace {

constexpr std::size_t kColumns = 7;
constexpr int kDepthMax = 32;
using Row = std::array<std::string, kColumns>;
using Span = std::pair<Timestamp, Timestamp>;
using Spans = std::vector<Span>;

struct Line {
  Row cells;
  State state;
};

Duration Union(Spans spans) {
  std::sort(spans.begin(), spans.end());
  Duration total{};
  Timestamp end{};
  for (const auto& [from, to] : spans) {
    const Timestamp start = std::max(from, end);
    if (to > start) total += to - start;
    end = std::max(end, to);
  }
  return total;
}

// The stays in RUNNING.
void AddRunning(const v1::StateHistory& history, Timestamp now, Spans& spans) {
  for (int i = 0; i < history.changes_size(); ++i) {
    if (history.changes(i).state() != v1::STATE_RUNNING) continue;
    const bool last = i + 1 == history.changes_size();
    spans.push_back({TimeOf(history.changes(i).at()), last ? now : TimeOf(history.changes(i + 1).at())});
  }
}

Span SpanOf(const v1::StateHistory& history, Timestamp now) {
  if (history.changes_size() == 0) return {now, now};
  const Timestamp last = TimeOf(history.changes(history.changes_size() - 1).at());
  return {TimeOf(history.changes(0).at()), model::IsTerminal(StateOf(history)) ? last : now};
}

// One task of one parent: its present run, and those before it.
struct Group {
  const v1::TaskRun* present = nullptr;
  std::vector<const v1::TaskRun*> all{};
};

class Table {
 public:
  Table(const WatchModel& model, Timestamp now) : model_(model), now_(now) {}

  Spans Add(const WatchedExecution& execution, int depth) {
    const std::size_t at = lines_.size();
    lines_.emplace_back();
    const Spans running = AddGroups(execution, {std::nullopt}, depth + 1);
    const v1::StateHistory& state = execution.header.state();
    lines_[at] = MakeLine(depth, Printable(execution.header.flow_id()), StateOf(state), "", "",
                          Union({SpanOf(state, now_)}), Union(running));
    return running;
  }
  const std::vector<Line>& lines() const { return lines_; }

 private:
  // Every run below any of `parents`, which are iterations of one thing.
  Spans AddGroups(const WatchedExecution& execution, const std::set<std::optional<std::uint32_t>>& parents, int depth) {
    Spans running;
    if (depth > kDepthMax) return running;
    std::vector<Group> groups;
    for (const auto& [index, run] : execution.runs) {
      const auto its = run.has_parent_index() ? std::optional(run.parent_index()) : std::nullopt;
      if (!parents.contains(its)) continue;
      const auto same = std::find_if(groups.begin(), groups.end(), [&](const Group& group) {
        return group.present->task_id() == run.task_id() && group.present->value() == run.value();
      });
      Group& group = same == groups.end() ? groups.emplace_back() : *same;
      group.all.push_back(&run);
      group.present = &run;
    }
    for (const Group& group : groups) {
      const Spans inner = AddGroup(execution, group, depth);
      running.insert(running.end(), inner.begin(), inner.end());
    }
    return running;
  }

  Spans AddGroup(const WatchedExecution& execution, const Group& group, int depth) {
    const std::size_t at = lines_.size();
    lines_.emplace_back();
    Spans running;
    Spans lived;
    int attempts = 0;
    std::set<std::optional<std::uint32_t>> indexes;
    for (const v1::TaskRun* run : group.all) {
      indexes.insert(run->index());
      lived.push_back(SpanOf(run->state(), now_));
    }
    const std::size_t own = lines_.size();
    running = AddGroups(execution, indexes, depth + 1);
    if (const WatchedExecution* child = model_.Find(ChildOf(*group.present)); child != nullptr && child != &execution) {
      const Spans its = Add(*child, depth + 1);
      running.insert(running.end(), its.begin(), its.end());
    }
    // What only steers others is never on a worker itself.
    for (const v1::TaskRun* run : group.all) {
      if (lines_.size() > own || !OnWorker(execution, *run)) continue;
      attempts += run->attempts_size();
      for (const v1::Attempt& attempt : run->attempts()) AddRunning(attempt.state(), now_, running);
    }
    const bool loop = group.present->task_type().ends_with("Until") || group.present->task_type().ends_with("WaitFor");
    const std::size_t rounds = loop ? static_cast<std::size_t>(group.present->iteration()) + 1 : group.all.size();
    lines_[at] = MakeLine(depth, NameOf(model_, execution, *group.present), StateOf(group.present->state()),
                          attempts > 0 ? std::to_string(attempts) : "", loop || rounds > 1 ? std::to_string(rounds) : "",
                          Union(lived), Union(running));
    return running;
  }

  static bool OnWorker(const WatchedExecution& execution, const v1::TaskRun& run) {
    const v1::TaskOutline* outline = execution.Outline(run.task_id());
    return outline == nullptr || outline->role() == v1::TASK_ROLE_RUNNABLE;
  }

  static Line MakeLine(int depth, const std::string& name, State state, std::string attempts, std::string rounds,
                       Duration duration, Duration running) {
    const Duration waiting = std::max(duration - running, Duration::zero());
    return {{std::string(static_cast<std::size_t>(depth) * 2, ' ') + name, std::string(model::StateName(state)),
             std::move(attempts), std::move(rounds), TookText(duration), TookText(running), TookText(waiting)},
            state};
  }

  const WatchModel& model_;
  const Timestamp now_;
  std::vector<Line> lines_;
};

std::string Pad(const std::string& text, std::size_t width, bool right) {
  const std::string space(width - std::min(width, Width(text)), ' ');
  return right ? space + text : text + space;
}

}  // namespace

std::vector<std::string> RenderSummary(const WatchModel& model, Timestamp now, const RenderStyle& style) {
  if (model.root() == nullptr) return {};
  Table table(model, now);
  table.Add(*model.root(), 0);
  std::vector<Line> lines = {{{"task run", "state", "attempts", "iterations", "duration", "running", "waiting"}, State::kCreated}};
  lines.insert(lines.end(), table.lines().begin(), table.lines().end());
  std::array<std::size_t, kColumns> widths{};
  for (const Line& line : lines) {
    for (std::size_t i = 0; i < kColumns; ++i) widths[i] = std::max(widths[i], Width(line.cells[i]));
  }
  std::vector<std::string> out;
  for (std::size_t row = 0; row < lines.size(); ++row) {
    std::string text;
    for (std::size_t i = 0; i < kColumns; ++i) {
      std::string cell = Pad(lines[row].cells[i], widths[i], i >= 2);
      if (i == 1 && row > 0) cell = MarkText(lines[row].state, style) + " " + cell;
      else if (i == 1) cell = "  " + cell;
      text += (i == 0 ? "" : "  ") + cell;
    }
    text.erase(text.find_last_not_of(' ') + 1);
    out.push_back(row == 0 ? Tinted(Tint::kDim, text, style.color) : text);
  }
  return out;
}

}  // namespace headrace::cli
