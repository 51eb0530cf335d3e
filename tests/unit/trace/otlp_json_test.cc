// The body that a collector gets, as the JSON of OTLP has it.
#include "common/trace/otlp_json.h"

#include <gtest/gtest.h>

#include "common/model/value.h"

namespace headrace::trace {
namespace {

TEST(OtlpJson, IsTheEncodingOfTheSpecification) {
  Span span{.trace = TraceId("0af7651916cd43dd8448eb211c80319c"), .id = SpanId("b7ad6b7169203331"), .parent = SpanId("00f067aa0ba902b7"),
            .parent_is_remote = true, .name = "RUN a/b", .kind = SpanKind::kServer, .start = FromMicros(1'700'000'000'000'001),
            .end = FromMicros(1'700'000'000'000'002)};
  span.attributes = {{"text", std::string("x\"ü")}, {"number", std::int64_t{-7}}, {"flag", true}};
  span.events = {{FromMicros(5), "RUNNING"}};
  span.events_left_out = 3;
  span.links = {{TraceId("1"), SpanId("2"), "restart of"}};
  span.status = SpanStatus::kError;
  const auto body = ParseJson(ToOtlpJson({{"service.name", std::string("headrace")}}, "1.2", {span}));
  const auto expected = ParseJson(R"({"resourceSpans":[{
    "resource":{"attributes":[{"key":"service.name","value":{"stringValue":"headrace"}}]},
    "scopeSpans":[{"scope":{"name":"headrace","version":"1.2"},"spans":[{
      "traceId":"0af7651916cd43dd8448eb211c80319c","spanId":"b7ad6b7169203331","parentSpanId":"00f067aa0ba902b7","flags":769,
      "name":"RUN a/b","kind":2,"startTimeUnixNano":"1700000000000001000","endTimeUnixNano":"1700000000000002000",
      "attributes":[{"key":"text","value":{"stringValue":"x\"ü"}},{"key":"number","value":{"intValue":"-7"}},{"key":"flag","value":{"boolValue":true}}],
      "events":[{"timeUnixNano":"5000","name":"RUNNING"}],"droppedEventsCount":3,
      "links":[{"traceId":"1","spanId":"2","attributes":[{"key":"headrace.link","value":{"stringValue":"restart of"}}]}],
      "status":{"code":2}}]}]}]})");
  ASSERT_TRUE(body);
  ASSERT_TRUE(expected);
  EXPECT_EQ(*body, *expected) << ToJson(*body);
}

TEST(OtlpJson, ReadsWhatWasRefused) {
  const PartialSuccess some = ReadPartialSuccess(R"({"partialSuccess":{"rejectedSpans":"3","errorMessage":"too old"}})");
  EXPECT_EQ(some.refused, 3u);
  EXPECT_EQ(some.why, "too old");
  EXPECT_EQ(ReadPartialSuccess(R"({"partialSuccess":{"rejectedSpans":4}})").refused, 4u);
  for (const char* none : {"", "{}", "ok", R"({"partialSuccess":{}})", R"({"partialSuccess":{"rejectedSpans":"x"}})"}) {
    EXPECT_EQ(ReadPartialSuccess(none).refused, 0u) << none;
  }
}

}  // namespace
}  // namespace headrace::trace
