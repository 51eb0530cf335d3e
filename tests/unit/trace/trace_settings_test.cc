// What the command line and OpenTelemetry's variables say.
#include "common/trace/trace_settings.h"

#include <gtest/gtest.h>

#include <map>

namespace headrace::trace {
namespace {

using Variables = std::map<std::string, std::string>;

Result<std::optional<TraceSettings>> Read(const std::string& endpoint, const Variables& variables) {
  return ReadTraceSettings(endpoint, [&](const char* name) {
    const auto found = variables.find(name);
    return found == variables.end() || found->second.empty() ? std::nullopt : std::optional(found->second);
  }, {{"service.name", std::string("headrace")}, {"service.version", std::string("1")}});
}

std::string UrlOf(const std::string& endpoint, const Variables& variables) {
  const auto read = Read(endpoint, variables);
  return !read ? read.error().message : *read ? (*read)->url : "(off)";
}

TEST(TraceSettings, NobodyIsToldUnlessACollectorIsNamed) {
  EXPECT_EQ(UrlOf("", {}), "(off)");
  EXPECT_EQ(UrlOf("", {{"OTEL_EXPORTER_OTLP_ENDPOINT", ""}}), "(off)");
  EXPECT_EQ(UrlOf("http://c:4318", {{"OTEL_SDK_DISABLED", "true"}}), "(off)");
  EXPECT_EQ(UrlOf("http://c:4318", {{"OTEL_TRACES_EXPORTER", "none"}}), "(off)");
}

TEST(TraceSettings, TheEndpointIsTheOptionsThenThatOfTracesThenThatOfAll) {
  EXPECT_EQ(UrlOf("", {{"OTEL_EXPORTER_OTLP_ENDPOINT", "http://all:4318/"}}), "http://all:4318/v1/traces");
  EXPECT_EQ(UrlOf("", {{"OTEL_EXPORTER_OTLP_ENDPOINT", "http://all"}, {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "https://t/own/path"}}),
            "https://t/own/path");
  EXPECT_EQ(UrlOf("https://mine", {{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "https://t"}}), "https://mine/v1/traces");
  EXPECT_EQ(UrlOf("https://mine/v1/traces", {}), "https://mine/v1/traces");
}

TEST(TraceSettings, HeadersResourceAndTimeout) {
  const auto read = Read("http://c", {{"OTEL_EXPORTER_OTLP_HEADERS", "Authorization=Bearer%20x%3D, a = b ,"},
                                      {"OTEL_RESOURCE_ATTRIBUTES", "service.name=other,deployment.environment.name=prod"},
                                      {"OTEL_EXPORTER_OTLP_TIMEOUT", "2500"}});
  ASSERT_TRUE(read && *read);
  using Pairs = std::vector<std::pair<std::string, std::string>>;
  EXPECT_EQ((*read)->headers, (Pairs{{"Authorization", "Bearer x="}, {"a", "b"}}));
  EXPECT_EQ((*read)->timeout, std::chrono::milliseconds(2500));
  EXPECT_EQ((*read)->resource, (std::vector<Attribute>{{"service.name", std::string("other")}, {"service.version", std::string("1")},
                                                       {"deployment.environment.name", std::string("prod")}}));
  const auto named = Read("http://c", {{"OTEL_SERVICE_NAME", "release"}, {"OTEL_RESOURCE_ATTRIBUTES", "service.name=other"},
                                       {"OTEL_EXPORTER_OTLP_HEADERS", "all=1"}, {"OTEL_EXPORTER_OTLP_TRACES_HEADERS", "traces=1"}});
  ASSERT_TRUE(named && *named);
  EXPECT_EQ((*named)->resource.front(), (Attribute{"service.name", std::string("release")}));
  EXPECT_EQ((*named)->headers, (Pairs{{"traces", "1"}}));
}

TEST(TraceSettings, WhatCannotBeMeantNamesTheVariable) {
  EXPECT_NE(UrlOf("http://", {}).find("--otlp-endpoint must be the URL"), std::string::npos);
  EXPECT_NE(UrlOf("c:4318", {}).find("--otlp-endpoint must be the URL"), std::string::npos);
  EXPECT_NE(UrlOf("", {{"OTEL_EXPORTER_OTLP_ENDPOINT", "grpc://c"}}).find("OTEL_EXPORTER_OTLP_ENDPOINT must be"), std::string::npos);
  EXPECT_NE(UrlOf("http://c", {{"OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"}}).find("OTEL_EXPORTER_OTLP_PROTOCOL must be http/json"), std::string::npos);
  EXPECT_EQ(UrlOf("http://c", {{"OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"}}), "http://c/v1/traces");
  EXPECT_NE(UrlOf("http://c", {{"OTEL_EXPORTER_OTLP_TIMEOUT", "1s"}}).find("milliseconds"), std::string::npos);
  EXPECT_NE(UrlOf("http://c", {{"OTEL_TRACES_SAMPLER", "some"}}).find("OTEL_TRACES_SAMPLER must be"), std::string::npos);
  EXPECT_NE(UrlOf("http://c", {{"OTEL_TRACES_SAMPLER", "traceidratio"}, {"OTEL_TRACES_SAMPLER_ARG", "2"}}).find("from 0 to 1"), std::string::npos);
  EXPECT_NE(UrlOf("http://c", {{"OTEL_TRACES_EXPORTER", "zipkin"}}).find("OTEL_TRACES_EXPORTER"), std::string::npos);
  const std::string headers = UrlOf("http://c", {{"OTEL_EXPORTER_OTLP_HEADERS", "a=1,topsecret"}});
  EXPECT_NE(headers.find("OTEL_EXPORTER_OTLP_HEADERS must be a list"), std::string::npos);
  EXPECT_EQ(headers.find("topsecret"), std::string::npos) << "a header may be a password";
}

TEST(Sampler, FollowsItsCallerAndTheRatio) {
  const TraceId low("0000000000000000ff00000000000001");
  const TraceId high("0000000000000000ffffffffffffffff");
  const TraceContext yes{low, SpanId("1"), true};
  const TraceContext no{low, SpanId("1"), false};
  const auto sampler = [](const Variables& variables) { return (*Read("http://c", variables))->sampler; };
  const Sampler standard = sampler({});
  EXPECT_TRUE(standard.Takes(low, {}));
  EXPECT_FALSE(standard.Takes(low, no));
  EXPECT_TRUE(sampler({{"OTEL_TRACES_SAMPLER", "always_on"}}).Takes(low, no));
  EXPECT_FALSE(sampler({{"OTEL_TRACES_SAMPLER", "always_off"}}).Takes(low, yes));
  EXPECT_TRUE(sampler({{"OTEL_TRACES_SAMPLER", "parentbased_always_off"}}).Takes(low, yes));
  EXPECT_FALSE(sampler({{"OTEL_TRACES_SAMPLER", "parentbased_always_off"}}).Takes(low, {}));
  const Sampler half = sampler({{"OTEL_TRACES_SAMPLER", "parentbased_traceidratio"}, {"OTEL_TRACES_SAMPLER_ARG", "0.5"}});
  EXPECT_TRUE(half.Takes(low, {}));
  EXPECT_FALSE(half.Takes(high, {}));
  EXPECT_TRUE(half.Takes(high, yes));
  EXPECT_FALSE(sampler({{"OTEL_TRACES_SAMPLER", "traceidratio"}, {"OTEL_TRACES_SAMPLER_ARG", "0"}}).Takes(low, {}));
}

TEST(Sampler, ARatioTakesAboutThatManyTraces) {
  const Sampler quarter{.follows_caller = true, .ratio = 0.25};
  int taken = 0;
  for (int i = 0; i < 4000; ++i) taken += quarter.Takes(TraceOf({.id = ExecutionId("id" + std::to_string(i))}), {}) ? 1 : 0;
  EXPECT_GT(taken, 850);
  EXPECT_LT(taken, 1150);
}

}  // namespace
}  // namespace headrace::trace
