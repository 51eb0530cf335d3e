// ForEachItem: a worker cuts a file into batches, one execution is started a batch, a worker writes their outputs into one
// file. Those executions are begun as earlier ones exist and end, so that a hundred thousand batches burst nothing.
#include "executor/flowable/for_each_item.h"

#include <algorithm>

#include "common/model/for_each_item.h"
#include "executor/flowable/flowables.h"
#include "executor/flowable/spec_parts.h"
#include "executor/flowable/subflow.h"
#include "executor/verbs.h"

namespace headrace::executor {

using model::PropertyKind;
using model::State;
using model::TaskRun;
using model::TaskRunIndex;

namespace {

// Executions that a ForEachItem has at work at the same time: many, as they may wait for hours themselves.
constexpr std::uint32_t kOpenMax = 1000;
// Those of them that were asked for and do not exist yet: what one commit holds, and what is asked for in vain at most.
constexpr std::uint32_t kAskedMax = 32;

constexpr std::string_view kGaveUp = "gaveUp";

std::vector<model::PropertySpec> BatchProperties() {
  return {{.name = "rows", .kind = PropertyKind::kInteger, .doc = "So many lines a batch.", .default_value = 1},
          {.name = "partitions", .kind = PropertyKind::kInteger, .doc = "So many batches, line by line in turn."},
          {.name = "bytes", .kind = PropertyKind::kString, .doc = "A batch begins anew past this size, such as 10MB."},
          {.name = "regexPattern", .kind = PropertyKind::kString,
           .doc = "One batch for each text that its group captures; other lines are left out."},
          {.name = "separator", .kind = PropertyKind::kString, .doc = "Between lines.", .default_value = "\n"}};
}

std::vector<model::PropertySpec> Properties() {
  std::vector<model::PropertySpec> properties = {
      {.name = "items", .kind = PropertyKind::kString, .required = true,
       .doc = "The URI of a stored file with one item a line: an output, or an input of type FILE."},
      {.name = "batch", .kind = PropertyKind::kObject, .doc = "How to cut the file: one way of them.",
       .members = BatchProperties()}};
  for (model::PropertySpec& property : ChildFlowProperties()) {
    if (property.name == "inputs") {
      property.doc = "Inputs of a child, each rendered; `taskrun.items` is its batch's file, `taskrun.iteration` its number.";
    }
    if (property.name == "transmitFailed") {
      property.doc = "FAILED, KILLED or WARNING when a child ended so; otherwise SUCCESS.";
    }
    properties.push_back(std::move(property));
  }
  properties.push_back(ErrorsProperty());
  properties.push_back(FinallyProperty());
  return properties;
}

class ForEachItem final : public SteeredType {
 public:
  model::TaskTypeSpec Spec() const override {
    return {.type = std::string(model::kForEachItem),
            .aliases = {"io.kestra.core.tasks.flows.ForEachItem"},
            .role = model::TaskRole::kFlowable,
            .doc = "Cuts a file into batches and starts an execution of another flow for each. It becomes the task runs "
                   "`<id>`, `<id>_split`, `<id>_items` (outputs `numberOfBatches`, `iterations.<STATE>`) and `<id>_merge` "
                   "(output `subflowOutputs`, the URI of a file with the outputs of one child a line).",
            .properties = Properties(),
            .support = model::Support::kDiffers,
            .differs = "At most 1000 children are at work at a time. A retry starts only the failed batches anew. The outputs of "
                       "the children are kept with the execution until they are merged: `<id>_items` has no "
                       "`subflowOutputsBaseUri`.",
            .example = "id: each_order\n"
                       "type: io.kestra.plugin.core.flow.ForEachItem\n"
                       "items: \"{{ inputs.orders }}\"\n"
                       "batch:\n"
                       "  rows: 100\n"
                       "namespace: company.team\n"
                       "flowId: orders\n"
                       "inputs:\n"
                       "  file: \"{{ taskrun.items }}\"\n"};
  }

  void Start(Step& step, TaskRunIndex self) const override {
    if (!StartNext(step, self, ListOf(step.flow(), &step.task(self), ListKind::kMain), ListKind::kMain)) {
      EndMainList(step, self);
    }
  }
};

std::int64_t CountOf(const TaskRun& items) {
  const Value* count = items.memo.is_object() ? Member(items.memo, model::kBatchCount) : nullptr;
  return count == nullptr ? 0 : count->to_number<std::int64_t>();
}

bool GaveUp(const TaskRun& items) { return Member(items.memo, kGaveUp) != nullptr; }

class Items final : public SteeredType {
 public:
  model::TaskTypeSpec Spec() const override {
    return {.type = std::string(model::kItemsExecutable), .role = model::TaskRole::kFlowable};
  }
  bool by_value() const override { return true; }

  void Start(Step& step, TaskRunIndex self) const override {
    const std::optional<TaskRunIndex> split = PartOfSame(step.live(), step.run(self), model::kItemsSplit);
    Object memo = split ? step.run(*split).outputs : Object();
    const Value* count = memo.if_contains(model::kBatchCount);
    if (count == nullptr || !count->is_number()) return FailForGood(step, self, "the file was not cut into batches");
    step.Edit(self).memo = std::move(memo);
    Fill(step, self);
  }

