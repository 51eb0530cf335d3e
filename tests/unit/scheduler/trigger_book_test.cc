// The book alone: dates, locks, what was missed, backfills. Times are told by the test.
#include "scheduler/triggers/book.h"

#include <gtest/gtest.h>

#include "common/wire/trigger_record.h"

namespace headrace::scheduler {
namespace {

using model::MissedPolicy;
using model::State;
using model::Trigger;
using model::TriggerKind;
using model::TriggerName;
using Dates = std::vector<std::string>;

const TriggerName kName{"t", "f", "s"};

Timestamp At(const std::string& text) { return *ParseInstant(text); }

Trigger Schedule(const std::string& cron, const std::string& zone = "UTC") {
  Trigger trigger;
  trigger.name = kName;
  trigger.kind = TriggerKind::kSchedule;
  trigger.type = "io.kestra.plugin.core.trigger.Schedule";
  trigger.revision = 1;
  trigger.cron = cron;
  trigger.zone = zone;
  return trigger;
}

class TriggerBookTest : public testing::Test {
 protected:
  void Deploy(Trigger trigger, const std::string& now) { book_.Follow("t", "f", {std::move(trigger)}, At(now)); }
  const Trigger& Row() { return *book_.Find(kName); }
  std::string Next() { return Row().next ? FormatInstant(*Row().next).substr(0, 19) : "none"; }

  // Runs all that is due; each execution ends at once unless `hold`.
  Dates Run(const std::string& now, bool hold = false) {
    Dates dates;
    for (int pass = 0; pass < 1000; ++pass) {
      const auto names = book_.TakeDue(At(now), 10);
      if (names.empty()) break;
      for (const TriggerName& name : names) {
        if (const auto tick = book_.Due(name, At(now))) {
          const ExecutionId id = TickExecutionId(Row(), *tick);
          ids_.push_back(id);
          dates.push_back(FormatInstant(tick->date).substr(0, 19));
          book_.Done(name, *tick, id, At(now));
          if (!hold) book_.Ended(name, id, State::kSuccess, At(now));
        }
        book_.Settle(name, At(now));
      }
    }
    return dates;
  }
  // A process that starts from the rows as they were stored.
  void Restart(const std::string& now) {
    const std::string record = wire::EncodeTrigger(Row());
    book_ = TriggerBook("UTC");
    book_.Load(*wire::DecodeTrigger(record), At(now));
  }

