// TriggerService over gRPC: what it asks of the engine, and how it answers.
#include <gtest/gtest.h>

#include "api/translate.h"
#include "headrace/api/v1/trigger_service.grpc.pb.h"
#include "tests/unit/api/rig.h"

namespace headrace::api {
namespace {

class TriggerServiceTest : public testing::Rig {
 protected:
  TriggerServiceTest() : stub_(v1::TriggerService::NewStub(channel)) {
    model::Trigger row;
    row.name = {"team", "night", "hour"};
    row.type = "io.kestra.plugin.core.trigger.Schedule";
    row.cron = "0 * * * *";
    row.revision = 3;
    row.next = FromMicros(1'767'225'600'000'000);
    row.execution = ExecutionId("runs");
    row.backfill = model::Backfill{.start = *row.next, .end = *row.next, .current = *row.next, .inputs = {{"a", 1}}, .labels = {{"k", "v"}}};
    row.problem = "why";
    row.interval = std::chrono::milliseconds(1500);
    engine.trigger_door.rows.push_back(row);
  }
  static void Name(v1::TriggerName* name) {
    name->set_namespace_("team");
    name->set_flow_id("night");
    name->set_trigger_id("hour");
  }
  template <typename Method, typename Request, typename Response>
  grpc::Status Call(Method method, const Request& request, Response* response) {
    grpc::ClientContext context;
    return (stub_.get()->*method)(&context, request, response);
  }

  std::unique_ptr<v1::TriggerService::Stub> stub_;
};

using Stub = v1::TriggerService::Stub;

TEST_F(TriggerServiceTest, ATriggerIsShownWithWhatItWaitsFor) {
  v1::GetTriggerRequest request;
  Name(request.mutable_name());
  v1::GetTriggerResponse response;
  ASSERT_TRUE(Call(&Stub::GetTrigger, request, &response).ok());
  const v1::Trigger& trigger = response.trigger();
  EXPECT_EQ(trigger.name().trigger_id(), "hour");
  EXPECT_EQ(trigger.execution_id(), "runs");
  EXPECT_EQ(FromProto(trigger.next()), FromMicros(1'767'225'600'000'000));
  EXPECT_EQ(trigger.backfill().inputs_json(), R"({"a":1})");
  EXPECT_EQ(trigger.backfill().labels(0).key(), "k");
  EXPECT_EQ(trigger.problem(), "why");
  EXPECT_EQ(trigger.interval().seconds(), 1);
  EXPECT_EQ(trigger.interval().nanos(), 500'000'000);
  EXPECT_FALSE(trigger.has_last());
  request.mutable_name()->set_trigger_id("none");
  EXPECT_EQ(Call(&Stub::GetTrigger, request, &response).error_code(), grpc::StatusCode::NOT_FOUND);
  request.mutable_name()->clear_trigger_id();
  EXPECT_EQ(Call(&Stub::GetTrigger, request, &response).error_code(), grpc::StatusCode::INVALID_ARGUMENT);
}

TEST_F(TriggerServiceTest, WhatIsAskedReachesTheEngine) {
  v1::SetTriggerDisabledRequest disable;
  Name(disable.mutable_name());
  disable.set_disabled(true);
  v1::SetTriggerDisabledResponse disabled;
  EXPECT_TRUE(Call(&Stub::SetTriggerDisabled, disable, &disabled).ok());
  v1::UnlockTriggerRequest unlock;
  Name(unlock.mutable_name());
  v1::UnlockTriggerResponse unlocked;
  EXPECT_TRUE(Call(&Stub::UnlockTrigger, unlock, &unlocked).ok());
  v1::ListTriggerDatesRequest next;
  Name(next.mutable_name());
  v1::ListTriggerDatesResponse dates;
  EXPECT_TRUE(Call(&Stub::ListTriggerDates, next, &dates).ok());
  EXPECT_EQ(dates.dates_size(), 5);
  next.set_count(1001);
  EXPECT_EQ(Call(&Stub::ListTriggerDates, next, &dates).error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  v1::CreateBackfillRequest create;
  Name(create.mutable_name());
  v1::CreateBackfillResponse created;
  EXPECT_EQ(Call(&Stub::CreateBackfill, create, &created).error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  ToProto(FromMicros(1'767'225'600'000'000), create.mutable_backfill()->mutable_start());
  create.mutable_backfill()->set_inputs_json("[1]");
  EXPECT_EQ(Call(&Stub::CreateBackfill, create, &created).error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  create.mutable_backfill()->set_inputs_json(R"({"a":1})");
  EXPECT_TRUE(Call(&Stub::CreateBackfill, create, &created).ok());
  v1::PauseBackfillRequest pause;
  Name(pause.mutable_name());
  v1::PauseBackfillResponse paused;
  EXPECT_TRUE(Call(&Stub::PauseBackfill, pause, &paused).ok());
  v1::CancelBackfillRequest cancel;
  Name(cancel.mutable_name());
  v1::CancelBackfillResponse cancelled;
  EXPECT_TRUE(Call(&Stub::CancelBackfill, cancel, &cancelled).ok());
  EXPECT_EQ(engine.trigger_door.noted,
            (std::vector<std::string>{"disable team/night/hour", "unlock team/night/hour", "next team/night/hour",
                                      R"(backfill team/night/hour 2026-01-01T00:00:00.000000Z {"a":1})", "resume team/night/hour",
                                      "cancel team/night/hour"}));
}

TEST_F(TriggerServiceTest, AListMayBeOfBackfillsAlone) {
  model::Trigger plain;
  plain.name = {"team", "night", "other"};
  engine.trigger_door.rows.push_back(plain);
  v1::ListTriggersRequest request;
  request.set_namespace_prefix("team");
  v1::ListTriggersResponse response;
  ASSERT_TRUE(Call(&Stub::ListTriggers, request, &response).ok());
  EXPECT_EQ(response.triggers_size(), 2);
  request.set_with_backfill_only(true);
  ASSERT_TRUE(Call(&Stub::ListTriggers, request, &response).ok());
  EXPECT_EQ(response.triggers_size(), 1);
}

}  // namespace
}  // namespace headrace::api
