// Triggers through a core: what they start, what expressions see, and processes that die in between.
#include "tests/unit/scheduler/trigger_fixture.h"

namespace headrace::scheduler {
namespace {

using model::State;
using model::TriggerName;
using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

std::string Scheduled(const std::string& more, const std::string& cron = "0 * * * *") {
  return "id: s\nnamespace: t\ninputs:\n  - {id: day, type: STRING, defaults: none}\ntasks:\n  - {id: one, type: test.Task}\n"
         "triggers:\n  - id: c\n    type: io.kestra.plugin.core.trigger.Schedule\n    cron: \"" + cron + "\"\n" + more;
}
const TriggerName kC{"t", "s", "c"};

// Flows that cannot be read while `away`.
class AwayFlows final : public store::FlowStore {
 public:
  explicit AwayFlows(std::unique_ptr<store::FlowStore> real) : real_(std::move(real)) {}
  Result<store::FlowRow> Put(store::FlowRow flow) override { return real_->Put(std::move(flow)); }
  Result<store::FlowRow> Get(const std::string& ns, const std::string& id, int revision) override {
    if (away) return Fail(Code::kUnavailable, "away");
    return real_->Get(ns, id, revision);
  }
  Result<std::vector<store::FlowRow>> ListLatest(const std::string& ns_prefix) override { return real_->ListLatest(ns_prefix); }
  Result<std::vector<store::FlowRow>> Revisions(const std::string& ns, const std::string& id) override { return real_->Revisions(ns, id); }

  bool away = false;

