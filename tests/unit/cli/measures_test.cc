// What rooms tell, counted under the names that docs/metrics.md has.
#include "cli/host/measures.h"

#include <gtest/gtest.h>

#include "scheduler/peer.h"

namespace headrace::cli {
namespace {

bool Has(Measures& measures, const std::string& line) { return measures.metrics().Expose().find("\n" + line + "\n") != std::string::npos; }

TEST(MeasuresTest, FlowsAreNamedOnlyWhereThatIsAskedFor) {
  Measures measures("scheduler", false);
  measures.ExecutionEnded("team", "a", model::State::kSuccess, std::chrono::seconds(2));
  measures.ExecutionEnded("team", "b", model::State::kSuccess, std::chrono::seconds(2));
  EXPECT_TRUE(Has(measures, "headrace_executions_total{state=\"SUCCESS\"} 2"));
  EXPECT_EQ(measures.metrics().Expose().find("team"), std::string::npos);
}

TEST(MeasuresTest, FromTheThousandthSeriesOnFlowsAreOthers) {
  Measures measures("scheduler", true);
  for (std::size_t i = 0; i < Measures::kFlowSeriesMost + 7; ++i) {
    measures.ExecutionEnded("team", "f" + std::to_string(i), model::State::kFailed, Duration(1));
  }
  measures.ExecutionEnded("team", "f0", model::State::kFailed, Duration(1));
  EXPECT_TRUE(Has(measures, R"(headrace_executions_total{flow="f0",namespace="team",state="FAILED"} 2)"));
  EXPECT_TRUE(Has(measures, R"(headrace_executions_total{flow="f999",namespace="team",state="FAILED"} 1)"));
  EXPECT_TRUE(Has(measures, R"(headrace_executions_total{flow="other",namespace="other",state="FAILED"} 7)"));
}

TEST(MeasuresTest, WhatIsNotThereIsNoErrorOfTheStore) {
  Measures measures("scheduler", false);
  const auto told = measures.OfStore("redis");
  told("read", Duration(1000), Fail(Code::kNotFound, "none"));
  told("commit", Duration(1000), Fail(Code::kAborted, "another owner"));
  told("commit", Duration(1000), {});
  EXPECT_TRUE(Has(measures, R"(headrace_store_errors_total{backend="redis",op="commit"} 0)"));
  EXPECT_TRUE(Has(measures, R"(headrace_store_op_seconds_count{backend="redis",op="commit"} 2)"));
  told("commit", Duration(1000), Fail(Code::kUnavailable, "the disk is full"));
  EXPECT_TRUE(Has(measures, R"(headrace_store_errors_total{backend="redis",op="commit"} 1)"));
}

TEST(MeasuresTest, ARedisThatDoesNotAnswerIsMissing) {
  Measures measures("scheduler", false);
  EXPECT_TRUE(measures.Missing().empty());
  EXPECT_EQ(measures.metrics().Expose().find("headrace_redis_up"), std::string::npos) << "there is none";
  measures.OfRedis()(false);
  EXPECT_TRUE(Has(measures, "headrace_redis_up 0"));
  EXPECT_EQ(measures.Missing(), std::vector<std::string>{"store: Redis does not answer"});
  measures.OfRedis()(true);
  EXPECT_TRUE(Has(measures, "headrace_redis_up 1"));
  EXPECT_TRUE(measures.Missing().empty());
}

TEST(MeasuresTest, LateIsMoreThanHalfAMinute) {
  Measures measures("scheduler", false);
  measures.TriggerFired(std::chrono::seconds(30));
  EXPECT_TRUE(Has(measures, "headrace_triggers_late_total 0"));
  measures.TriggerFired(std::chrono::seconds(31));
  EXPECT_TRUE(Has(measures, "headrace_triggers_late_total 1"));
  EXPECT_TRUE(Has(measures, "headrace_trigger_lateness_seconds_count 2"));
}

class FakePeers final : public scheduler::PeerClient {
 public:
  void Call(const std::string&, std::string request, Duration, scheduler::PeerDone done) override {
    if (request.find("kill") != std::string::npos) return done(Fail(Code::kAborted, "moved"));
    done("{}");
  }
};

TEST(MeasuresTest, CallsBetweenSchedulersAreCountedByTheirNames) {
  Measures measures("scheduler", false);
  const auto peers = measures.Metered(std::make_unique<FakePeers>());
  for (const char* request : {R"({"call":"submit","ns":"team"})", R"({"call":"kill","id":"x"})", R"({"ns":"team","call":"submit"})"}) {
    peers->Call("a:1", request, Duration(1), [](const Result<std::string>&) {});
  }
  EXPECT_TRUE(Has(measures, R"(headrace_peer_calls_total{call="submit",code="OK"} 1)"));
  EXPECT_TRUE(Has(measures, R"(headrace_peer_calls_total{call="kill",code="ABORTED"} 1)"));
  EXPECT_TRUE(Has(measures, R"(headrace_peer_calls_total{call="other",code="OK"} 1)"));
  EXPECT_EQ(PeerCallName(R"({"call":"trigger.list"})"), "trigger.list");
  for (const char* request : {"", "{", R"({"call":")", R"({"call":"")", R"({"call":"a b"})", R"({"call":"abcdefghijklmnopqrstuvwxyzabcdefgh"})"}) {
    EXPECT_EQ(PeerCallName(request), "other") << request;
  }
}

TEST(MeasuresTest, AWorkerIsWhatItsVitalsSay) {
  worker::Vitals vitals;
  vitals.slots_busy = 3;
  vitals.slots_free = 5;
  vitals.welcomed = true;
  vitals.heard = 1'700'000'000'500'000;
  vitals.logs_dropped = 9;
  Measures measures("worker", false);
  measures.OfWorker()("io.kestra.plugin.core.log.Log", model::State::kWarning);
  const std::string page = measures.metrics().Expose(SampleWorker(vitals));
  for (const char* line : {"headrace_worker_slots{state=\"busy\"} 3\n", "headrace_worker_slots{state=\"free\"} 5\n", "headrace_worker_ready 1\n",
                           "headrace_worker_draining 0\n", "headrace_worker_heartbeat_timestamp_seconds 1700000000.5\n", "headrace_log_dropped_total 9\n",
                           "headrace_worker_tasks_total{state=\"WARNING\",type=\"io.kestra.plugin.core.log.Log\"} 1\n"}) {
    EXPECT_NE(page.find(line), std::string::npos) << line << page;
  }
}

}  // namespace
}  // namespace headrace::cli
