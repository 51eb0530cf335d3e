// How long it takes to read and check flows of many tasks. Usage: bench_flow [TASKS]
// Limit: 2,000 tasks in less than 100 ms. Each number is processor time, the best and the median of several rounds;
// beside it stands what yaml-cpp alone takes to read the text.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>

#include "common/flow/builder.h"

namespace headrace::flow {
namespace {

using model::PropertyKind;
using model::TaskRole;
constexpr int kRounds = 15;

const Catalog& Types() {
  static const Catalog kCatalog = [] {
    Catalog catalog;
    catalog.Add({.type = "io.kestra.plugin.core.log.Log",
                 .properties = {{.name = "message", .kind = PropertyKind::kAny, .required = true}}});
    catalog.Add({.type = "io.kestra.plugin.scripts.shell.Script",
                 .properties = {{.name = "script", .kind = PropertyKind::kString, .required = true},
                                {.name = "env", .kind = PropertyKind::kMap},
                                {.name = "taskRunner", .kind = PropertyKind::kMap, .rendered = false}}});
    catalog.Add(
        {.type = "io.kestra.plugin.core.flow.Sequential",
         .role = TaskRole::kFlowable,
         .properties = {{.name = "tasks", .kind = PropertyKind::kTaskList, .required = true, .rendered = false}}});
    catalog.Add(
        {.type = "io.kestra.plugin.core.flow.Dag",
         .role = TaskRole::kFlowable,
         .properties = {{.name = "tasks", .kind = PropertyKind::kTaskNodes, .required = true, .rendered = false}}});
    return catalog;
  }();
  return kCatalog;
}

std::string Head() {
  return "id: large\nnamespace: company.team\ninputs:\n  - {id: version, type: STRING, defaults: '1.0'}\n"
         "  - {id: tag, type: STRING, defaults: 'v{{ inputs.version }}'}\nvariables: {repo: a/b}\n";
}

// A script with its environment, an expression for each, and a reference to the task before.
std::string Script(int i, const std::string& indent) {
  const std::string id = "step_" + std::to_string(i);
  const std::string before =
      i == 0 ? "{{ inputs.tag }}" : "{{ outputs.step_" + std::to_string(i - 1) + ".vars.tag ?? '' }}";
  return "id: " + id + "\n" + indent + "type: io.kestra.plugin.scripts.shell.Script\n" + indent + "timeout: PT10M\n" +
         indent + "retry: {type: constant, interval: PT10S, maxAttempts: 3}\n" + indent +
         "env: {TAG: \"{{ inputs.tag }}\", REPO: \"{{ vars.repo }}\", BEFORE: \"" + before + "\"}\n" + indent +
         "script: |\n" + indent + "  set -x\n" + indent + "  git clone https://example.org/{{ vars.repo }}\n" + indent +
         "  make release VERSION={{ inputs.version | upper }} TAG={{ inputs.tag }}\n";
}

std::string Flat(int tasks) {
  std::string text = Head() + "tasks:\n";
  for (int i = 0; i < tasks; ++i) text += "  - " + Script(i, "    ");
  return text;
}

std::string Nested(int tasks) {
  std::string text = Head() + "tasks:\n";
  for (int i = 0; i < tasks; ++i) {
    if (i % 20 == 0) {
      text += "  - id: group_" + std::to_string(i) + "\n    type: io.kestra.plugin.core.flow.Sequential\n    tasks:\n";
    }
    text += "      - " + Script(i, "        ");
  }
  return text;
}

std::string Graph(int tasks) {
  std::string text = Head() + "tasks:\n  - id: dag\n    type: io.kestra.plugin.core.flow.Dag\n    tasks:\n";
  for (int i = 0; i < tasks; ++i) {
    text += "      - task:\n          " + Script(i, "          ");
    if (i > 0) text += "        dependsOn: [step_" + std::to_string(i - 1) + "]\n";
  }
  return text;
}

std::string Defaults(int tasks) {
  return Flat(tasks) +
         "pluginDefaults:\n  - {type: io.kestra.plugin.scripts, values: {env: {A: b}, taskRunner: {type: "
         "io.kestra.plugin.core.runner.Process}}}\n";
}

// The least that tasks may be.
std::string Short(int tasks) {
  std::string text = Head() + "tasks:\n";
  for (int i = 0; i < tasks; ++i) {
    const std::string n = std::to_string(i);
    text += "  - id: log_" + n +
            "\n    type: io.kestra.plugin.core.log.Log\n    message: \"{{ inputs.tag }} is number " + n + "\"\n";
  }
  return text;
}

// Every task names a task that is not there: the worst for suggestions.
std::string Wrong(int tasks) {
  std::string text = Head() + "tasks:\n";
  for (int i = 0; i < tasks; ++i) {
    const std::string n = std::to_string(i);
    text += "  - {id: t" + n + ", type: io.kestra.plugin.core.log.Log, message: '{{ outputs.u" + n + ".x }}'}\n";
  }
  return text;
}

double CpuMillis() { return 1e3 * static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

void Measure(const char* name, const std::string& source, bool valid) {
  std::vector<double> times;
  std::vector<double> reading;
  for (int round = 0; round < kRounds; ++round) {
    const double begin = CpuMillis();
    const auto built = BuildFlow(source, "large.yaml", Types());
    times.push_back(CpuMillis() - begin);
    const double before = CpuMillis();
    if (!ParseYaml(source, "large.yaml")) return;
    reading.push_back(CpuMillis() - before);
    if (built.has_value() != valid) {
      std::printf("%s: %s\n", name, built ? "unexpectedly valid" : built.error().ToString().c_str());
      return;
    }
  }
  std::sort(times.begin(), times.end());
  std::sort(reading.begin(), reading.end());
  std::printf("%-24s %6zu KiB   best %6.1f ms   median %6.1f ms   YAML alone %6.1f ms\n", name, source.size() / 1024,
              times.front(), times[times.size() / 2], reading.front());
}

}  // namespace
}  // namespace headrace::flow

int main(int argc, char** argv) {
  using namespace headrace::flow;
  const int tasks = argc > 1 ? std::atoi(argv[1]) : 2000;
  std::printf("%d tasks\n", tasks);
  Measure("short tasks", Short(tasks), true);
  Measure("one list", Flat(tasks), true);
  Measure("lists of twenty", Nested(tasks), true);
  Measure("a Dag in a row", Graph(tasks), true);
  Measure("with plugin defaults", Defaults(tasks), true);
  Measure("every name is wrong", Wrong(tasks), false);
  return 0;
}