  void ChildBegan(Step& step, TaskRunIndex self) const override { Fill(step, self); }

  void ChildEnded(Step& step, TaskRunIndex self, TaskRunIndex child) const override {
    const TaskRun& batch = step.run(child);
    // What could not be started for one batch cannot for the next.
    if (batch.state.current() == State::kFailed && !batch.outputs.contains("state")) {
      step.Edit(self).memo.get_object()[kGaveUp] = true;
      step.Edit(self).message = batch.message;
    }
    Fill(step, self);
  }

  void Ending(Step& step, TaskRunIndex self) const override {
    if (!step.run(self).memo.is_object()) return;
    ShowProgress(step, self);
    if (step.killing() || !step.run(self).message.empty() || Outcome(step, self) != State::kFailed) return;
    step.Edit(self).message = std::to_string(step.scope(self).failed) + " of " + std::to_string(CountOf(step.run(self))) +
                              " batches failed";
  }

  State Outcome(const Step& step, TaskRunIndex self) const override {
    const Scope& scope = step.scope(self);
    if (GaveUp(step.run(self))) return State::kFailed;
    if (!TransmitsFailure(step.task(self))) return State::kSuccess;
    if (scope.failed > 0) return State::kFailed;
    if (scope.killed > 0) return State::kKilled;
    return scope.warned > 0 ? State::kWarning : State::kSuccess;
  }

  void Reopened(Step& step, TaskRunIndex self) const override {
    step.Edit(self).memo.get_object().erase(kGaveUp);
    Fill(step, self);
  }
  void Restart(Step& step, TaskRunIndex self) const override {
    if (step.run(self).memo.is_object()) {
      Reopened(step, self);
    } else {
      Start(step, self);
    }
  }

 private:
  static void Fill(Step& step, TaskRunIndex self) {
    const std::vector<model::TaskIndex>& list = ListOf(step.flow(), &step.task(self), ListKind::kMain);
    const Scope& scope = step.scope(self);
    std::uint32_t begun = 0;
    while (scope.at_work() < kOpenMax && !IsOver(step.run(self))) {
      if (BeginNextRestarted(step, self)) continue;
      const bool more = scope.next < CountOf(step.run(self)) && !GaveUp(step.run(self));
      if (!more || scope.submitted >= kAskedMax || begun == kAskedMax) break;
      ++begun;
      StartTask(step, list.front(), self, std::nullopt, static_cast<std::int32_t>(scope.next));
    }
    ShowProgress(step, self);
    if (scope.idle()) EndMainList(step, self);
  }

  // As Kestra counts: by the states of the children, and nothing when there are none.
  static void ShowProgress(Step& step, TaskRunIndex self) {
    const Scope& scope = step.scope(self);
    const std::int64_t count = CountOf(step.run(self));
    if (count == 0) return;
    const std::uint32_t ended = scope.passed + scope.failed + scope.killed + scope.cancelled;
    Object iterations{{"CREATED", std::max<std::int64_t>(count - ended - scope.open, 0)}, {"RUNNING", static_cast<std::int64_t>(scope.open)}};
    const auto show = [&](State state, std::int64_t number) {
      if (number > 0) iterations[model::StateName(state)] = number;
    };
    show(State::kSuccess, std::int64_t{scope.passed} - scope.warned);
    show(State::kWarning, scope.warned);
    show(State::kFailed, scope.failed);
    show(State::kKilled, scope.killed);
    show(State::kCancelled, scope.cancelled);
    step.Edit(self).outputs = {{model::kBatchCount, count}, {"iterations", std::move(iterations)}};
  }
};

class Batch final : public SteeredType {
 public:
  model::TaskTypeSpec Spec() const override {
    return {.type = std::string(model::kItemsBatch), .role = model::TaskRole::kExecutable};
  }
  void Start(Step& step, TaskRunIndex self) const override { StartSubflow(step, self); }
};

}  // namespace

std::optional<TaskRunIndex> PartOfSame(const LiveExecution& live, const TaskRun& run, std::string_view type) {
  for (const TaskRunIndex index : live.books().at(run.parent).children) {
    if (live.program().flow().task(live.execution().task_runs[index].task).type == type) return index;
  }
  return std::nullopt;
}

std::string BatchUri(const model::Execution& execution, const TaskRun& batch) {
  const Value& memo = execution.task_runs.at(*batch.parent).memo;
  const Value* base = Member(memo, model::kBatchBase);
  const Value* extension = Member(memo, model::kBatchExtension);
  return (base == nullptr ? "" : ToText(*base)) + std::to_string(batch.iteration.value_or(0) + 1) +
         (extension == nullptr ? "" : ToText(*extension));
}

const SteeredType& ForEachItemType() {
  static const ForEachItem kType;
  return kType;
}

const SteeredType& ItemsType() {
  static const Items kType;
  return kType;
}

const SteeredType& BatchType() {
  static const Batch kType;
  return kType;
}

}  // namespace headrace::executor
