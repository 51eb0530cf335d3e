// Laws of translation: names agree, nothing is lost, hostile values are answered.
#include <gtest/gtest.h>

#include "api/execution_requests.h"
#include "api/page_token.h"
#include "api/status.h"
#include "api/translate.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "tests/unit/api/fake_engine.h"

namespace headrace::api {
namespace {

TEST(Translate, EveryStateKeepsItsName) {
  for (std::size_t i = 0; i < model::kStateCount; ++i) {
    const auto state = static_cast<model::State>(i);
    EXPECT_EQ(v1::State_Name(ToProto(state)), "STATE_" + std::string(model::StateName(state)));
    EXPECT_EQ(FromProto(ToProto(state), "states").value(), state);
  }
  EXPECT_EQ(FromProto(v1::STATE_UNSPECIFIED, "states").error().violations.at(0).field, "states");
  EXPECT_FALSE(FromProto(static_cast<v1::State>(99), "states"));
}

TEST(Translate, LevelsKeepTheirNames) {
  for (int i = 1; i < v1::LogLevel_ARRAYSIZE; ++i) {
    const auto level = static_cast<v1::LogLevel>(i);
    EXPECT_EQ(v1::LogLevel_Name(level), "LOG_LEVEL_" + LevelName(level).value());
    EXPECT_EQ(ParseLevel(LevelName(level).value()), level);
  }
  EXPECT_EQ(LevelName(v1::LOG_LEVEL_UNSPECIFIED).value(), "");
  EXPECT_FALSE(LevelName(static_cast<v1::LogLevel>(17)));
}

TEST(Translate, TimesGoThereAndBackAndStayInRange) {
  for (const std::int64_t micros : {0LL, 1LL, -1LL, 1'700'000'000'123'456LL, -62'135'596'800'000'000LL}) {
    google::protobuf::Timestamp at;
    ToProto(FromMicros(micros), &at);
    EXPECT_GE(at.nanos(), 0);
    EXPECT_EQ(ToMicros(FromProto(at)), micros);
  }
  google::protobuf::Timestamp far;
  far.set_seconds(std::numeric_limits<std::int64_t>::max());
  EXPECT_EQ(ToMicros(FromProto(far)), 253'402'300'799'000'000);
}

TEST(Translate, BytesThatAreNoTextAreMended) {
  EXPECT_EQ(MendUtf8("plain é"), "plain é");
  EXPECT_EQ(MendUtf8("a\xFF" "b\xC3"), "a\xEF\xBF\xBD" "b\xEF\xBF\xBD");
}

TEST(Translate, AnExecutionCarriesWhatItsFlowNames) {
  v1::Execution out;
  ToProto(testing::LoopExecution("e1"), testing::LoopFlow().get(), &out);
  ASSERT_EQ(out.task_runs_size(), 3);
  EXPECT_EQ(out.task_runs(2).task_id(), "check");
  EXPECT_EQ(out.task_runs(2).parent_task_run_id(), "run0");
  EXPECT_EQ(out.task_runs(2).iteration(), 1);
  EXPECT_TRUE(out.task_runs(1).superseded());
  EXPECT_EQ(out.inputs_json(), R"({"version":"1.2.3"})");
  EXPECT_EQ(out.cursor(), 7u);
  v1::Flow flow;
  ToProto(*testing::LoopFlow(), &flow);
  EXPECT_EQ(flow.tasks(1).group(), "tasks");
  EXPECT_EQ(flow.tasks(1).parent_index(), 0u);
}

TEST(Requests, SubmissionsNameTheFieldThatIsWrong) {
  const auto field_of = [](const v1::SubmitExecutionRequest& request) {
    const auto result = FromProto(request);
    return result ? std::string() : result.error().violations.at(0).field;
  };
  v1::SubmitExecutionRequest request;
  EXPECT_EQ(field_of(request), "namespace");
  request.set_namespace_("release");
  EXPECT_EQ(field_of(request), "flow_id");
  request.set_flow_id("poll-it");
  EXPECT_EQ(field_of(request), "");
  request.set_inputs_json("[1]");
  EXPECT_EQ(field_of(request), "inputs_json");
  request.set_inputs_json("{\"a\":");
  EXPECT_EQ(field_of(request), "inputs_json");
  request.set_inputs_json("{\"a\":9007199254740993}");
  EXPECT_EQ(FromProto(request)->inputs.at("a").as_int64(), 9007199254740993);
  request.set_request_id(std::string(201, 'x'));
  EXPECT_EQ(field_of(request), "request_id");
  request.clear_request_id();
  request.add_labels();
  EXPECT_EQ(field_of(request), "labels[0].key");
}

TEST(PageToken, BelongsToItsQuestion) {
  const std::string token = MakePageToken("filter a", "position");
  EXPECT_EQ(ReadPageToken("filter a", token).value(), "position");
  EXPECT_EQ(ReadPageToken("filter b", token).error().violations.at(0).field, "page_token");
  for (std::size_t i = 0; i < token.size(); ++i) {
    std::string changed = token;
    changed[i] = changed[i] == 'a' ? 'b' : 'a';
    EXPECT_FALSE(ReadPageToken("filter a", changed)) << i;
  }
  EXPECT_FALSE(ReadPageToken("filter a", "nonsense"));
  EXPECT_EQ(MakePageToken("filter a", ""), "");
  EXPECT_EQ(ReadPageToken("filter a", "").value(), "");
}

TEST(PageToken, SizesHaveADefaultAndAMaximum) {
  EXPECT_EQ(PageSize(0).value(), 50);
  EXPECT_EQ(PageSize(7).value(), 7);
  EXPECT_EQ(PageSize(5000).value(), 1000);
  EXPECT_EQ(PageSize(-1).error().code, Code::kInvalidArgument);
}

TEST(Status, ViolationsSurviveTheWire) {
  const Error error{Code::kInvalidArgument, "the flow is invalid",
                    {{"tasks[2].retry.interval", "must be a duration", 12, 7, "a.yaml"}, {"id", "is missing", 1, 1}}};
  google::rpc::Status status;
  ToRpcStatus(error, &status);
  EXPECT_EQ(FromRpcStatus(status), error);
  google::rpc::ErrorInfo info;
  ASSERT_TRUE(status.details(0).UnpackTo(&info));
  EXPECT_EQ(info.reason(), "FLOW_INVALID");
  EXPECT_EQ(info.domain(), "headrace");
}

TEST(Status, ReasonsTellFlowsFromInputs) {
  EXPECT_EQ(ReasonOf({Code::kInvalidArgument, "", {{"inputs.version", "is missing"}}}), "INPUTS_INVALID");
  EXPECT_EQ(ReasonOf({Code::kInvalidArgument, "", {{"page_token", "is wrong"}}}), "INVALID_ARGUMENT");
  EXPECT_EQ(ReasonOf({Code::kNotFound, ""}), "NOT_FOUND");
}

TEST(Status, RetryableErrorsSayWhen) {
  google::rpc::Status status;
  ToRpcStatus({Code::kResourceExhausted, "the mailbox is full"}, &status);
  google::rpc::RetryInfo retry;
  ASSERT_TRUE(status.details(1).UnpackTo(&retry));
  EXPECT_EQ(retry.retry_delay().seconds(), 1);
}

TEST(Status, TooManyViolationsAreCutAndCounted) {
  Error error{Code::kInvalidArgument, std::string(5000, 'm'), {}};
  for (int i = 0; i < 300; ++i) error.violations.push_back({"tasks[" + std::to_string(i) + "]", std::string(100, 'v'), i + 1, 1});
  google::rpc::Status status;
  ToRpcStatus(error, &status);
  EXPECT_LT(status.ByteSizeLong(), 7800u);
  const Error back = FromRpcStatus(status);
  EXPECT_GT(back.violations.size(), 10u);
  EXPECT_LT(back.violations.size(), 300u);
  EXPECT_NE(back.message.find("of 300 shown"), std::string::npos);
}

}  // namespace
}  // namespace headrace::api
