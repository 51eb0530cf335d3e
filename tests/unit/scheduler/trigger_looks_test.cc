// Polling triggers through a core: looks that workers take, answers that fire, and what happens when something dies.
#include "common/model/look_answer.h"
#include "tests/unit/scheduler/trigger_fixture.h"

namespace headrace::scheduler {
namespace {

using model::State;
using model::TriggerName;
using std::chrono::minutes;
using std::chrono::seconds;

const TriggerName kP{"t", "p", "site"};

std::string Polling(const std::string& more = "", const std::string& id = "p") {
  return "id: " + id + "\nnamespace: t\ninputs:\n  - {id: code, type: STRING, defaults: none}\n"
         "tasks:\n  - {id: one, type: test.Task, text: \"{{ trigger.code }}\"}\n"
         "triggers:\n  - id: site\n    type: io.kestra.plugin.core.http.Trigger\n    uri: \"http://{{ vars.host }}/\"\n"
         "    interval: PT1M\n" + more + "variables: {host: example.com, other: x}\n";
}

class TriggerLooksTest : public TriggerCoreTest {
 protected:
  void SendFrame(const std::string& peer, std::string bytes) override {
    const auto messages = wire::DecodeToWorker(bytes);
    for (const wire::ToWorker& message : *messages) {
      if (const auto* assign = std::get_if<wire::Assign>(&message)) held_.push_back(assign->key);
    }
    TriggerCoreTest::SendFrame(peer, std::move(bytes));
  }
  // As the fixture's, with a worker that goes on telling what it holds.
  void Pass(Duration time) {
    while (time > Duration(0)) {
      const Duration step = std::min<Duration>(time, seconds(5));
      TriggerCoreTest::Pass(step);
      FromWorker(wire::Heartbeat{held_, 4, ++seq_});
      Settle();
      time -= step;
    }
  }
  std::vector<wire::Assign> Looks() {
    std::vector<wire::Assign> looks = Take<wire::Assign>();
    std::erase_if(looks, [](const wire::Assign& assign) { return !IsLook(assign.key); });
    return looks;
  }
  // The one look that is given out now. REQUIRES: there is exactly one.
  wire::Assign TheLook() {
    const std::vector<wire::Assign> looks = Looks();
    EXPECT_EQ(looks.size(), 1u);
    return looks.empty() ? wire::Assign() : looks.front();
  }
  static wire::TaskResult Answer(const wire::TaskKey& key, model::LookAnswer answer) {
    return {.key = key, .outputs_json = json::serialize(model::ToOutputs(std::move(answer)))};
  }
  static wire::TaskResult Fires(const wire::TaskKey& key) { return Answer(key, {.fires = true, .variables = {{"code", 200}}}); }
  static wire::TaskResult Nothing(const wire::TaskKey& key) { return Answer(key, {}); }
  wire::Verdict Report(wire::TaskResult result) {
    std::erase(held_, result.key);
    FromWorker(std::move(result));
    CommitAll();
    const auto acks = Take<wire::ResultAck>();
    EXPECT_EQ(acks.size(), 1u);
    return acks.empty() ? wire::Verdict::kUnknown : acks.back().verdict;
  }
  // Its one task, which the worker holds, ends like that.
  void EndExecution(const ExecutionId& id, State outcome) {
    const auto held = std::find_if(held_.begin(), held_.end(), [&](const wire::TaskKey& key) { return key.execution == id; });
    ASSERT_NE(held, held_.end());
    Report({.key = *held, .outcome = outcome});
    Settle();
    ASSERT_EQ(StateOf(id), outcome);
  }
  std::size_t Executions() { return Of("p").size(); }

