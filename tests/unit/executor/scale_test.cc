// An execution of 100,000 task runs costs the same per event as one of ten: counted in allocations and bytes, and by the
// size of the delta. That all of them can be brought to their end at all shows that nothing walks them.
#include <gtest/gtest.h>

#include <cstdlib>
#include <new>

#include "tests/unit/executor/flow_builder.h"
#include "tests/unit/executor/machine.h"

namespace {

std::size_t allocations = 0;
std::size_t allocated_bytes = 0;

void* Allocate(std::size_t size) {
  ++allocations;
  allocated_bytes += size;
  void* memory = std::malloc(size);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

}  // namespace

void* operator new(std::size_t size) { return Allocate(size); }
void* operator new[](std::size_t size) { return Allocate(size); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }

namespace headrace::executor_test {
namespace {

struct Cost {
  std::size_t allocations;
  std::size_t bytes;
  std::size_t changed;
};

Cost CostOf(Machine& m, model::EventBody body) {
  const std::size_t count = allocations;
  const std::size_t bytes = allocated_bytes;
  const executor::Applied applied = m.Post(std::move(body));
  return {allocations - count, allocated_bytes - bytes, applied.delta.task_runs.size()};
}

model::TaskFinished Success(const Machine& m, model::TaskRunIndex run) {
  return {m.execution().task_runs[run].fence(), WorkerId("w"), model::State::kSuccess, {}, "", m.now()};
}

// Containers that double now and then are forgiven; a cost in the number of task runs is not.
void ExpectSame(const Cost& few, const Cost& many) {
  EXPECT_EQ(few.changed, many.changed);
  EXPECT_LE(many.allocations, few.allocations + 8);
  EXPECT_LE(many.bytes, few.bytes + 8'192);
}

std::vector<TaskSpec> Jobs(int count, const char* run_if = "") {
  std::vector<TaskSpec> tasks;
  for (int i = 0; i < count; ++i) {
    tasks.push_back(Job("t" + std::to_string(i)).With([run_if](model::Task& task) { task.run_if = run_if; }));
  }
  return tasks;
}

constexpr int kMany = 100'000;

TEST(Scale, AnEventOfAWideParallelCostsWhatItChanges) {
  const auto cost = [](int width) {
    Machine m(Build({.tasks = {Parallel("p", Jobs(width))}}), /*check_laws=*/false);
    m.Post(model::Submitted{m.execution().id});
    m.Post(Success(m, 1));
    const Cost middle = CostOf(m, Success(m, static_cast<model::TaskRunIndex>(width / 2)));
    for (int i = 1; i <= width; ++i) m.Post(Success(m, static_cast<model::TaskRunIndex>(i)));
    EXPECT_EQ(m.State(), "SUCCESS");
    return middle;
  };
  ExpectSame(cost(10), cost(kMany));
}

TEST(Scale, AnEventOfALongSequenceWithLimitsAndConditionsCostsWhatItChanges) {
  const auto cost = [](int length) {
    Machine m(Build({.tasks = {Parallel("p", Jobs(length, "{{ outputs.t0.x != 2 and taskrun.id != '' }}"), 3)}}),
              /*check_laws=*/false);
    m.Post(model::Submitted{m.execution().id});
    model::TaskFinished first = Success(m, 1);
    first.outputs["x"] = 1;
    m.Post(first);
    for (int i = 2; i < length - 4; ++i) m.Post(Success(m, static_cast<model::TaskRunIndex>(i)));
    return CostOf(m, Success(m, static_cast<model::TaskRunIndex>(length - 4)));
  };
  ExpectSame(cost(10), cost(kMany / 4));
}

TEST(Scale, AValueOfAForEachCostsWhatItChanges) {
  const auto cost = [](int values) {
    Array list;
    for (int i = 0; i < values; ++i) list.emplace_back(i);
    Machine m(Build({.tasks = {Make("f", "ForEach", {{"values", list}, {"concurrencyLimit", 4}}, {Job("a"), Job("b")})}}),
              /*check_laws=*/false);
    m.Post(model::Submitted{m.execution().id});
    EXPECT_EQ(m.execution().task_runs.size(), 5U);  // begun as the limit allows
    model::TaskRunIndex run = 1;
    while (run + 6 < static_cast<model::TaskRunIndex>(2 * values)) m.Post(Success(m, run++));
    return CostOf(m, Success(m, run));
  };
  ExpectSame(cost(10), cost(kMany / 4));
}

TEST(Scale, ABatchOfAForEachItemCostsWhatItChanges) {
  const auto cost = [](int batches) {
    Machine m(Build({.tasks = {ForEachItem("each", {{"inputs", Object{{"file", "{{ taskrun.items }}"}}}})}}),
              /*check_laws=*/false);
    m.Post(model::Submitted{m.execution().id});
    model::TaskFinished cut = Success(m, 1);
    cut.outputs = {{"numberOfBatches", batches}, {"batchesBaseUri", "kestra:///x/"}};
    m.Post(cut);
    const auto pass = [&m](model::TaskRunIndex run) {
      const ExecutionId child(ToText(m.execution().task_runs[run].outputs.at("executionId")));
      m.Post(model::ChildStarted{run, 1, child});
      return model::ChildEnded{run, 1, child, model::State::kSuccess, {}};
    };
    model::TaskRunIndex run = 3;
    while (run + 36 < static_cast<model::TaskRunIndex>(batches)) m.Post(pass(run++));
    const Cost middle = CostOf(m, pass(run++));
    while (run < static_cast<model::TaskRunIndex>(batches) + 3) m.Post(pass(run++));
    m.Post(Success(m, run + 1));
    EXPECT_EQ(m.State(), "SUCCESS");
    return middle;
  };
  ExpectSame(cost(100), cost(kMany / 4));
}

TEST(Scale, AskingTheWorldCostsWhatItChanges) {
  const auto cost = [](int values) {
    Array list;
    for (int i = 0; i < values; ++i) list.emplace_back(i);
    Machine m(Build({.tasks = {Make("f", "ForEach", {{"values", list}, {"concurrencyLimit", 4}},
                                    {Job("a").With([](model::Task& task) { task.run_if = "{{ kv('k' ~ taskrun.value) }}"; })})}}),
              /*check_laws=*/false);
    m.Post(model::Submitted{m.execution().id});
    model::TaskRunIndex run = 1;
    while (run + 6 < static_cast<model::TaskRunIndex>(values)) m.Post(Success(m, run++));
    return CostOf(m, Success(m, run));
  };
  ExpectSame(cost(10), cost(kMany / 4));
}

TEST(Scale, ARoundOfALoopCostsTheSameAfterManyRounds) {
  Machine m(Build({.tasks = {Make("loop", "LoopUntil", {{"condition", "{{ outputs.a.done ?? false }}"}},
                                  {Sequential("s", {Job("a")})})}}),
            /*check_laws=*/false);
  m.Post(model::Submitted{m.execution().id});
  std::vector<Cost> costs;
  for (int round = 0; round < 5'000; ++round) {
    const auto newest = static_cast<model::TaskRunIndex>(m.execution().task_runs.size() - 1);
    m.Post(Success(m, newest));
    const model::TimerId timer = m.timers().begin()->first;
    m.Wait(std::chrono::minutes(1));
    const Cost cost = CostOf(m, model::TimerFired{timer});
    // From the 501st on each round forgets the one that is too old to be kept.
    if (round == 600 || round == 4'990) costs.push_back(cost);
  }
  ExpectSame(costs[0], costs[1]);
}

TEST(Scale, AContextCostsWhatItNames) {
  Machine m(Build({.tasks = {Parallel("p", Jobs(1'000))}}), /*check_laws=*/false);
  m.Post(model::Submitted{m.execution().id});
  for (model::TaskRunIndex i = 1; i <= 1'000; ++i) {
    model::TaskFinished done = Success(m, i);
    done.outputs["x"] = i;
    m.Post(done);
  }
  const auto build = [&](const expr::References& references) {
    const std::size_t before = allocations;
    const Object context = BuildContext(m.live(), std::nullopt, references);
    EXPECT_NE(context.if_contains("outputs"), nullptr);
    return allocations - before;
  };
  EXPECT_LT(build({.paths = {{"outputs", "t7", "x"}}}), 40U);
  EXPECT_GT(build({.whole_context = true}), 1'000U);
}

}  // namespace
}  // namespace headrace::executor_test
