// Traces of a process: hooks of the loop that never wait, and what is there to be told again.
#include "cli/host/tracing.h"

#include <gtest/gtest.h>

#include <cstdlib>

namespace headrace::cli {
namespace {

class TracingTest : public testing::Test {
 protected:
  TracingTest() {
    for (const char* name : {"OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_SDK_DISABLED", "OTEL_TRACES_SAMPLER",
                             "OTEL_TRACES_EXPORTER", "OTEL_EXPORTER_OTLP_PROTOCOL"}) {
      unsetenv(name);
    }
    run_.id = TaskRunId("run");
    execution_.id = ExecutionId("E");
  }
  ~TracingTest() override { unsetenv("OTEL_TRACES_SAMPLER"); }

  Measures measures_{"scheduler", false};
  model::TaskRun run_;
  model::Execution execution_;
};

TEST_F(TracingTest, WithoutACollectorNothingIsTraced) {
  const auto tracing = Tracing::Open("", "scheduler", measures_);
  ASSERT_TRUE(tracing);
  EXPECT_EQ(*tracing, nullptr);
  EXPECT_EQ(measures_.TraceParent(execution_, run_), "");
  measures_.ExecutionClosed(execution_.id);
}

TEST_F(TracingTest, AnAttemptIsGivenTheSpanThatItWillBe) {
  const auto tracing = Tracing::Open("http://127.0.0.1:1", "scheduler", measures_);
  ASSERT_TRUE(tracing && *tracing);
  const auto parent = trace::ParseTraceParent(measures_.TraceParent(execution_, run_));
  ASSERT_TRUE(parent);
  EXPECT_EQ(parent->trace, trace::TraceOf(execution_));
  EXPECT_EQ(parent->span, trace::SpanOfAttempt(run_.id, 1, 0));
  EXPECT_TRUE(parent->sampled);
}

TEST_F(TracingTest, WhatIsNotSampledSaysSoToItsScripts) {
  setenv("OTEL_TRACES_SAMPLER", "always_off", 1);
  const auto tracing = Tracing::Open("http://127.0.0.1:1", "scheduler", measures_);
  ASSERT_TRUE(tracing && *tracing);
  const auto parent = trace::ParseTraceParent(measures_.TraceParent(execution_, run_));
  ASSERT_TRUE(parent);
  EXPECT_FALSE(parent->sampled);
}

TEST_F(TracingTest, WhatComesWhileTooManyWaitIsDroppedAndCounted) {
  const auto tracing = Tracing::Open("http://127.0.0.1:1", "scheduler", measures_);
  ASSERT_TRUE(tracing && *tracing);
  for (int i = 0; i < 10'003; ++i) measures_.ExecutionClosed(execution_.id);
  EXPECT_NE(measures_.metrics().Expose().find("headrace_traces_total{result=\"dropped\"} 3\n"), std::string::npos);
}

}  // namespace
}  // namespace headrace::cli
