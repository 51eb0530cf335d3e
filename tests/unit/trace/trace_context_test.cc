// Names of traces and spans: what is a traceparent, and that both ends come to the same ids.
#include "common/trace/trace_context.h"

#include <gtest/gtest.h>

namespace headrace::trace {
namespace {

constexpr char kGiven[] = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

TEST(TraceParent, IsReadAndWrittenAlike) {
  const auto context = ParseTraceParent(kGiven);
  ASSERT_TRUE(context);
  EXPECT_EQ(context->trace.str(), "0af7651916cd43dd8448eb211c80319c");
  EXPECT_EQ(context->span.str(), "b7ad6b7169203331");
  EXPECT_TRUE(context->sampled);
  EXPECT_EQ(FormatTraceParent(*context), kGiven);
  EXPECT_FALSE(ParseTraceParent("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-02")->sampled) << "only the last bit counts";
  EXPECT_TRUE(ParseTraceParent("cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0b-what-comes-later")->sampled);
}

TEST(TraceParent, WhatIsNoneCountsAsNotGiven) {
  const std::string given = kGiven;
  const std::string zeroes(32, '0');
  for (const std::string& text :
       {std::string(), std::string("x"), given.substr(1), given + "-", given + "x", "ff" + given.substr(2), "0G" + given.substr(2),
        "00-" + zeroes + "-b7ad6b7169203331-01", std::string("00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01"),
        std::string("00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01"),
        std::string("00-0af7651916cd43dd8448eb211c80319c_b7ad6b7169203331-01"), "cc" + given.substr(2) + "x"}) {
    EXPECT_FALSE(ParseTraceParent(text)) << text;
  }
}

TEST(TraceIds, AFamilyIsOneTrace) {
  model::Execution root{.id = ExecutionId("root")};
  root.labels = {{"a", "b"}, {"system.correlationId", "root"}};
  model::Execution child{.id = ExecutionId("child")};
  child.labels = {{"system.correlationId", "root"}};
  EXPECT_EQ(TraceOf(root), TraceOf(child));
  EXPECT_EQ(TraceOf(root).str().size(), 32u);
  model::Execution other{.id = ExecutionId("other")};
  other.labels = {{"system.correlationId", "other"}};
  EXPECT_NE(TraceOf(root), TraceOf(other));
  child.labels.emplace_back(kTraceParentLabel, kGiven);
  EXPECT_EQ(TraceOf(child).str(), "0af7651916cd43dd8448eb211c80319c");
  child.labels.back().second = "nonsense";
  EXPECT_EQ(TraceOf(child), TraceOf(root));
}

TEST(SpanIds, TheChildKnowsTheAttemptThatStartedIt) {
  const ExecutionId parent("parent");
  const model::TaskRun run{.index = 3, .id = DeriveTaskRunId(parent, 3), .attempt = 2};
  const model::Execution child{.id = ExecutionId("child"), .parent = model::ParentLink{parent, 3, 2}};
  EXPECT_EQ(SpanOfParent(child), SpanOfAttempt(run.id, 2, 0));
  EXPECT_EQ(SpanOfParent(child), SpanOfDelivery(run));
  EXPECT_FALSE(SpanOfParent({.id = parent}));
}

TEST(SpanIds, EachDeliveryHasItsOwn) {
  model::TaskRun run{.id = TaskRunId("run")};
  EXPECT_EQ(SpanOfDelivery(run), SpanOfAttempt(run.id, 1, 0));
  run.attempts.emplace_back().state.Enter(model::State::kRunning, Timestamp());
  EXPECT_EQ(SpanOfDelivery(run), SpanOfAttempt(run.id, 1, 0)) << "a worker has it";
  run.attempts.back().state.Enter(model::State::kResubmitted, Timestamp());
  EXPECT_EQ(SpanOfDelivery(run), SpanOfAttempt(run.id, 1, 1)) << "that worker was lost";
  run.attempts.emplace_back().state.Enter(model::State::kFailed, Timestamp());
  run.attempt = 2;
  EXPECT_EQ(SpanOfDelivery(run), SpanOfAttempt(run.id, 2, 0)) << "it is tried again";
}

}  // namespace
}  // namespace headrace::trace
