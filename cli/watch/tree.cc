#include "cli/watch/tree.h"

#include <optional>
#include <unordered_map>
#include <utility>

#include "cli/watch/text.h"

namespace headrace::cli {

using model::State;

Mark MarkOf(State state) {
  switch (state) {
    case State::kSuccess:
    case State::kRetried:
    case State::kResubmitted: return Mark::kSuccess;
    case State::kWarning: return Mark::kWarning;
    case State::kFailed:
    case State::kKilled:
    case State::kCancelled: return Mark::kFailed;
    case State::kSkipped: return Mark::kSkipped;
    case State::kCreated:
    case State::kSubmitted:
    case State::kQueued: return Mark::kWaiting;
    default: return Mark::kRunning;
  }
}

namespace {

constexpr int kDepthMax = 32;

// Builds the tree of one execution; for a subflow another one builds its child's.
class Builder {
 public:
  Builder(const WatchModel& model, const WatchedExecution& execution, Timestamp now, int depth)
      : model_(model), execution_(execution), now_(now), depth_(depth) {
    for (const auto& [index, run] : execution.runs) {
      if (run.superseded()) continue;
      below_[run.has_parent_index() ? std::optional(run.parent_index()) : std::nullopt].push_back(&run);
    }
    for (const v1::TaskOutline& task : execution.flow.tasks()) {
      planned_[task.has_parent_index() ? std::optional(task.parent_index()) : std::nullopt].push_back(&task);
    }
  }

  std::vector<TreeNode> Top() const {
    return List(std::nullopt, std::nullopt, !model::IsTerminal(StateOf(execution_.header.state())));
  }

 private:
  using Runs = std::vector<const v1::TaskRun*>;

  struct KeyHash {
    std::size_t operator()(const std::optional<std::uint32_t>& key) const {
      return key ? std::hash<std::uint32_t>()(*key) : static_cast<std::size_t>(-1);
    }
  };

  const Runs& Below(std::optional<std::uint32_t> run) const {
    static const Runs kNone;
    const auto found = below_.find(run);
    return found == below_.end() ? kNone : found->second;
  }

  // The runs below one run in the order of the flow, and what is still to come if more may come.
  std::vector<TreeNode> List(std::optional<std::uint32_t> task, std::optional<std::uint32_t> run, bool open) const {
    std::vector<TreeNode> nodes;
    const Runs& runs = Below(run);
    std::unordered_map<std::string, bool> placed;
    const auto planned = planned_.find(task);
    if (planned != planned_.end()) {
      for (const v1::TaskOutline* outline : planned->second) {
        placed[outline->id()] = true;
        bool ran = false;
        for (const v1::TaskRun* each : runs) {
          if (each->task_id() != outline->id()) continue;
          nodes.push_back(Node(*each));
          ran = true;
        }
        if (!ran && open && !outline->disabled() && outline->group() == "tasks") nodes.push_back(Coming(*outline));
      }
    }
    for (const v1::TaskRun* each : runs) {
      if (!placed.contains(each->task_id())) nodes.push_back(Node(*each));
    }
    return nodes;
  }

  TreeNode Coming(const v1::TaskOutline& outline) const {
    TreeNode node{.mark = Mark::kWaiting, .name = Printable(outline.id()), .detail = "waiting"};
    if (outline.role() == v1::TASK_ROLE_EXECUTABLE && !outline.child_flow_id().empty()) {
      node.name += " → " + Printable(outline.child_flow_id());
    }
    return node;
  }

  TreeNode Node(const v1::TaskRun& run) const {
    const State state = StateOf(run.state());
    TreeNode node{.mark = MarkOf(state), .name = NameOf(model_, execution_, run), .detail = DetailOf(execution_, run, now_)};
    const v1::TaskOutline* outline = execution_.Outline(run.task_id());
    if (outline != nullptr && outline->role() == v1::TASK_ROLE_EXECUTABLE) {
      if (MarkOf(state) != Mark::kSuccess) node.children = ChildTree(run);
      return node;
    }
    const bool each = !Below(run.index()).empty() && Below(run.index()).front()->has_value() && !run.has_value();
    // What comes in a loop over values is not known yet.
    const bool open = !model::IsTerminal(state) && !each;
    if (outline != nullptr) node.children = List(outline->index(), run.index(), open);
    else node.children = List(std::nullopt, run.index(), false);
    return node;
  }

  std::vector<TreeNode> ChildTree(const v1::TaskRun& run) const {
    const std::string id = ChildOf(run);
    const WatchedExecution* child = id.empty() ? nullptr : model_.Find(id);
    if (child == nullptr || depth_ >= kDepthMax) return {};
    return Builder(model_, *child, now_, depth_ + 1).Top();
  }

  const WatchModel& model_;
  const WatchedExecution& execution_;
  const Timestamp now_;
  const int depth_;
  std::unordered_map<std::optional<std::uint32_t>, Runs, KeyHash> below_;
  std::unordered_map<std::optional<std::uint32_t>, std::vector<const v1::TaskOutline*>, KeyHash> planned_;
};

bool Failed(const v1::TaskRun& run) { return !run.superseded() && MarkOf(StateOf(run.state())) == Mark::kFailed; }

FailedRun FailedIn(const WatchModel& model, const WatchedExecution& execution, std::optional<std::uint32_t> parent,
                   int depth) {
  if (depth >= kDepthMax) return {};
  for (const auto& [index, run] : execution.runs) {
    const auto its = run.has_parent_index() ? std::optional(run.parent_index()) : std::nullopt;
    if (its != parent || !Failed(run)) continue;
    FailedRun found = FailedIn(model, execution, index, depth + 1);
    if (found.run == nullptr) {
      const WatchedExecution* child = model.Find(ChildOf(run));
      if (child != nullptr) found = FailedIn(model, *child, std::nullopt, depth + 1);
    }
    if (found.run == nullptr) found = {&execution, &run, {}};
    found.path.insert(found.path.begin(), run.task_id());
    return found;
  }
  return {};
}

}  // namespace

std::vector<TreeNode> BuildTree(const WatchModel& model, Timestamp now) {
  const WatchedExecution* root = model.root();
  return root == nullptr ? std::vector<TreeNode>() : Builder(model, *root, now, 0).Top();
}

FailedRun FirstFailed(const WatchModel& model) {
  const WatchedExecution* root = model.root();
  return root == nullptr ? FailedRun{} : FailedIn(model, *root, std::nullopt, 0);
}

}  // namespace headrace::cli