  std::vector<wire::TaskKey> held_;
  std::uint64_t seq_ = 1;
};

TEST_F(TriggerLooksTest, AWorkerLooksAndItsAnswerStartsAnExecution) {
  Join();
  Deploy(Polling("    inputs: {code: \"{{ trigger.code }}\"}\n    labels: {by: look}\n    conditions: []\n"));
  const wire::Assign look = TheLook();
  ASSERT_TRUE(look.spec);
  EXPECT_EQ(look.spec->type, "io.kestra.plugin.core.http.Trigger");
  EXPECT_EQ(look.spec->properties_json, R"({"uri":"http://{{ vars.host }}/","interval":"PT1M"})");
  EXPECT_EQ(look.context_json, R"({"vars":{"host":"example.com","other":"x"}})");
  EXPECT_EQ(look.memo_json, model::FirstMemo(now_.wall));
  EXPECT_EQ(Report(Fires(look.key)), wire::Verdict::kAccepted);
  ASSERT_EQ(Executions(), 1u);
  const model::Execution started = Of("p")[0];
  EXPECT_EQ(ToJson(Value(started.trigger)), R"({"id":"site","type":"io.kestra.plugin.core.http.Trigger","variables":{"code":200}})");
  EXPECT_EQ(ToText(started.inputs.at("code")), "200");
  EXPECT_EQ(started.id, LookExecutionId(kP, now_.wall));
  EXPECT_EQ(Row(kP).execution, started.id);
}

TEST_F(TriggerLooksTest, TheExecutionAndTheRowAreOneCommit) {
  Join();
  Deploy(Polling());
  FromWorker(Fires(TheLook().key));
  ASSERT_EQ(store_.held.size(), 1u);
  const store::WriteBatch& batch = store_.held.front().first;
  ASSERT_EQ(batch.executions.size(), 1u);
  EXPECT_EQ(batch.notes_put.size(), 1u);
  EXPECT_TRUE(Take<wire::ResultAck>().empty());  // not before it is durable
  CommitAll();
}

TEST_F(TriggerLooksTest, ALookThatSeesNothingCostsNoCommitAndComesAgainAnIntervalAfterItsEnd) {
  Join();
  Deploy(Polling());
  const wire::Assign look = TheLook();
  Pass(seconds(20));
  std::erase(held_, look.key);
  FromWorker(Nothing(look.key));
  EXPECT_TRUE(store_.held.empty());
  EXPECT_EQ(Take<wire::ResultAck>().size(), 1u);
  EXPECT_EQ(Row(kP).next, now_.wall + minutes(1));
  Pass(seconds(59));
  EXPECT_TRUE(Looks().empty());
  Pass(seconds(1));
  EXPECT_NE(TheLook().key, look.key);
  EXPECT_EQ(Executions(), 0u);
}

TEST_F(TriggerLooksTest, WhatALookLeavesIsGivenToTheNextAndSurvivesACrash) {
  Join();
  Deploy(Polling());
  Report(Answer(TheLook().key, {.memo = Value(Object{{"mark", 7}})}));
  Boot();
  Join();
  Pass(minutes(1));
  EXPECT_EQ(TheLook().memo_json, R"({"mark":7})");
}

TEST_F(TriggerLooksTest, AnAnswerThatComesTwiceCountsOnce) {
  Join();
  Deploy(Polling("    allowConcurrent: true\n"));
  const wire::Assign look = TheLook();
  EXPECT_EQ(Report(Fires(look.key)), wire::Verdict::kAccepted);
  EXPECT_EQ(Report(Fires(look.key)), wire::Verdict::kStale);
  EXPECT_EQ(Executions(), 1u);
  // Nor does an older one count for the look that is on its way now.
  Pass(minutes(1));
  const wire::Assign next = TheLook();
  EXPECT_EQ(Report(Fires(look.key)), wire::Verdict::kStale);
  EXPECT_EQ(Executions(), 1u);
  EXPECT_EQ(Report(Fires(next.key)), wire::Verdict::kAccepted);
  EXPECT_EQ(Executions(), 2u);
}

TEST_F(TriggerLooksTest, DyingBetweenDecisionAndCommitStartsOneExecutionInTheEnd) {
  Join();
  Deploy(Polling());
  const wire::Assign look = TheLook();
  FromWorker(Fires(look.key));
  ASSERT_EQ(store_.held.size(), 1u);
  const ExecutionId decided = store_.held.front().first.executions.at(0).id;
  Boot();  // the process dies before the commit
  Join();
  CommitAll();
  EXPECT_EQ(Executions(), 0u);
  // The trigger is due again; what the worker still has of the other life counts for nothing.
  const wire::Assign again = TheLook();
  EXPECT_NE(again.key, look.key);
  EXPECT_EQ(Report(Fires(look.key)), wire::Verdict::kStale);
  EXPECT_EQ(Executions(), 0u);
  EXPECT_EQ(Report(Fires(again.key)), wire::Verdict::kAccepted);
  ASSERT_EQ(Executions(), 1u);
  EXPECT_EQ(Of("p")[0].id, decided);
  // Dies after it: nothing more.
  Boot();
  Join();
  CommitAll();
  EXPECT_TRUE(Looks().empty());
  EXPECT_EQ(Executions(), 1u);
}

TEST_F(TriggerLooksTest, ARunningLookIsNotAttachedAgainByANewScheduler) {
  Join();
  Deploy(Polling());
  const wire::Assign look = TheLook();
  Boot();
  Join();
  Take<wire::HeartbeatAck>();
  FromWorker(wire::Resync{{{look.key, now_.wall}}, {}});
  const auto answers = Take<wire::HeartbeatAck>();
  ASSERT_EQ(answers.size(), 1u);
  EXPECT_EQ(answers[0].unknown, std::vector<wire::TaskKey>{look.key});
}

TEST_F(TriggerLooksTest, ALostWorkerIsNoVerdict) {
  Join();
  Deploy(Polling());
  const wire::Assign look = TheLook();
  FromWorker(wire::Bye{});
  CommitAll();
  EXPECT_EQ(Row(kP).problem, "");
  EXPECT_EQ(Row(kP).next, now_.wall + minutes(1));
  Join();
  EXPECT_TRUE(Looks().empty());
  Pass(minutes(1));
  const wire::Assign next = TheLook();
  EXPECT_EQ(Report(Fires(look.key)), wire::Verdict::kStale);
  EXPECT_EQ(Executions(), 0u);
  // Silent, it loses its lease.
  FromWorker(wire::AssignAck{next.key});
  TriggerCoreTest::Pass(seconds(30));
  EXPECT_EQ(Row(kP).next, now_.wall + minutes(1));
  EXPECT_EQ(Executions(), 0u);
}

TEST_F(TriggerLooksTest, ALookOfATriggerThatWasDisabledIsTakenBack) {
  Join();
  Deploy(Polling());
  const wire::Assign look = TheLook();
  With([&](TriggerRunner& runner) { return runner.book().SetDisabled(kP, true, now_.wall); });
  const auto cancels = Take<wire::Cancel>();
  ASSERT_EQ(cancels.size(), 1u);
  EXPECT_EQ(cancels[0].key, look.key);
  EXPECT_EQ(Report(Fires(look.key)), wire::Verdict::kStale);
  Pass(minutes(5));
  EXPECT_TRUE(Looks().empty());
  EXPECT_EQ(Executions(), 0u);
  // What happened meanwhile was not wanted: it counts from now on.
  With([&](TriggerRunner& runner) { return runner.book().SetDisabled(kP, false, now_.wall); });
  EXPECT_EQ(TheLook().memo_json, model::FirstMemo(now_.wall));
}

TEST_F(TriggerLooksTest, ALookOfAnotherRevisionOrOfATriggerThatIsGoneCountsForNothing) {
  Join();
  Deploy(Polling());
  const wire::Assign look = TheLook();
  Deploy(Polling("    method: POST\n"));
  EXPECT_EQ(Report(Fires(look.key)), wire::Verdict::kStale);
  Pass(minutes(1));
  const wire::Assign next = TheLook();
  ASSERT_TRUE(next.spec);
  EXPECT_NE(next.spec->properties_json.find("POST"), std::string::npos);
  Deploy("id: p\nnamespace: t\ntasks:\n  - {id: one, type: test.Task}\n");
  EXPECT_EQ(Report(Fires(next.key)), wire::Verdict::kStale);
  Pass(minutes(5));
  EXPECT_TRUE(Looks().empty());
  EXPECT_EQ(Executions(), 0u);
}

TEST_F(TriggerLooksTest, NobodyLooksWhileItsExecutionRuns) {
  Join();
  Deploy(Polling());
  Report(Fires(TheLook().key));
  ASSERT_EQ(Executions(), 1u);
  for (int i = 0; i < 10; ++i) Pass(minutes(1));
  EXPECT_TRUE(Looks().empty());
  EndExecution(Of("p")[0].id, State::kSuccess);
  EXPECT_EQ(Row(kP).next, now_.wall + minutes(1));
  Pass(seconds(59));
  EXPECT_TRUE(Looks().empty());
  Pass(seconds(1));
  TheLook();
  // A person may let it go on at once.
  EXPECT_FALSE(With([&](TriggerRunner& runner) { return runner.book().Unlock(kP, now_.wall); }));
}

TEST_F(TriggerLooksTest, StopAfterDisablesIt) {
  Join();
  Deploy(Polling("    stopAfter: [FAILED]\n"));
  Report(Fires(TheLook().key));
  EndExecution(Of("p")[0].id, State::kFailed);
  EXPECT_TRUE(Row(kP).disabled);
  Pass(minutes(5));
  EXPECT_TRUE(Looks().empty());
}

TEST_F(TriggerLooksTest, ALookThatFailsIsAProblemInTheRow) {
  Join();
  Deploy(Polling());
  Report({.key = TheLook().key, .outcome = State::kFailed, .message = "no route to host"});
  EXPECT_EQ(Row(kP).problem, "no route to host");
  Pass(minutes(1));
  Report({.key = TheLook().key, .outputs_json = "[1]"});
  EXPECT_EQ(Row(kP).problem, "the worker's answer is none of a polling trigger");
  Pass(minutes(1));
  Report(Answer(TheLook().key, {.problem = "limits", .later = minutes(30)}));
  EXPECT_EQ(Row(kP).problem, "limits");
  EXPECT_EQ(Row(kP).next, now_.wall + minutes(30));
  Pass(minutes(30));
  Report(Nothing(TheLook().key));
  EXPECT_EQ(Row(kP).problem, "");
  EXPECT_EQ(Executions(), 0u);
  // A new revision is looked at without waiting for the next date, when something was wrong.
  Pass(minutes(1));
  Report({.key = TheLook().key, .outcome = State::kFailed, .message = "again"});
  Deploy(Polling("    method: POST\n"));
  TheLook();
}

TEST_F(TriggerLooksTest, AFailedLookMayStartAnExecutionThatHasFailed) {
  Join();
  Deploy(Polling("    failOnTriggerError: true\n"));
  Report({.key = TheLook().key, .outcome = State::kFailed, .message = "no route to host"});
  ASSERT_EQ(Executions(), 1u);
  EXPECT_EQ(StateOf(Of("p")[0].id), State::kFailed);
  EXPECT_EQ(Row(kP).problem, "no route to host");
}

TEST_F(TriggerLooksTest, WrongInputsAreSeenAsAFailedExecution) {
  Join();
  Deploy(Polling("    inputs: {code: \"{{ trigger.nothing.here }}\"}\n"));
  Report(Fires(TheLook().key));
  ASSERT_EQ(Executions(), 1u);
  EXPECT_EQ(StateOf(Of("p")[0].id), State::kFailed);
  EXPECT_NE(Row(kP).problem, "");
}

TEST_F(TriggerLooksTest, WhatIsTooLargeForAnExecutionIsAProblem) {
  Join();
  Deploy(Polling());
  Report(Answer(TheLook().key, {.fires = true, .variables = {{"body", std::string(2 << 20, 'x')}}}));
  EXPECT_EQ(Executions(), 0u);
  EXPECT_NE(Row(kP).problem.find("can start an execution"), std::string::npos) << Row(kP).problem;
}

TEST_F(TriggerLooksTest, ConditionsAboutTheDateSpareTheLookAndThoseAboutTheAnswerDecideAfterIt) {
  Join();
  now_.wall = *ParseInstant("2026-01-03T10:00:00Z");  // a Saturday
  const std::string conditions =
      "    conditions:\n      - {type: io.kestra.plugin.core.condition.Not, conditions: [{type: io.kestra.plugin.core.condition.Weekend}]}\n"
      "      - {type: io.kestra.plugin.core.condition.Expression, expression: \"{{ trigger.code == 200 }}\"}\n";
  Deploy(Polling(conditions));
  EXPECT_TRUE(Looks().empty());
  SetTime("2026-01-05T10:00:00Z");
  Join();
  Settle();
  const wire::Assign look = TheLook();
  Report(Answer(look.key, {.fires = true, .variables = {{"code", 404}}}));
  EXPECT_EQ(Executions(), 0u);
  EXPECT_EQ(Row(kP).problem, "");
  Pass(minutes(1));
  Report(Fires(TheLook().key));
  EXPECT_EQ(Executions(), 1u);
}

TEST_F(TriggerLooksTest, OnlyWorkersOfItsGroupLook) {
  Join();
  Deploy(Polling("    workerGroup: {key: inside}\n"));
  EXPECT_TRUE(Looks().empty());
  // Nobody of the group for a while: that is said, and the look goes on waiting.
  Pass(minutes(10));
  EXPECT_NE(Row(kP).problem.find("group 'inside'"), std::string::npos) << Row(kP).problem;
  EXPECT_TRUE(Looks().empty());
  wire::Hello hello;
  hello.worker = WorkerId("other");
  hello.group = "inside";
  hello.capacity = 1;
  core_->OnFrame("peer2", wire::EncodeFromWorker({hello, wire::Credit{1, 1}}), now_);
  Settle();
  TheLook();
}

TEST_F(TriggerLooksTest, TheGroupOfItsFlowIsItsOwnUnlessItSaysOtherwise) {
  Join();
  Deploy(Polling() + "workerGroup: {key: inside}\n");
  EXPECT_TRUE(Looks().empty());
  Deploy(Polling("    workerGroup: {key: \"\"}\n") + "workerGroup: {key: inside}\n");
  TheLook();
}

TEST_F(TriggerLooksTest, ALookThatDoesNotEndIsGivenUp) {
  Join();
  Deploy(Polling());
  const wire::Assign look = TheLook();
  Pass(minutes(10));
  EXPECT_NE(Row(kP).problem.find("was given up"), std::string::npos) << Row(kP).problem;
  EXPECT_EQ(Report(Fires(look.key)), wire::Verdict::kStale);
  EXPECT_EQ(Executions(), 0u);
}

TEST_F(TriggerLooksTest, ManyThatAreDueAtOnceAreBoundedByPassesAndSlotsAndKeepNoTaskWaiting) {
  for (int i = 0; i < 300; ++i) Deploy(Polling("", "p" + std::to_string(i)));
  Boot();  // all of them are due
  CommitAll();
  std::size_t begun = 0;
  With([&](TriggerRunner& runner) {
    begun = runner.looks();
    return Status();
  });
  EXPECT_LE(begun, 300u);
  Join();
  EXPECT_EQ(Looks().size(), 4u);  // as many as there are slots
  Submit("r");
  CommitAll();
  // The task has its turn beside all looks together.
  wire::Hello second;
  second.worker = WorkerId("second");
  second.capacity = 2;
  core_->OnFrame("peer2", wire::EncodeFromWorker({second, wire::Credit{2, 1}}), now_);
  Settle();
  const auto assigned = Take<wire::Assign>();
  ASSERT_EQ(assigned.size(), 2u);
  EXPECT_EQ(std::count_if(assigned.begin(), assigned.end(), [](const wire::Assign& one) { return !IsLook(one.key); }), 1);
}

TEST_F(TriggerLooksTest, APassBeginsAtMostAsManyLooksAsItMay) {
  for (int i = 0; i < 10; ++i) Deploy(Polling("", "p" + std::to_string(i)));
  core_options_.triggers.ticks_max = 3;
  store_.held.clear();
  core_.reset(new Core(core_options_, store_, *registry_, *hub_, *this));
  ASSERT_TRUE(core_->Recover(now_));
  const auto looks = [&] {
    std::size_t count = 0;
    core_->WithTriggers(0, [&](TriggerRunner& runner) {
      count = runner.looks();
      return Status();
    }, [](const Status&) {}, now_);
    return count;
  };
  Tick();
  EXPECT_EQ(looks(), 3u);
  CommitAll();
  for (int i = 0; i < 5; ++i) Tick();
  EXPECT_EQ(looks(), 10u);
}

}  // namespace
}  // namespace headrace::scheduler
