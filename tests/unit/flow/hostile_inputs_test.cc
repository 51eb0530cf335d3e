// Inputs at the ends of what can be written, and flows of the sizes that people try.
#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>

#include "common/expr/environment.h"
#include "common/flow/builder.h"
#include "common/flow/inputs.h"
#include "tests/unit/flow/sample_catalog.h"

namespace headrace::flow {
namespace {

const std::string kHead = "id: f\nnamespace: n\n";
const std::string kTask = "tasks:\n  - {id: t, type: io.kestra.plugin.core.log.Log, message: m}\n";

// One value through an input of this type, as JSON; or the message.
std::string Through(const std::string& type, const std::string& json) {
  const auto built = BuildFlow(kHead + "inputs:\n  - {id: x, type: " + type + "}\n" + kTask, "f.yaml", SampleCatalog());
  EXPECT_TRUE(built) << built.error().ToString();
  const Result<Value> raw = ParseJson(json);
  if (!raw) return raw.error().message;
  expr::BasicEnvironment environment(FromMicros(0), 1);
  const auto resolved = ResolveInputs(*built->flow, {{"x", *raw}}, environment, {});
  return resolved ? ToJson(resolved->inputs.at("x")) : resolved.error().message;
}

TEST(HostileInputs, IntegersAreExactOrRefused) {
  for (const char* exact : {"9223372036854775807", "-9223372036854775808", "0"}) {
    EXPECT_EQ(Through("INT", exact), exact);
    EXPECT_EQ(Through("INT", '"' + std::string(exact) + '"'), exact);
  }
  EXPECT_EQ(Through("INT", "-0"), "0");
  for (const char* beyond : {"9223372036854775808", "-9223372036854775809", "18446744073709551616", "1e308", "\"NaN\"", "\"Infinity\"",
                             "9007199254740993.0", "\"0x10\"", "\"1e3\"", "\"\"", "\" \"", "[1]"}) {
    EXPECT_NE(Through("INT", beyond).find("Unable to parse `"), std::string::npos) << beyond << Through("INT", beyond);
  }
}

TEST(HostileInputs, DoublesAreExactOrRefused) {
  EXPECT_EQ(Through("FLOAT", "1e308"), "1.0E308");
  EXPECT_EQ(Through("FLOAT", "\"1e308\""), "1.0E308");
  EXPECT_EQ(Through("FLOAT", "-0.0"), "-0.0");
  EXPECT_EQ(Through("FLOAT", "1.3927926388013963e-143"), "1.3927926388013963E-143");
  for (const char* none : {"1e309", "\"1e309\"", "\"NaN\"", "\"nan\"", "\"inf\"", "\"Infinity\"", "\"0x1p3\"", "{}"}) {
    EXPECT_NE(Through("FLOAT", none).find("as `FLOAT`"), std::string::npos) << none << Through("FLOAT", none);
  }
}

TEST(HostileInputs, JsonKeepsEveryDigitAndRefusesWhatIsNone) {
  const std::string numbers = R"([9223372036854775808,18446744073709551615,-0.0,1.0E308,5.0E-324,"😀","a\u0000b"])";
  EXPECT_EQ(Through("JSON", numbers), numbers);
  EXPECT_EQ(Through("JSON", R"("[18446744073709551616, 1e400]")"), R"(["18446744073709551616","1e400"])");
  for (const char* none : {R"("NaN")", R"("[Infinity]")", R"("\"\\ud800\"")", R"("{\"a\":")", R"("{'a': 1}")"}) {
    EXPECT_NE(Through("JSON", none).find("invalid JSON"), std::string::npos) << none << Through("JSON", none);
  }
  EXPECT_NE(Through("STRING", R"("\ud800")").find("invalid JSON"), std::string::npos) << "no text holds half a character";
}

TEST(HostileInputs, LargeOnesComeBackWhole) {
  const std::string large = '"' + std::string(10'000'000, 'x') + '"';
  EXPECT_EQ(Through("STRING", large), large);
  Object many;
  for (int i = 0; i < 100'000; ++i) many["k" + std::to_string(i)] = i;
  EXPECT_EQ(Through("JSON", ToJson(many)), ToJson(many));
}

TEST(HostileInputs, AValidatorIsLinear) {
  const auto built = BuildFlow(kHead + "inputs:\n  - {id: x, type: STRING, validator: '(a+)+$'}\n" + kTask, "f.yaml", SampleCatalog());
  ASSERT_TRUE(built);
  expr::BasicEnvironment environment(FromMicros(0), 1);
  EXPECT_FALSE(ResolveInputs(*built->flow, {{"x", std::string(100'000, 'a') + '!'}}, environment, {}));
  EXPECT_FALSE(BuildFlow(kHead + "inputs:\n  - {id: x, type: STRING, validator: '(?=a)b'}\n" + kTask, "f.yaml", SampleCatalog()));
}

TEST(LargeFlows, TenThousandTasksAreBuilt) {
  constexpr std::size_t kTasks = 10'000;
  std::string source = kHead + "tasks:\n";
  for (std::size_t i = 0; i < kTasks; ++i) {
    source += "  - id: t" + std::to_string(i) + "\n    type: io.kestra.plugin.scripts.shell.Script\n    script: echo {{ " +
              (i == 0 ? std::string("flow.id") : "outputs.t" + std::to_string(i - 1) + ".vars.x") + " }}\n    env: {A: \"{{ flow.id }}\"}\n";
  }
  const auto built = BuildFlow(source, "f.yaml", SampleCatalog());
  ASSERT_TRUE(built) << built.error().message;
  EXPECT_EQ(built->flow->tasks.size(), kTasks);
  EXPECT_TRUE(built->warnings.empty());
}

TEST(LargeFlows, AMegabyteOfTextIsKept) {
  const std::string text(1'000'000, 'x');
  const auto built = BuildFlow(kHead + "tasks:\n  - {id: t, type: io.kestra.plugin.core.log.Log, message: " + text + "}\n", "f.yaml", SampleCatalog());
  ASSERT_TRUE(built) << built.error().message;
  EXPECT_EQ(ToText(built->flow->task(0).properties.at("message")), text);
}

TEST(LargeFlows, AFileOfFiftyMegabytesIsNotEvenRead) {
  const std::string path = testing::TempDir() + "headrace-fifty.yaml";
  std::ofstream(path) << kHead << "description: " << std::string(50 << 20, 'x') << "\n";
  const auto built = LoadFlowFile(path, SampleCatalog());
  ASSERT_FALSE(built);
  EXPECT_EQ(built.error().code, Code::kResourceExhausted);
  EXPECT_NE(built.error().message.find("the limit is 5242880"), std::string::npos) << built.error().message;
  std::remove(path.c_str());
}

}  // namespace
}  // namespace headrace::flow
