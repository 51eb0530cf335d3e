// What `flow validate` says of scripts that take what whoever starts the flow chose.
#include <gtest/gtest.h>

#include "common/flow/builder.h"
#include "tests/unit/flow/sample_catalog.h"

namespace headrace::flow {
namespace {

const std::string kHead =
    "id: f\nnamespace: n\ninputs:\n  - {id: TAG, type: STRING}\n  - {id: N, type: INT}\n  - {id: EE, type: BOOLEAN}\n"
    "  - {id: SAFE, type: STRING, validator: '[0-9.]+'}\n  - {id: ONE, type: SELECT, values: [a, b]}\n"
    "  - {id: ANY, type: SELECT, values: [a, b], allowCustomValue: true}\n  - {id: J, type: JSON}\n"
    "  - {id: NUMBERS, type: ARRAY, itemType: INT}\n  - {id: WORDS, type: ARRAY, itemType: STRING}\n"
    "  - {id: form.text, type: STRING}\n  - {id: form.count, type: INT}\ntasks:\n";

std::vector<std::string> Advice(const std::string& tasks) {
  const auto built = BuildFlow(kHead + tasks, "f.yaml", SampleCatalog());
  EXPECT_TRUE(built) << built.error().ToString();
  std::vector<std::string> lines;
  if (!built) return lines;
  for (const Violation& warning : built->warnings) ADD_FAILURE() << ToString(warning);
  for (const Violation& one : built->advice) lines.push_back(ToString(one));
  return lines;
}

// Of a shell script with this one line.
std::string Shell(const std::string& line) {
  const auto lines = Advice("  - id: s\n    type: io.kestra.plugin.scripts.shell.Script\n    script: |\n      " + line + "\n");
  EXPECT_LE(lines.size(), 1u);
  return lines.empty() ? "" : lines.front();
}

TEST(ScriptAdvice, NamesTheInputThePlaceAndTheRemedy) {
  EXPECT_EQ(Shell("gh release view v{{ inputs.TAG }}"),
            "f.yaml:19:24: tasks[0]: whoever chooses `inputs.TAG` chooses what this script runs: give it through `env:` and write "
            "\"$NAME\", or write {{ inputs.TAG | shq }} without quotes around it, or let a `validator` of the input keep out what is no "
            "such value");
}

TEST(ScriptAdvice, IsOneATask) {
  const auto lines = Advice(
      "  - id: a\n    type: io.kestra.plugin.scripts.shell.Script\n    script: |\n      one {{ inputs.TAG }} {{ inputs.J.x }}\n"
      "      two {{ inputs.TAG }} {{ trigger.body.ref }} {{ inputs.WORDS }} {{ inputs.ANY }}\n"
      "  - id: l\n    type: io.kestra.plugin.core.flow.Sequential\n    tasks:\n"
      "      - id: b\n        type: io.kestra.plugin.scripts.node.Commands\n        commands: [\"npx x {{ inputs.form.text }}\", \"{{ inputs.TAG }}\"]\n");
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_NE(lines[0].find("tasks[0]: whoever chooses `inputs.TAG`, `inputs.J`, `trigger.body` and others chooses"), std::string::npos) << lines[0];
  EXPECT_NE(lines[1].find("tasks[1].tasks[0]: whoever chooses `inputs.form.text`, `inputs.TAG` chooses"), std::string::npos) << lines[1];
}

TEST(ScriptAdvice, IsSilentAboutWhatCannotHarm) {
  for (const char* line :
       {"echo {{ inputs.N }} {{ inputs.EE }} {{ inputs.NUMBERS }} {{ inputs.form.count }}", "echo {{ inputs.SAFE }} {{ inputs.ONE }}",
        "gh --repo {{ inputs.EE ? 'kestra-ee' : 'kestra' }}", "echo {{ inputs.TAG | length }} {{ inputs.TAG | sha256 }}",
        "echo {{ outputs.s.vars.x ?? 1 }} {{ flow.id }} {{ execution.id }}", "export T={{ secret('GITHUB_TOKEN') }}",
        "echo {{ trigger.date }} {{ trigger.executionId }}", "{% if inputs.TAG == 'x' %}echo yes{% endif %}",
        "gh --ref v{{ inputs.TAG | shq }} --x={{ inputs.WORDS | shq }}", "gh '{{ inputs.TAG | escapeChar(\"shell\") }}'",
        "echo \"$(gh api {{ inputs.TAG | shq }})\" # don't \"", "echo \"a\" 'b' \\\" {{ inputs.TAG | shq }}"}) {
    EXPECT_EQ(Shell(line), "") << line;
  }
}

TEST(ScriptAdvice, KnowsThatQuotesWithinQuotesAreNone) {
  for (const char* line : {"echo \"{{ inputs.TAG | shq }}\"", "echo '{{ inputs.TAG | shq }}'", "echo \"$(id)\" \"x {{ inputs.TAG | shq }}\""}) {
    EXPECT_NE(Shell(line).find("goes through `shq`, which brings its own quotes"), std::string::npos) << line;
  }
  EXPECT_NE(Shell("echo \"{{ inputs.TAG | escapeChar('shell') }}\"").find("helps between single quotes only"), std::string::npos);
  EXPECT_NE(Shell("echo {{ inputs.TAG | escapeChar('shell') }}").find("helps between single quotes only"), std::string::npos);
  EXPECT_NE(Shell("echo '{{ inputs.TAG | escapeChar(\"double\") }}'").find("whoever chooses"), std::string::npos);
  EXPECT_EQ(Shell("echo it's\n      echo {{ inputs.TAG | shq }}"), "") << "every line begins anew";
}

TEST(ScriptAdvice, OutsideAShellOnlyEnvHelps) {
  Catalog catalog;
  for (const char* type : {"python.Script", "powershell.Commands", "shell.Commands"}) {
    model::TaskTypeSpec spec{.type = "io.kestra.plugin.scripts." + std::string(type)};
    spec.properties = {{.name = "script"}, {.name = "commands", .kind = model::PropertyKind::kList, .members = {{.name = "text"}}},
                       {.name = "interpreter", .kind = model::PropertyKind::kList}};
    catalog.Add(std::move(spec));
  }
  for (const char* task : {"type: io.kestra.plugin.scripts.python.Script, script: \"print('{{ inputs.TAG | shq }}')\"",
                           "type: io.kestra.plugin.scripts.powershell.Commands, commands: [\"echo {{ inputs.TAG | shq }}\"]",
                           "type: io.kestra.plugin.scripts.shell.Commands, interpreter: [python3, -c], commands: [\"{{ inputs.TAG | shq }}\"]"}) {
    const auto built = BuildFlow(kHead + "  - {id: a, " + task + "}\n", "f.yaml", catalog);
    ASSERT_TRUE(built) << built.error().ToString();
    ASSERT_EQ(built->advice.size(), 1u) << task;
    EXPECT_NE(built->advice[0].message.find("give it through `env:` and read it from there, or let"), std::string::npos) << built->advice[0].message;
  }
}

TEST(ScriptAdvice, EnvIsTheRemedy) {
  EXPECT_TRUE(Advice("  - id: a\n    type: io.kestra.plugin.scripts.shell.Script\n    env: {TAG: \"{{ inputs.TAG }}\"}\n    script: gh view \"$TAG\"\n").empty());
  EXPECT_TRUE(Advice("  - id: a\n    type: io.kestra.plugin.scripts.shell.Script\n    env: \"{{ inputs }}\"\n    script: gh view \"$TAG\"\n").empty());
}

TEST(ScriptAdvice, AllInputsAtOnceAreToldToo) {
  EXPECT_NE(Shell("echo {{ inputs }}").find("whoever chooses `inputs` chooses"), std::string::npos);
  EXPECT_NE(Shell("echo {{ inputs.form }}").find("whoever chooses `inputs.form` chooses"), std::string::npos);
}

// Ten thousand places in one line cost what they are, not their square.
TEST(ScriptAdvice, IsLinear) {
  std::string line = "echo";
  for (int i = 0; i < 20'000; ++i) line += " 'a' {{ inputs.TAG | shq }}";
  EXPECT_EQ(Shell(line), "");
}

TEST(ScriptNames, OfVariablesAreCheckedWhereTheyAreWritten) {
  const auto faults = [](const std::string& env) {
    const auto built = BuildFlow(kHead + "  - id: a\n    type: io.kestra.plugin.scripts.shell.Script\n    script: x\n    env: " + env + "\n", "f.yaml",
                                 SampleCatalog());
    return built ? "" : built.error().violations.front().field + ": " + built.error().violations.front().message;
  };
  EXPECT_EQ(faults("{A: 1, _b9: 2, PATH: /usr/bin, LD_PRELOAD: x.so, http_proxy: p, \"{{ inputs.TAG }}\": 3}"), "");
  for (const char* name : {"A=B", "1A", "", "A B", "A-B", "A\\nB", "é", "A\\u0001"}) {
    EXPECT_NE(faults("{\"" + std::string(name) + "\": x}").find("is no name of a variable: letters, digits and _, not a digit first"), std::string::npos) << name;
  }
}

}  // namespace
}  // namespace headrace::flow
