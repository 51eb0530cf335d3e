// What one render costs after compilation, and one compilation: wall and processor nanoseconds, best of five rounds (the
// processor's time tells what a loaded machine hides).
// Usage: expr_bench [ROUNDS]
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "common/expr/template.h"

namespace headrace::expr {
namespace {

using Wall = std::chrono::steady_clock;
constexpr int kRendersARound = 200'000;

struct Case {
  const char* name;
  const char* text;
};

constexpr Case kCases[] = {
    {"literal", "no expression at all"},
    {"one name", "{{ inputs.x }}"},
    {"typical property", "{{ outputs.task.vars.version }}-{{ inputs.x | upper }}"},
    {"condition", "{{ outputs.check.exitCode == 0 and inputs.x != 'main' }}"},
    {"coalesce", "{{ inputs.missing ?? outputs.task.vars.version ?? 'none' }}"},
    {"command line", "git clone --branch {{ inputs.x }} {{ vars.url }} && make -C {{ flow.id }} VERSION={{ outputs.task.vars.version }}"},
    {"date", "{{ execution.startDate | date('yyyy-MM-dd', timeZone='Europe/Paris') }}"},
    {"loop of 10", "{% for v in inputs.list %}{{ loop.index }}:{{ v }} {% endfor %}"},
};

const Value& BenchContext() {
  static const Value context = *ParseJson(R"({
    "inputs": {"x": "release", "list": [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]}, "vars": {"url": "https://example.org/repo.git"},
    "outputs": {"task": {"vars": {"version": "2.55.0"}}, "check": {"exitCode": 0}},
    "execution": {"id": "7LYk3", "startDate": "2026-11-22T10:00:00.123Z"}, "flow": {"id": "build", "namespace": "company.team"}})");
  return context;
}

double CpuNanos() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto nanos = [](const timeval& time) { return 1e9 * static_cast<double>(time.tv_sec) + 1e3 * static_cast<double>(time.tv_usec); };
  return nanos(usage.ru_utime) + nanos(usage.ru_stime);
}

struct Cost {
  double wall = 1e18;
  double cpu = 1e18;
};

template <typename Work>
Cost Measure(int rounds, int times, Work work) {
  Cost best;
  for (int round = 0; round < rounds; ++round) {
    const auto begin = Wall::now();
    const double cpu = CpuNanos();
    for (int i = 0; i < times; ++i) work();
    best.cpu = std::min(best.cpu, (CpuNanos() - cpu) / times);
    best.wall = std::min(best.wall, std::chrono::duration<double, std::nano>(Wall::now() - begin).count() / times);
  }
  return best;
}

int Main(int rounds) {
  std::size_t bytes = 0;
  std::printf("%-18s %14s %14s %16s\n", "case", "render wall ns", "render cpu ns", "compile wall ns");
  for (const Case& one : kCases) {
    const auto compiled = Template::Compile(one.text);
    BasicEnvironment environment(FromMicros(1'700'000'000'000'000), 1);
    if (!compiled || !(*compiled)->RenderText(BenchContext(), environment)) {
      std::fprintf(stderr, "%s does not render\n", one.name);
      return 1;
    }
    const Cost render = Measure(rounds, kRendersARound, [&] {
      bytes += (*compiled)->RenderText(BenchContext(), environment)->size();
    });
    const Cost compile = Measure(rounds, kRendersARound / 20, [&] { bytes += (*Template::Compile(one.text))->source().size(); });
    std::printf("%-18s %14.0f %14.0f %16.0f\n", one.name, render.wall, render.cpu, compile.wall);
  }
  return bytes == 0 ? 1 : 0;
}

}  // namespace
}  // namespace headrace::expr

int main(int argc, char** argv) { return headrace::expr::Main(argc > 1 ? std::max(1, std::atoi(argv[1])) : 5); }