 private:
  const std::unique_ptr<store::FlowStore> real_;
};

TEST_F(TriggerCoreTest, AScheduleStartsAnExecutionWithItsInputsLabelsAndDates) {
  Deploy(Scheduled("    timezone: Europe/Paris\n    inputs: {day: \"{{ trigger.date | date('yyyy-MM-dd HH:mm') }}\"}\n"
                   "    labels: {by: night}\n"));
  SetTime("2026-01-01T00:59:59Z");
  EXPECT_TRUE(Of("s").empty());
  SetTime("2026-01-01T01:00:00Z");
  const auto executions = Of("s");
  ASSERT_EQ(executions.size(), 1u);
  EXPECT_EQ(ToJson(Value(executions[0].trigger)),
            R"({"id":"c","type":"io.kestra.plugin.core.trigger.Schedule","variables":{"date":"2026-01-01T02:00:00+01:00",)"
            R"("next":"2026-01-01T03:00:00+01:00","previous":"2026-01-01T01:00:00+01:00"}})");
  EXPECT_EQ(ToText(executions[0].inputs.at("day")).substr(0, 10), "2026-01-01");
  const std::vector<model::Label>& labels = executions[0].labels;
  EXPECT_NE(std::find(labels.begin(), labels.end(), model::Label("by", "night")), labels.end());
  EXPECT_NE(std::find(labels.begin(), labels.end(), model::Label("system.from", "trigger")), labels.end());
}

TEST_F(TriggerCoreTest, TasksSeeTheDateAlsoUnderItsOldName) {
  Deploy("id: s\nnamespace: t\ntasks:\n  - {id: one, type: test.Task, text: \"{{ trigger.date }} {{ schedule.date }}\"}\n"
         "triggers:\n  - {id: c, type: io.kestra.core.models.triggers.types.Schedule, cron: \"0 * * * *\", timezone: UTC}\n");
  SetTime("2026-01-01T00:59:59Z");
  Join();
  Pass(seconds(1));
  const auto assigned = Take<wire::Assign>();
  ASSERT_EQ(assigned.size(), 1u);
  EXPECT_NE(assigned[0].context_json.find(R"("schedule":{"date":"2026-01-01T01:00:00Z")"), std::string::npos)
      << assigned[0].context_json;
}

TEST_F(TriggerCoreTest, ATickFiresOnceWhoeverDiesInBetween) {
  Deploy(Scheduled(""));
  // Decided, and the process dies before the commit.
  now_.wall = *ParseInstant("2026-01-01T01:00:00Z");
  Tick();
  ASSERT_EQ(store_.held.size(), 1u);
  ASSERT_EQ(store_.held.front().first.executions.size(), 1u);
  const ExecutionId decided = store_.held.front().first.executions[0].id;
  Boot();
  CommitAll();
  ASSERT_EQ(Of("s").size(), 1u);
  EXPECT_EQ(Of("s")[0].id, decided);
  // Dies after it.
  Boot();
  CommitAll();
  SetTime("2026-01-01T01:59:59Z");
  EXPECT_EQ(Of("s").size(), 1u);
}

TEST_F(TriggerCoreTest, OfTwoCoresOverOneStoreOneFires) {
  Deploy(Scheduled(""));
  now_.wall = *ParseInstant("2026-01-01T01:00:00Z");
  Tick();
  auto [batch, done] = std::move(store_.held.front());
  Boot();  // another core takes the partition and fires
  CommitAll();
  Status refused;
  store_.real->Commit(std::move(batch), [&](Status status) { refused = std::move(status); });
  EXPECT_EQ(refused.error().code, Code::kAborted);
  EXPECT_EQ(Of("s").size(), 1u);
}

TEST_F(TriggerCoreTest, TheNextWaitsForTheEndAndALostLockHealsItself) {
  Deploy(Scheduled("", "* * * * *"));
  SetTime("2026-01-01T00:31:00Z");
  Pass(minutes(3));
  ASSERT_EQ(Of("s").size(), 1u);
  Kill(Of("s")[0].id);
  Pass(seconds(1));
  ASSERT_EQ(Of("s").size(), 2u);
  // The second is gone, and nobody told the trigger.
  const ExecutionId lost = *Row({"t", "s", "c"}).execution;
  EXPECT_EQ(lost, Of("s")[1].id);
  store::WriteBatch gone{.partition = 0, .epoch = core_->partition()->epoch()};
  gone.executions_deleted = {lost};
  store_.real->Commit(gone, [](const Status&) {});
  Boot();
  CommitAll();
  ASSERT_EQ(Of("s").size(), 2u);
  EXPECT_NE(Of("s")[1].id, lost);
}

TEST_F(TriggerCoreTest, ConditionsChooseTheDatesAlsoNextAndPrevious) {
  Deploy(Scheduled("    conditions:\n      - {type: io.kestra.plugin.core.condition.DayWeekInMonth, dayOfWeek: MONDAY, dayInMonth: FIRST}\n",
                   "0 11 * * 1"));
  SetTime("2026-01-05T11:00:00Z");
  ASSERT_EQ(Of("s").size(), 1u);
  const Value variables = *Member(Of("s")[0].trigger, "variables");
  EXPECT_EQ(ToText(*Member(variables, "next")).substr(0, 10), "2026-02-02");
  EXPECT_EQ(ToText(*Member(variables, "previous")).substr(0, 10), "2025-12-01");
  Kill(Of("s")[0].id);
  SetTime("2026-01-26T11:00:01Z");
  EXPECT_EQ(Of("s").size(), 1u);
  std::vector<Timestamp> dates;
  With([&](TriggerRunner& runner) {
    dates = *runner.NextDates(kC, 2, now_.wall);
    return Status();
  });
  ASSERT_EQ(dates.size(), 2u);
  EXPECT_EQ(FormatInstant(dates[1]).substr(0, 10), "2026-03-02");
}

TEST_F(TriggerCoreTest, ConditionsOfDates) {
  const auto fires = [&](const std::string& conditions, const std::string& at) {
    Deploy(Scheduled("    conditions: [" + conditions + "]\n", "0 * * * *"));
    With([&](TriggerRunner& runner) { return runner.book().SetDisabled(kC, true, now_.wall); });
    SetTime(at);
    const std::size_t before = Of("s").size();
    With([&](TriggerRunner& runner) { return runner.book().SetDisabled(kC, false, now_.wall); });
    Pass(minutes(1));
    const auto after = Of("s");
    if (after.size() > before) Kill(after.back().id);
    return after.size() > before;
  };
  const std::string kType = "{type: io.kestra.plugin.core.condition.";
  EXPECT_FALSE(fires(kType + "Weekend}", "2026-01-02T11:59:30Z"));
  EXPECT_TRUE(fires(kType + "Weekend}", "2026-01-03T11:59:30Z"));
  EXPECT_TRUE(fires(kType + "DayWeek, dayOfWeek: MONDAY}", "2026-01-05T11:59:30Z"));
  EXPECT_TRUE(fires(kType + "Not, conditions: [" + kType + "DayWeek, dayOfWeek: MONDAY}]}", "2026-01-06T11:59:30Z"));
  EXPECT_FALSE(fires(kType + "Or, conditions: [" + kType + "Weekend}, " + kType + "DayWeek, dayOfWeek: MONDAY}]}",
                     "2026-01-07T11:59:30Z"));
  EXPECT_TRUE(fires(kType + "TimeBetween, after: \"10:00:00+00:00\", before: \"13:00:00+00:00\"}", "2026-01-08T11:59:30Z"));
  EXPECT_FALSE(fires(kType + "TimeBetween, after: \"10:00:00-05:00\"}", "2026-01-09T11:59:30Z"));
  EXPECT_TRUE(fires(kType + "DateTimeBetween, after: 2026-01-10T00:00:00Z, before: 2026-01-11T00:00:00Z}", "2026-01-10T11:59:30Z"));
  EXPECT_FALSE(fires(kType + "DateTimeBetween, after: 2026-01-10T00:00:00Z, before: 2026-01-11T00:00:00Z}", "2026-01-11T11:59:30Z"));
  EXPECT_TRUE(fires(kType + "Expression, expression: \"{{ trigger.date | date('dd') == '12' }}\"}", "2026-01-12T11:59:30Z"));
}

TEST_F(TriggerCoreTest, WhatCannotBeRenderedOrIsNoInputMakesAFailedExecution) {
  Deploy(Scheduled("    conditions: [{type: io.kestra.plugin.core.condition.Expression, expression: \"{{ nothing.x }}\"}]\n"));
  SetTime("2026-01-01T01:00:00Z");
  ASSERT_EQ(Of("s").size(), 1u);
  EXPECT_EQ(Of("s")[0].state.current(), State::kFailed);
  EXPECT_NE(Row(kC).problem, "");
  EXPECT_FALSE(Row(kC).execution);
  Deploy("id: n\nnamespace: t\ninputs:\n  - {id: count, type: INT}\ntasks:\n  - {id: one, type: test.Task}\n"
         "triggers:\n  - {id: c, type: io.kestra.plugin.core.trigger.Schedule, cron: \"0 * * * *\", inputs: {count: many}}\n");
  SetTime("2026-01-01T02:00:00Z");
  ASSERT_EQ(Of("n").size(), 1u);
  EXPECT_NE(Of("n")[0].message.find("count"), std::string::npos) << Of("n")[0].message;
}

TEST_F(TriggerCoreTest, AFlowThatIsDisabledOrGoneFiresNothing) {
  Deploy(Scheduled(""));
  Deploy(Scheduled("") + "disabled: true\n");
  SetTime("2026-01-01T03:00:00Z");
  EXPECT_TRUE(Of("s").empty());
  Deploy(Scheduled(""));
  SetTime("2026-01-01T04:00:00Z");
  ASSERT_EQ(Of("s").size(), 1u);
  const auto row = flows_->Get("t", "s", 0);
  store::FlowRow gone = *row;
  gone.deleted = true;
  gone.digest = "gone";
  ASSERT_TRUE(flows_->Put(gone));
  Boot();
  CommitAll();
  SetTime("2026-01-01T09:00:00Z");
  EXPECT_EQ(Of("s").size(), 1u);
  EXPECT_TRUE(store_.Load(0)->notes.empty());
}

TEST_F(TriggerCoreTest, ARevisionDeployedWhileNobodyRanIsFoundAtTheStart) {
  Deploy(Scheduled(""));
  ASSERT_TRUE(registry_->Apply(Scheduled("", "30 * * * *"), "flow.yaml", now_.wall));
  Boot();
  CommitAll();
  SetTime("2026-01-01T01:30:00Z");
  ASSERT_EQ(Of("s").size(), 1u);
  EXPECT_EQ(Of("s")[0].flow_revision, 2);
}

TEST_F(TriggerCoreTest, ARevisionThatCouldNotBeReadWhenItWasDeployedIsReadLater) {
  auto flows = std::make_unique<AwayFlows>(std::move(flows_));
  AwayFlows& store = *flows;
  flows_ = std::move(flows);
  Boot();
  Deploy(Scheduled(""));
  ASSERT_EQ(Row(kC).revision, 1);
  Apply(Scheduled("", "30 * * * *"));
  registry_->ForgetLatest("t", "s");
  store.away = true;
  std::optional<Timestamp> next;
  With([&](TriggerRunner& runner) {
    runner.FollowFlow("t", "s", now_.wall);
    next = runner.NextDue();
    return Status();
  });
  ASSERT_TRUE(next);
  EXPECT_LE(*next, now_.wall + seconds(10));
  Pass(seconds(10));
  EXPECT_EQ(Row(kC).revision, 1);
  store.away = false;
  Pass(seconds(10));
  EXPECT_EQ(Row(kC).revision, 2);
}

TEST_F(TriggerCoreTest, ADamagedRowStartsAnew) {
  Deploy(Scheduled(""));
  store::WriteBatch batch{.partition = 0, .epoch = core_->partition()->epoch()};
  batch.notes_put = {{"t/t/s/c", "rubbish"}};
  store_.real->Commit(batch, [](const Status&) {});
  Boot();
  CommitAll();
  SetTime("2026-01-01T01:00:00Z");
  EXPECT_EQ(Of("s").size(), 1u);
}

TEST_F(TriggerCoreTest, HowLateADateIsIsToldButNotOfABackfill) {
  std::vector<Duration> late;
  core_options_.triggers.on_fired = [&](Duration by) { late.push_back(by); };
  Boot();
  Deploy(Scheduled(""));
  SetTime("2026-01-01T01:00:00Z");
  EXPECT_EQ(late, std::vector<Duration>{seconds(0)});
  Kill(Of("s")[0].id);
  SetTime("2026-01-01T02:00:40Z");
  EXPECT_EQ(late, (std::vector<Duration>{seconds(0), seconds(40)}));
  Kill(Of("s")[1].id);
  const model::Backfill backfill{.start = *ParseInstant("2025-12-31T10:00:00Z"), .end = *ParseInstant("2025-12-31T10:30:00Z")};
  ASSERT_TRUE(With([&](TriggerRunner& runner) { return runner.book().StartBackfill(kC, backfill, now_.wall); }));
  Pass(seconds(1));
  EXPECT_EQ(Of("s").size(), 3U);
  EXPECT_EQ(late.size(), 2U);
}

TEST_F(TriggerCoreTest, ABackfillGivesItsInputsAndLabels) {
  Deploy(Scheduled("    inputs: {day: normal}\n"));
  model::Backfill backfill{.start = *ParseInstant("2025-12-31T10:00:00Z"), .end = *ParseInstant("2025-12-31T11:00:00Z"),
                           .inputs = {{"day", "again"}}, .labels = {{"why", "backfill"}}};
  ASSERT_TRUE(With([&](TriggerRunner& runner) { return runner.book().StartBackfill(kC, backfill, now_.wall); }));
  Pass(seconds(1));
  ASSERT_EQ(Of("s").size(), 1u);
  EXPECT_EQ(ToText(Of("s")[0].inputs.at("day")), "again");
  Kill(Of("s")[0].id);
  Pass(seconds(1));
  ASSERT_EQ(Of("s").size(), 2u);
  EXPECT_FALSE(Row(kC).backfill);
}

// Processes that die at any step, commits that come late: each minute is run once, in order.
TEST_F(TriggerCoreTest, CrashesByChanceNeitherLoseNorDoubleADate) {
  Random random(7);
  for (int round = 0; round < 12; ++round) {
    const std::string flow = "r" + std::to_string(round);
    std::string source = Scheduled("", "* * * * *");
    Deploy(source.replace(source.find("id: s"), 5, "id: " + flow));
    const TriggerName name{"t", flow, "c"};
    for (int step = 0; step < 150; ++step) {
      switch (random.Next() % 6) {
        case 0: now_.wall += seconds(random.Next() % 90); now_.monotonic += seconds(1); break;
        case 1: Tick(); break;
        case 2: if (random.Next() % 4 == 0) { Boot(); } break;
        case 3:
          for (const model::Execution& one : Of(flow)) {
            if (!one.closed) core_->Post(one.id, model::KillRequested{}, [](const Status&) {}, now_);
          }
          break;
        default:
          if (store_.held.empty()) break;
          auto [batch, done] = std::move(store_.held.front());
          store_.held.pop_front();
          store_.real->Commit(std::move(batch), [&](Status status) { core_->OnCommitted(0, status, now_); });
      }
    }
    for (int pass = 0; pass < 1000 && *Row(name).next <= now_.wall; ++pass) {
      for (const model::Execution& one : Of(flow)) {
        if (!one.closed) Kill(one.id);
      }
      now_.monotonic += seconds(30);
      Settle();
    }
    With([&](TriggerRunner& runner) { return runner.book().SetDisabled(name, true, now_.wall); });
    std::vector<std::string> dates;
    for (const model::Execution& one : Of(flow)) dates.push_back(ToText(*AtPath(one.trigger, "variables.date")));
    std::sort(dates.begin(), dates.end());
    ASSERT_GT(dates.size(), 5u);
    for (std::size_t i = 1; i < dates.size(); ++i) {
      ASSERT_EQ(*ParseInstant(dates[i]) - *ParseInstant(dates[i - 1]), minutes(1)) << flow << ": " << dates[i - 1] << " " << dates[i];
    }
  }
}

// ---- flow triggers ----

std::string After(const std::string& id, const std::string& more) {
  return "id: " + id + "\nnamespace: t\ninputs:\n  - {id: from, type: STRING, defaults: none}\ntasks:\n  - {id: one, type: test.Task}\n"
         "triggers:\n  - id: c\n    type: io.kestra.plugin.core.trigger.Flow\n" + more;
}

TEST_F(TriggerCoreTest, AnEndStartsTheFlowsThatWaitForItInTheSameBatch) {
  Deploy(After("after", "    states: [KILLED]\n    inputs: {from: \"{{ trigger.executionId }} {{ trigger.state }}\"}\n"
                        "    conditions:\n      - {type: io.kestra.plugin.core.condition.ExecutionFlow, namespace: t, flowId: f}\n"));
  Submit("a");
  CommitAll();
  const ExecutionId source = replies_.back()->id;
  core_->Post(source, model::KillRequested{}, [](const Status&) {}, now_);
  Tick();
  bool together = false;
  while (!store_.held.empty()) {
    auto [batch, done] = std::move(store_.held.front());
    store_.held.pop_front();
    bool ends = false;
    for (const store::ExecutionRow& row : batch.executions) ends = ends || (row.id == source && row.state == State::kKilled);
    if (ends) together = batch.executions.size() == 2;
    store_.real->Commit(std::move(batch), [&](Status status) { core_->OnCommitted(0, status, now_); });
    Tick();
  }
  EXPECT_TRUE(together);
  const auto started = Of("after");
  ASSERT_EQ(started.size(), 1u);
  EXPECT_EQ(ToText(started[0].inputs.at("from")), source.str() + " KILLED");
  const std::vector<model::Label>& labels = started[0].labels;
  EXPECT_NE(std::find(labels.begin(), labels.end(), model::Label("system.correlationId", source.str())), labels.end());
  // Its own end concerns another flow.
  Kill(started[0].id);
  EXPECT_EQ(Of("after").size(), 1u);
}

TEST_F(TriggerCoreTest, FlowsThatFireEachOtherStop) {
  Deploy(After("ping", "    states: [FAILED]\n    conditions: [{type: io.kestra.plugin.core.condition.ExecutionFlow, namespace: t, flowId: pong}]\n"
                       "    inputs: {from: x}\n"));
  const std::string failing = "id: pong\nnamespace: t\ninputs:\n  - {id: n, type: INT}\ntasks:\n  - {id: one, type: test.Task}\n"
                              "triggers:\n  - {id: c, type: io.kestra.plugin.core.trigger.Flow, states: [RUNNING], inputs: {n: x}}\n";
  Deploy(failing);
  Submit("a");
  CommitAll();
  // The inputs are wrong: a warning, no execution.
  EXPECT_TRUE(Of("pong").empty());
  EXPECT_NE(Row({"t", "pong", "c"}).problem.find("input `n`"), std::string::npos) << Row({"t", "pong", "c"}).problem;
  Deploy(After("a", "    states: [RUNNING]\n    conditions: [{type: io.kestra.plugin.core.condition.ExecutionNamespace, namespace: t}]\n"));
  Deploy(After("b", "    states: [RUNNING]\n    conditions: [{type: io.kestra.plugin.core.condition.ExecutionFlow, namespace: t, flowId: a}]\n"));
  Submit("b", {}, "b");
  CommitAll();
  EXPECT_EQ(Of("a").size() + Of("b").size(), 33u);
}

TEST_F(TriggerCoreTest, PreconditionsAreMetByManyWithinTheirWindow) {
  Deploy("id: g\nnamespace: t\ntasks:\n  - {id: one, type: test.Task}\n");
  Deploy(After("both", "    preconditions:\n      id: p\n      timeWindow: {type: SLIDING_WINDOW, window: PT1H}\n      flows:\n"
                       "        - {namespace: t, flowId: f, states: [KILLED]}\n        - {namespace: t, flowId: g, states: [KILLED]}\n"));
  const auto run = [&](const std::string& flow) {
    Submit(flow + std::to_string(replies_.size()), {}, flow);
    CommitAll();
    Kill(replies_.back()->id);
  };
  run("f");
  run("f");
  EXPECT_TRUE(Of("both").empty());
  Pass(hours(2));
  run("g");
  EXPECT_TRUE(Of("both").empty()) << "the window was over";
  Boot();
  CommitAll();
  run("f");
  EXPECT_EQ(Of("both").size(), 1u);
  run("g");
  EXPECT_EQ(Of("both").size(), 1u) << "both must be met anew";
}

TEST_F(TriggerCoreTest, AMultipleConditionAndFiltersDoTheSame) {
  Deploy(After("w", "    preconditions:\n      id: p\n      where:\n        - id: w\n          filters:\n"
                    "            - {field: FLOW_ID, type: STARTS_WITH, value: f}\n            - {field: STATE, type: IN, values: [KILLED]}\n"
                    "            - {field: EXPRESSION, type: IS_TRUE, value: \"{{ trigger.namespace == 't' }}\"}\n"));
  Deploy(After("m", "    conditions:\n      - id: m\n        type: io.kestra.core.models.conditions.types.MultipleCondition\n"
                    "        window: P1D\n        conditions:\n          a: {type: io.kestra.plugin.core.condition.ExecutionFlow, namespace: t, flowId: f}\n"
                    "          b: {type: io.kestra.plugin.core.condition.ExecutionFlow, namespace: t, flowId: w}\n"));
  Submit("a");
  CommitAll();
  Kill(replies_.back()->id);
  ASSERT_EQ(Of("w").size(), 1u);
  EXPECT_TRUE(Of("m").empty());
  Kill(Of("w")[0].id);
  EXPECT_EQ(Of("m").size(), 1u);
}

// ---- webhooks ----

TEST_F(TriggerCoreTest, AWebhookStartsTheFlowOrSaysWhyNot) {
  Deploy("id: h\nnamespace: t\ninputs:\n  - {id: what, type: STRING, defaults: none}\ntasks:\n  - {id: one, type: test.Task}\n"
         "triggers:\n  - id: c\n    type: io.kestra.plugin.core.trigger.Webhook\n    key: \"{{ flow.id }}-key\"\n"
         "    inputs: {what: \"{{ trigger.body.what }} {{ trigger.parameters.q[0] }}\"}\n    wait: true\n    responseCode: 202\n"
         "    conditions: [{type: io.kestra.plugin.core.condition.Expression, expression: \"{{ trigger.body.what != 'no' }}\"}]\n");
  const auto fire = [&](const std::string& flow, const std::string& key, const std::string& what) {
    Result<WebhookReply> reply = NotFound("");
    With([&](TriggerRunner& runner) {
      reply = runner.FireWebhook({.ns = "t", .flow_id = flow, .key = key, .parameters = {{"q", Array{"v"}}},
                                  .body = Object{{"what", what}}}, now_.wall);
      return Status();
    });
    return reply;
  };
  const auto reply = fire("h", "h-key", "push");
  ASSERT_TRUE(reply) << reply.error().ToString();
  EXPECT_TRUE(reply->wait);
  EXPECT_EQ(reply->code, 202);
  ASSERT_EQ(Of("h").size(), 1u);
  EXPECT_EQ(Of("h")[0].id, reply->id);
  EXPECT_EQ(ToText(Of("h")[0].inputs.at("what")), "push v");
  EXPECT_EQ(fire("h", "h-key", "no").error().code, Code::kFailedPrecondition);
  EXPECT_EQ(fire("h", "h-kez", "push").error().message, "Webhook not found");
  EXPECT_EQ(fire("none", "h-key", "push").error().message, "Flow not found");
  With([&](TriggerRunner& runner) { return runner.book().SetDisabled({"t", "h", "c"}, true, now_.wall); });
  EXPECT_EQ(fire("h", "h-key", "push").error().code, Code::kFailedPrecondition);
}

TEST_F(TriggerCoreTest, AWebhooksCallerMayBePartOfATrace) {
  Deploy("id: h\nnamespace: t\ntasks:\n  - {id: one, type: test.Task}\n"
         "triggers:\n  - {id: c, type: io.kestra.plugin.core.trigger.Webhook, key: k}\n");
  const auto fire = [&](Object headers) {
    With([&](TriggerRunner& runner) {
      const auto reply = runner.FireWebhook({.ns = "t", .flow_id = "h", .key = "k", .headers = headers}, now_.wall);
      EXPECT_TRUE(reply);
      return Status();
    });
  };
  const std::string parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  fire({{"Traceparent", Array{parent}}});
  fire({{"traceparent", Array{"nonsense"}}});
  fire({{"traceparent", Array{parent, parent}}});
  std::size_t marked = 0;
  for (const model::Execution& execution : Of("h")) {
    for (const auto& [key, value] : execution.labels) marked += key == "system.traceParent" && value == parent ? 1 : 0;
  }
  EXPECT_EQ(Of("h").size(), 3u);
  EXPECT_EQ(marked, 1u);
}

TEST_F(TriggerCoreTest, AStormIsSpreadOverTicksAndLosesNothing) {
  std::string triggers;
  for (int i = 0; i < 500; ++i) {
    triggers += "  - {id: s" + std::to_string(i) + ", type: io.kestra.plugin.core.trigger.Schedule, cron: \"0 1 1 1 *\"}\n";
  }
  Deploy("id: s\nnamespace: t\ntasks:\n  - {id: one, type: test.Task}\ntriggers:\n" + triggers);
  now_.wall = *ParseInstant("2026-01-01T01:00:00Z");
  Tick();
  EXPECT_LE(core_->partition()->live_count(), 128u);
  EXPECT_LE(*core_->NextTimer(), now_.wall) << "the rest is due at once";
  for (int i = 0; i < 10; ++i) Settle();
  EXPECT_EQ(Of("s").size(), 500u);
}

}  // namespace
}  // namespace headrace::scheduler
