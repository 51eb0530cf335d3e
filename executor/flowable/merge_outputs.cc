// <id>_merge of a ForEachItem: workers write the outputs of the children into one file, so many at a time as one message
// to a worker holds; the last part puts the files of those before it in front of its own.
#include "common/model/for_each_item.h"
#include "executor/flowable/flowables.h"
#include "executor/flowable/for_each_item.h"
#include "executor/verbs.h"

namespace headrace::executor {

using model::TaskRun;
using model::TaskRunIndex;

namespace {

// Far below queue::kFrameBytesMax, also when every character is escaped.
constexpr std::size_t kPartBytes = 1024 * 1024;

// The runs of the batches, in their order.
const std::vector<TaskRunIndex>& BatchesOf(const LiveExecution& live, const TaskRun& merge) {
  static const std::vector<TaskRunIndex> kNone;
  const std::optional<TaskRunIndex> items = PartOfSame(live, merge, model::kItemsExecutable);
  return items ? live.books().at(*items).children : kNone;
}

// One line; empty for a child without outputs.
std::string DocumentOf(const LiveExecution& live, TaskRunIndex batch) {
  const Value* outputs = live.execution().task_runs[batch].outputs.if_contains("outputs");
  if (outputs == nullptr || !outputs->is_object() || outputs->get_object().empty()) return {};
  return ToJson(*outputs) + "\n";
}

// A part remembers the places of its first batch and of the one behind its last.
std::size_t End(const TaskRun& part) { return part.memo.get_array().at(1).to_number<std::size_t>(); }

class MergeOutputs final : public SteeredType {
 public:
  model::TaskTypeSpec Spec() const override {
    return {.type = std::string(model::kItemsMerge), .role = model::TaskRole::kFlowable};
  }
  bool by_value() const override { return true; }

  void Start(Step& step, TaskRunIndex self) const override { StartPart(step, self, 0); }

  void ChildEnded(Step& step, TaskRunIndex self, TaskRunIndex child) const override {
    const TaskRun& part = step.run(child);
    if (StopsList(part.state.current())) {
      step.Edit(self).message = part.message;
      return EndMainList(step, self);
    }
    const std::size_t end = End(part);
    if (end < BatchesOf(step.live(), step.run(self)).size()) return StartPart(step, self, end);
    if (const Value* uri = part.outputs.if_contains("uri")) step.Edit(self).outputs = {{"subflowOutputs", *uri}};
    EndMainList(step, self);
  }

 private:
  static void StartPart(Step& step, TaskRunIndex self, std::size_t first) {
    const std::vector<TaskRunIndex>& batches = BatchesOf(step.live(), step.run(self));
    std::size_t end = first;
    for (std::size_t bytes = 0; end < batches.size(); ++end) {
      bytes += DocumentOf(step.live(), batches[end]).size();
      if (bytes > kPartBytes && end > first) break;
    }
    const Scope& scope = step.scope(self);
    StartTask(step, ListOf(step.flow(), &step.task(self), ListKind::kMain).front(), self, std::nullopt,
              static_cast<std::int32_t>(scope.next));
    step.Edit(scope.children.back()).memo = Array{first, end};
  }
};

}  // namespace

Object PartVariables(const LiveExecution& live, const TaskRun& part) {
  const TaskRun& merge = live.execution().task_runs.at(*part.parent);
  const std::vector<TaskRunIndex>& batches = BatchesOf(live, merge);
  const std::size_t end = std::min(End(part), batches.size());
  std::string documents;
  for (std::size_t i = part.memo.get_array().at(0).to_number<std::size_t>(); i < end; ++i) {
    documents += DocumentOf(live, batches[i]);
  }
  // As text: what is sealed inside stays so.
  Object variables{{model::kPartDocuments, std::move(documents)}};
  if (end < batches.size()) return variables;
  Array before;
  for (const TaskRunIndex index : live.books().at(merge.index).children) {
    const Value* uri = live.execution().task_runs[index].outputs.if_contains("uri");
    if (index < part.index && uri != nullptr) before.push_back(*uri);
  }
  variables[model::kPartsBefore] = std::move(before);
  return variables;
}

const SteeredType& MergeOutputsType() {
  static const MergeOutputs kType;
  return kType;
}

}  // namespace headrace::executor
