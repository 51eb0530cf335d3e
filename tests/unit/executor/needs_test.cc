// Expressions that ask the world: nothing changes until the event brings the answers.
#include <gtest/gtest.h>

#include "executor/bookkeeping.h"
#include "tests/unit/executor/flow_builder.h"
#include "tests/unit/executor/machine.h"

namespace headrace::executor_test {
namespace {

TaskSpec Branch(std::string condition) {
  return Make("if", "If", {{"condition", std::move(condition)}}).Group("then", {Job("yes")}).Group("else", {Job("no")});
}

struct Asked {
  explicit Asked(FlowSpec spec) {
    auto program = executor::Program::Build(Build(std::move(spec)));
    EXPECT_TRUE(program) << program.error().ToString();
    live = std::make_unique<executor::LiveExecution>(*program, ExecutionId("0000000000000000000001"));
  }
  executor::Applied Apply(model::EventBody body, std::map<std::string, model::Answer> answers = {}) {
    return executor::Apply(*live, {FromMicros(1'767'686'400'000'000), std::move(body), std::move(answers)});
  }
  model::TaskFinished Finish(model::TaskRunIndex run) const {
    return {live->execution().task_runs[run].fence(), WorkerId("w"), model::State::kSuccess};
  }
  std::unique_ptr<executor::LiveExecution> live;
};

TEST(Needs, AnEventWithoutItsAnswersChangesNothing) {
  Asked a({.tasks = {Job("first"), Branch("{{ kv('flag') }}")}});
  a.Apply(model::Submitted{a.live->execution().id, {{"v", 1}}});
  const model::Execution before = a.live->execution();
  const executor::Bookkeeping books = a.live->books();
  const executor::Applied asked = a.Apply(a.Finish(0));
  ASSERT_EQ(asked.needs.size(), 1U);
  EXPECT_EQ(asked.needs[0].key(), "kv[\"flag\"]{}");
  EXPECT_TRUE(asked.delta.empty());
  EXPECT_TRUE(asked.commands.empty());
  EXPECT_EQ(a.live->execution(), before);
  EXPECT_TRUE(a.live->books() == books);

  const executor::Applied applied = a.Apply(a.Finish(0), {{asked.needs[0].key(), {Value(true), ""}}});
  EXPECT_TRUE(applied.needs.empty());
  EXPECT_EQ(a.live->execution().task_runs[1].outputs.at("evaluationResult"), Value(true));
}

TEST(Needs, ASubmissionMayNeedThemToo) {
  Asked a({.tasks = {Branch("{{ read('f') == 'x' }}")}});
  const executor::Applied asked = a.Apply(model::Submitted{a.live->execution().id});
  ASSERT_EQ(asked.needs.size(), 1U);
  EXPECT_TRUE(a.live->execution().state.changes.empty());
  a.Apply(model::Submitted{a.live->execution().id}, {{asked.needs[0].key(), {Value("y"), ""}}});
  EXPECT_EQ(a.live->execution().task_runs[0].outputs.at("evaluationResult"), Value(false));
}

TEST(Needs, AnErrorIsAnAnswer) {
  Asked a({.tasks = {Branch("{{ kv('flag') }}")}});
  a.Apply(model::Submitted{a.live->execution().id}, {{"kv[\"flag\"]{}", {{}, "The key 'flag' does not exist"}}});
  EXPECT_EQ(a.live->execution().state.current(), model::State::kFailed);
  EXPECT_NE(a.live->execution().task_runs[0].message.find("The key 'flag' does not exist"), std::string::npos);
}

TEST(Needs, ASecretIsNotPassedOnToWhatIsStored) {
  Asked a({.tasks = {Make("s", "Subflow", {{"namespace", "n"}, {"flowId", "f"},
                                           {"inputs", Object{{"token", "{{ secret('T') }}"}}}})}});
  const executor::Applied applied = a.Apply(model::Submitted{a.live->execution().id});
  EXPECT_TRUE(applied.needs.empty());
  EXPECT_EQ(a.live->execution().state.current(), model::State::kFailed);
  EXPECT_NE(a.live->execution().task_runs[0].message.find("call secret() in the task"), std::string::npos);
}

}  // namespace
}  // namespace headrace::executor_test
