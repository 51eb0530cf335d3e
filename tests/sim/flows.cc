#include "tests/sim/flows.h"

#include "common/base/hash.h"
#include "common/model/look_answer.h"
#include "executor/program.h"

namespace headrace::sim {
namespace {

constexpr const char* kType = "io.kestra.plugin.core.debug.Return";

std::string TaskLine(const std::string& indent, const std::string& id, const std::string& more = "") {
  return indent + "- {id: " + id + ", type: " + kType + ", format: \"{{ inputs.n }}\"" + more + "}\n";
}

std::string Head(const std::string& id) {
  return "id: " + id + "\nnamespace: sim\ninputs:\n  - {id: n, type: INT}\ntasks:\n";
}

std::string Chain() { return Head("chain") + TaskLine("  ", "a") + TaskLine("  ", "b") + TaskLine("  ", "c"); }

std::string Fan() {
  return Head("fan") +
         "  - id: wide\n    type: io.kestra.plugin.core.flow.Parallel\n    concurrent: 2\n    tasks:\n" +
         TaskLine("      ", "p1") + TaskLine("      ", "flaky_2", ", retry: {type: constant, interval: PT5S, maxAttempts: 4}") +
         TaskLine("      ", "p3") + TaskLine("      ", "fails_allowed", ", allowFailure: true") + TaskLine("  ", "join");
}

std::string Poll() {
  return Head("poll") +
         "  - id: loop\n    type: io.kestra.plugin.core.flow.LoopUntil\n"
         "    condition: \"{{ outputs.look.value == 'yes' }}\"\n    checkFrequency: {interval: PT7S}\n    tasks:\n"
         "      - {id: look, type: " + std::string(kType) +
         ", format: \"{{ inputs.n }} {{ outputs.loop.iterationCount }}\"}\n" + TaskLine("  ", "after");
}

std::string Doomed() {
  return Head("doomed") + TaskLine("  ", "fails_hard", ", retry: {type: exponential, interval: PT1S, maxInterval: PT9S, maxAttempts: 3}") +
         TaskLine("  ", "never") + "errors:\n" + TaskLine("  ", "on_error");
}

std::string Subflow(const std::string& id, const std::string& flow) {
  return "      - {id: " + id + ", type: io.kestra.plugin.core.flow.Subflow, namespace: sim, flowId: " + flow +
         ", wait: true, inputs: {n: \"{{ inputs.n }}\"}}\n";
}

std::string Parent() {
  return Head("parent") + "  - id: both\n    type: io.kestra.plugin.core.flow.Parallel\n    tasks:\n" +
         Subflow("left", "poll") + Subflow("right", "chain") + TaskLine("  ", "done");
}

std::string Failing() {
  return Head("failing") + "  - id: both\n    type: io.kestra.plugin.core.flow.Parallel\n    tasks:\n" +
         Subflow("bad", "doomed") + Subflow("good", "chain") + TaskLine("  ", "unreached");
}

std::string Batches() {
  return Head("batches") +
         "  - {id: each, type: io.kestra.plugin.core.flow.ForEachItem, items: \"kestra:///items\", namespace: sim, flowId: chain, "
         "inputs: {n: \"{{ inputs.n }}\"}}\n" +
         TaskLine("  ", "done");
}

model::TaskTypeSpec ReturnSpec() {
  model::TaskTypeSpec spec;
  spec.type = kType;
  spec.properties = {{.name = "format"}};
  spec.outputs = {{.name = "value"}};
  return spec;
}

}  // namespace

std::shared_ptr<const flow::Catalog> SimCatalog() {
  auto catalog = std::make_shared<flow::Catalog>();
  for (model::TaskTypeSpec& spec : executor::TaskTypeSpecs()) catalog->Add(std::move(spec));
  catalog->Add(ReturnSpec());
  return catalog;
}

const std::vector<std::string>& FlowSources() {
  static const std::vector<std::string> sources = {Chain(), Fan(), Poll(), Doomed(), Parent(), Failing(), Batches()};
  return sources;
}

const std::vector<std::string>& FlowIds() {
  static const std::vector<std::string> ids = {"chain", "fan", "poll", "doomed", "parent", "failing", "batches"};
  return ids;
}

const std::string kWatchFlow = "watch";

std::string WatchSource() {
  return "id: " + kWatchFlow + "\nnamespace: sim\ntasks:\n  - {id: a, type: " + kType + ", format: \"{{ trigger.look }}\"}\n"
         "triggers:\n  - {id: site, type: io.kestra.plugin.core.http.Trigger, uri: \"http://x\", interval: PT7S}\n";
}

TaskFate FateOf(std::uint64_t seed, const worker::StartOrder& order) {
  if (scheduler::IsLook(order.key)) {
    const std::uint64_t chance = StableHash(order.key.execution.str(), seed);
    const Object variables{{"look", order.key.execution.str()}};
    return {.takes = std::chrono::milliseconds(chance % 4000 + (chance % 7 == 0 ? 20'000 : 0)),
            .outputs_json = json::serialize(model::ToOutputs({.fires = Laws::Fires(order.key), .variables = variables}))};
  }
  const Value context = ParseJson(order.context_json).value_or(Value(Object{}));
  const Value* n = AtPath(context, "inputs.n");
  const Value* iteration = AtPath(context, "outputs.loop.iterationCount");
  const std::string& task = order.spec->task_id;
  const std::uint64_t chance = StableHash(task + '/' + (n == nullptr ? "" : ToText(*n)), seed);
  TaskFate fate;
  fate.takes = std::chrono::milliseconds(chance % 4000);
  if (chance % 5 == 0) fate.takes += std::chrono::seconds(20);
  if (task == "look") {
    const auto wanted = static_cast<std::int64_t>(chance % 4 + 1);
    const bool yes = iteration != nullptr && iteration->is_int64() && iteration->get_int64() >= wanted;
    fate.outputs_json = yes ? R"({"value":"yes"})" : R"({"value":"no"})";
  } else if (task == "each_split") {
    fate.outputs_json = R"({"numberOfBatches":)" + std::to_string(chance % 7) + "}";
  } else {
    fate.outputs_json = R"({"value":")" + std::to_string(chance % 100) + R"("})";
  }
  if (task.starts_with("fails")) fate.outcome = model::State::kFailed;
  if (task.starts_with("flaky") && order.key.fence.attempt <= chance % 3) fate.outcome = model::State::kFailed;
  return fate;
}

}  // namespace headrace::sim