  TriggerBook book_{"UTC"};
  std::vector<ExecutionId> ids_;
};

TEST_F(TriggerBookTest, ATickComesAtItsDateAndOnce) {
  Deploy(Schedule("0 * * * *"), "2026-01-01T00:30:00Z");
  EXPECT_EQ(FormatInstant(*book_.NextDue()), "2026-01-01T01:00:00.000000Z");
  EXPECT_EQ(Run("2026-01-01T00:59:59Z"), Dates());
  EXPECT_EQ(Run("2026-01-01T01:00:00Z"), (Dates{"2026-01-01T01:00:00"}));
  EXPECT_EQ(Run("2026-01-01T01:00:01Z"), Dates());
  EXPECT_EQ(Next(), "2026-01-01T02:00:00");
}

TEST_F(TriggerBookTest, TheClockMayGoBackAndNoTickComesTwice) {
  Deploy(Schedule("0 * * * *"), "2026-01-01T00:30:00Z");
  Run("2026-01-01T01:00:00Z");
  EXPECT_EQ(Run("2026-01-01T00:30:00Z"), Dates());
  // Another expression counts from the last tick, not from the clock.
  Deploy(Schedule("*/30 * * * *"), "2026-01-01T00:10:00Z");
  EXPECT_EQ(Next(), "2026-01-01T01:30:00");
  Restart("2026-01-01T00:00:00Z");
  EXPECT_EQ(Run("2026-01-01T01:00:00Z"), Dates());
}

TEST_F(TriggerBookTest, TheNextOneWaitsForTheExecutionOfTheLast) {
  Deploy(Schedule("* * * * *"), "2026-01-01T00:00:30Z");
  EXPECT_EQ(Run("2026-01-01T00:01:00Z", true), (Dates{"2026-01-01T00:01:00"}));
  EXPECT_EQ(Run("2026-01-01T00:02:00Z"), Dates());
  book_.Ended(kName, ExecutionId("another"), State::kSuccess, At("2026-01-01T00:02:30Z"));
  EXPECT_TRUE(Row().execution);
  book_.Ended(kName, ids_.back(), State::kFailed, At("2026-01-01T00:02:30Z"));
  EXPECT_EQ(Run("2026-01-01T00:02:30Z"), (Dates{"2026-01-01T00:02:00"}));
}

TEST_F(TriggerBookTest, WhoAllowsConcurrencyWaitsForNobody) {
  Trigger trigger = Schedule("* * * * *");
  trigger.allow_concurrent = true;
  Deploy(trigger, "2026-01-01T00:00:30Z");
  EXPECT_EQ(Run("2026-01-01T00:01:00Z", true).size(), 1u);
  EXPECT_EQ(Run("2026-01-01T00:02:00Z", true).size(), 1u);
  // What was missed is run one after the other all the same.
  EXPECT_EQ(Run("2026-01-01T00:09:00Z", true).size(), 1u);
}

TEST_F(TriggerBookTest, WhatWasMissedIsRunAsItsPolicySays) {
  const std::vector<std::pair<MissedPolicy, Dates>> cases{
      {MissedPolicy::kAll, {"2026-01-01T01:00:00", "2026-01-01T02:00:00", "2026-01-01T03:00:00"}},
      {MissedPolicy::kLast, {"2026-01-01T03:00:00"}},
      {MissedPolicy::kNone, {}}};
  for (const auto& [policy, dates] : cases) {
    Trigger trigger = Schedule("0 * * * *");
    trigger.missed = policy;
    book_ = TriggerBook("UTC");
    Deploy(trigger, "2026-01-01T00:30:00Z");
    Restart("2026-01-01T03:20:00Z");
    EXPECT_EQ(Run("2026-01-01T03:20:00Z"), dates);
    EXPECT_EQ(Next(), "2026-01-01T04:00:00");
  }
}

TEST_F(TriggerBookTest, WhatIsLaterThanItMayBeIsPassedOver) {
  Trigger trigger = Schedule("0 * * * *");
  trigger.late_max = std::chrono::minutes(90);
  Deploy(trigger, "2026-01-01T00:30:00Z");
  EXPECT_EQ(Run("2026-01-01T04:10:00Z"), (Dates{"2026-01-01T03:00:00", "2026-01-01T04:00:00"}));
}

TEST_F(TriggerBookTest, ClocksThatChangeNeitherLoseNorDoubleATick) {
  Deploy(Schedule("30 2 * * *", "Europe/Paris"), "2026-03-28T12:00:00Z");
  EXPECT_EQ(Run("2026-03-31T12:00:00Z"), (Dates{"2026-03-29T01:00:00", "2026-03-30T00:30:00", "2026-03-31T00:30:00"}));
  book_ = TriggerBook("UTC");
  Deploy(Schedule("30 2 * * *", "Europe/Paris"), "2026-10-24T12:00:00Z");
  EXPECT_EQ(Run("2026-10-26T12:00:00Z"), (Dates{"2026-10-25T00:30:00", "2026-10-26T01:30:00"}));
}

TEST_F(TriggerBookTest, ANewRevisionKeepsTheDateUnlessTheDatesAreOthers) {
  Deploy(Schedule("0 * * * *"), "2026-01-01T00:30:00Z");
  Trigger same = Schedule("0 * * * *");
  same.revision = 2;
  same.missed = MissedPolicy::kLast;
  Deploy(same, "2026-01-01T01:30:00Z");
  EXPECT_EQ(Next(), "2026-01-01T01:00:00");
  EXPECT_EQ(Row().revision, 2);
  Deploy(Schedule("15 * * * *"), "2026-01-01T01:30:00Z");
  EXPECT_EQ(Next(), "2026-01-01T02:15:00");
  book_.Follow("t", "f", {}, At("2026-01-01T01:30:00Z"));
  EXPECT_EQ(book_.Find(kName), nullptr);
  EXPECT_FALSE(book_.NextDue());
}

TEST_F(TriggerBookTest, ADisabledOneDoesNotTickAndForgetsWhatPassed) {
  Deploy(Schedule("0 * * * *"), "2026-01-01T00:30:00Z");
  ASSERT_TRUE(book_.SetDisabled(kName, true, At("2026-01-01T00:40:00Z")));
  EXPECT_FALSE(book_.NextDue());
  EXPECT_EQ(Run("2026-01-01T03:00:00Z"), Dates());
  ASSERT_TRUE(book_.SetDisabled(kName, false, At("2026-01-01T03:10:00Z")));
  EXPECT_EQ(Next(), "2026-01-01T04:00:00");
  Trigger off = Schedule("0 * * * *");
  off.off = true;
  Deploy(off, "2026-01-01T03:20:00Z");
  EXPECT_FALSE(book_.NextDue());
  EXPECT_EQ(book_.SetDisabled({"t", "f", "none"}, true, At("2026-01-01T03:20:00Z")).error().message,
            "flow t/f has no trigger 'none'; it has s");
}

TEST_F(TriggerBookTest, StopAfterDisablesIt) {
  Trigger trigger = Schedule("0 * * * *");
  trigger.stop_after = {State::kFailed};
  Deploy(trigger, "2026-01-01T00:30:00Z");
  Run("2026-01-01T01:00:00Z", true);
  book_.Ended(kName, ids_.back(), State::kFailed, At("2026-01-01T01:10:00Z"));
  EXPECT_TRUE(Row().disabled);
  EXPECT_EQ(Run("2026-01-01T05:00:00Z"), Dates());
}

TEST_F(TriggerBookTest, ALockedOneIsLookedAtNowAndThen) {
  Deploy(Schedule("* * * * *"), "2026-01-01T00:00:30Z");
  Run("2026-01-01T00:01:00Z", true);
  Run("2026-01-01T00:02:00Z");
  EXPECT_EQ(FormatInstant(*book_.NextDue()), "2026-01-01T00:03:00.000000Z");
  EXPECT_TRUE(book_.Unlock(kName, At("2026-01-01T00:02:10Z")));
  EXPECT_FALSE(book_.Unlock(kName, At("2026-01-01T00:02:10Z")));
  EXPECT_EQ(Run("2026-01-01T00:02:10Z"), (Dates{"2026-01-01T00:02:00"}));
}

TEST_F(TriggerBookTest, ABackfillRunsItsDatesOneAfterTheOther) {
  Deploy(Schedule("0 * * * *"), "2026-01-01T12:30:00Z");
  model::Backfill backfill{.start = At("2026-01-01T01:00:00Z"), .end = At("2026-01-01T03:00:00Z")};
  ASSERT_TRUE(book_.StartBackfill(kName, backfill, At("2026-01-01T12:31:00Z")));
  EXPECT_FALSE(book_.StartBackfill(kName, backfill, At("2026-01-01T12:31:00Z")));
  EXPECT_EQ(Run("2026-01-01T12:31:00Z", true), (Dates{"2026-01-01T01:00:00"}));
  Restart("2026-01-01T12:32:00Z");
  EXPECT_EQ(Run("2026-01-01T12:32:00Z"), Dates());
  book_.Ended(kName, ids_.back(), State::kSuccess, At("2026-01-01T12:32:00Z"));
  ASSERT_TRUE(book_.PauseBackfill(kName, true, At("2026-01-01T12:32:00Z")));
  // A normal date does not wait for it.
  EXPECT_EQ(Run("2026-01-01T13:00:00Z"), (Dates{"2026-01-01T13:00:00"}));
  ASSERT_TRUE(book_.SetDisabled(kName, true, At("2026-01-01T12:40:00Z")));
  const Status refused = book_.PauseBackfill(kName, false, At("2026-01-01T12:41:00Z"));
  EXPECT_EQ(refused.error().code, Code::kFailedPrecondition);
  EXPECT_NE(refused.error().message.find("headrace trigger enable"), std::string::npos);
  ASSERT_TRUE(book_.SetDisabled(kName, false, At("2026-01-01T12:42:00Z")));
  ASSERT_TRUE(book_.PauseBackfill(kName, false, At("2026-01-01T13:01:00Z")));
  EXPECT_EQ(Run("2026-01-01T13:01:00Z"), (Dates{"2026-01-01T02:00:00", "2026-01-01T03:00:00"}));
  EXPECT_FALSE(Row().backfill);
  EXPECT_EQ(Next(), "2026-01-01T14:00:00");
  // The same dates once more are other executions.
  const std::set<ExecutionId> before(ids_.begin(), ids_.end());
  ASSERT_TRUE(book_.StartBackfill(kName, backfill, At("2026-01-01T13:30:00Z")));
  Run("2026-01-01T13:30:00Z");
  EXPECT_FALSE(before.contains(ids_.back()));
  ASSERT_TRUE(book_.StartBackfill(kName, backfill, At("2026-01-01T13:40:00Z")));
  ASSERT_TRUE(book_.CancelBackfill(kName, At("2026-01-01T13:40:00Z")));
  EXPECT_EQ(Run("2026-01-01T13:40:00Z"), Dates());
}

TEST_F(TriggerBookTest, WhoAllowsConcurrencyTicksBesideABackfill) {
  Trigger trigger = Schedule("* * * * *");
  trigger.allow_concurrent = true;
  Deploy(trigger, "2026-01-01T12:30:30Z");
  ASSERT_TRUE(book_.StartBackfill(kName, {.start = At("2026-01-01T01:00:00Z"), .end = At("2026-01-01T01:01:00Z")},
                                  At("2026-01-01T12:30:30Z")));
  EXPECT_EQ(Run("2026-01-01T12:30:30Z", true), (Dates{"2026-01-01T01:00:00"}));
  EXPECT_EQ(FormatInstant(*book_.NextDue()), "2026-01-01T12:31:00.000000Z");
  const ExecutionId filled = ids_.back();
  EXPECT_EQ(Run("2026-01-01T12:31:00Z", true), (Dates{"2026-01-01T12:31:00"}));
  book_.Ended(kName, filled, State::kSuccess, At("2026-01-01T12:31:10Z"));
  EXPECT_EQ(Run("2026-01-01T12:31:10Z"), (Dates{"2026-01-01T01:01:00"}));
}

TEST_F(TriggerBookTest, ABackfillNeedsDatesOfThePast) {
  Deploy(Schedule("0 * * * *"), "2026-01-01T12:30:00Z");
  const auto start = [&](const std::string& from, const std::string& to) {
    return book_.StartBackfill(kName, {.start = At(from), .end = At(to)}, At("2026-01-01T12:31:00Z")).error().message;
  };
  EXPECT_NE(start("2026-01-01T10:10:00Z", "2026-01-01T10:20:00Z").find("has no date from"), std::string::npos);
  EXPECT_NE(start("2026-01-01T10:10:00Z", "2026-01-02T10:20:00Z").find("into the future"), std::string::npos);
  EXPECT_NE(start("2026-01-01T10:10:00Z", "2026-01-01T09:20:00Z").find("has no date"), std::string::npos);
}

TEST_F(TriggerBookTest, ListedDatesComeInOrder) {
  Trigger trigger = Schedule("");
  trigger.kind = TriggerKind::kDates;
  trigger.dates = {At("2026-01-01T01:00:00Z"), At("2026-02-01T01:00:00Z"), At("2026-03-01T01:00:00Z")};
  Deploy(trigger, "2026-01-15T00:00:00Z");
  EXPECT_EQ(Run("2026-04-01T00:00:00Z"), (Dates{"2026-02-01T01:00:00", "2026-03-01T01:00:00"}));
  EXPECT_EQ(Next(), "none");
  EXPECT_FALSE(book_.NextDue());
}

TEST_F(TriggerBookTest, ARowThatCannotTickSaysWhy) {
  Deploy(Schedule("never"), "2026-01-15T00:00:00Z");
  EXPECT_FALSE(book_.NextDue());
  EXPECT_NE(Row().problem, "");
}

TEST_F(TriggerBookTest, ManyAreGivenOutAFewAtATime) {
  std::vector<Trigger> many;
  for (int i = 0; i < 1000; ++i) {
    many.push_back(Schedule("0 0 * * *"));
    many.back().name.id = "s" + std::to_string(i);
  }
  book_.Follow("t", "f", many, At("2026-01-01T12:00:00Z"));
  EXPECT_EQ(book_.TakeDue(At("2026-01-02T00:00:00Z"), 128).size(), 128u);
  EXPECT_EQ(book_.TakeChanges().size(), 1000u);
}

TEST(TriggerRecord, ComesBackAsItWasAndNeverDamaged) {
  Trigger trigger = Schedule("0 0 * * *", "Europe/Paris");
  trigger.dates = {At("2026-01-01T00:00:00Z")};
  trigger.missed = MissedPolicy::kNone;
  trigger.late_max = std::chrono::minutes(5);
  trigger.stop_after = {State::kFailed, State::kKilled};
  trigger.disabled = trigger.off = trigger.allow_concurrent = trigger.with_seconds = true;
  trigger.next = trigger.last = trigger.locked_since = At("2026-01-01T00:00:00Z");
  trigger.execution = ExecutionId("x");
  trigger.backfill = model::Backfill{.start = At("2026-01-01T00:00:00Z"), .end = At("2026-01-02T00:00:00Z"), .paused = true,
                                     .inputs = {{"a", 1}}, .labels = {{"k", "v"}}};
  trigger.met = {{"p", "flows[0]", At("2026-01-01T00:00:00Z"), ExecutionId("y")}};
  trigger.windows = {{"p", At("2026-01-01T00:00:00Z")}};
  trigger.problem = "why";
  trigger.interval = std::chrono::seconds(90);
  trigger.memo = R"({"since":1})";
  const std::string record = wire::EncodeTrigger(trigger);
  EXPECT_EQ(*wire::DecodeTrigger(record), trigger);
  for (std::size_t at = 0; at < record.size(); ++at) {
    std::string damaged = record;
    damaged[at] = static_cast<char>(damaged[at] ^ 4);
    EXPECT_EQ(wire::DecodeTrigger(damaged).error().code, Code::kDataLoss);
  }
}

}  // namespace
}  // namespace headrace::scheduler
