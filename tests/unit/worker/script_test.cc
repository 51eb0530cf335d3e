// The contract of script tasks, on real interpreters.
#include "tests/unit/worker/task_fixture.h"

#include "worker/files/glob.h"

namespace headrace::worker {
namespace {

using ScriptTask = TaskTest;

TEST_F(ScriptTask, OutputsLogsAndLevels) {
  const Ran ran = Script(R"(echo plain
echo bad >&2
echo '::{"outputs":{"a":1,"b":{"c":["x"]}}}::'
echo '::{"outputs":{"a":2}}::'
echo '::{"logs":[{"level":"WARN","message":"careful"}]}::'
echo '::{"metrics":[{"name":"rows","type":"counter","value":3,"tags":{"t":"u"}}]}::'
echo '::{"outputs":{::'
echo ' ::{"outputs":{"a":3}}::'
)");
  EXPECT_EQ(ran.state, State::kSuccess) << ran.message;
  EXPECT_EQ(ToJson(*Member(ran.outputs, "vars")), R"({"a":2,"b":{"c":["x"]}})");
  EXPECT_EQ(ran.Out("exitCode"), "0");
  EXPECT_EQ(ran.Lines("INFO"), "plain\n::{\"outputs\":{::\n ::{\"outputs\":{\"a\":3}}::\n");
  EXPECT_EQ(ran.Lines("ERROR"), "bad\n");
  EXPECT_EQ(ran.Lines("WARN"), "careful\n");
  EXPECT_EQ(ran.Lines("DEBUG"), "metric rows counter 3 {\"t\":\"u\"}\n");
  EXPECT_EQ(Script("echo '::{nonsense}::'").Lines("WARN"), "Invalid outputs '{nonsense}'\n");
}

TEST_F(ScriptTask, OutputsAreKeptOnFailure) {
  const Ran ran = Script(R"(echo '::{"outputs":{"a":1}}::'; echo data > out.txt; exit 4)", R"({"outputFiles":["out.txt"]})");
  EXPECT_EQ(ran.state, State::kFailed);
  EXPECT_EQ(ran.message, "Command failed with exit code 4");
  EXPECT_EQ(ran.Lines("ERROR"), "Command failed with exit code 4\n");
  EXPECT_EQ(ran.Out("exitCode"), "4");
  EXPECT_EQ(ran.Out("vars.a"), "1");
  EXPECT_EQ(Stored(ran, "out.txt"), "data\n");
}

TEST_F(ScriptTask, FailFastStopsAtTheFirstFailure) {
  EXPECT_EQ(Script("false\necho after").Lines("INFO"), "");
  const Ran slow = Script("false\necho after", R"({"failFast":false})");
  EXPECT_EQ(slow.Lines("INFO"), "after\n");
  EXPECT_EQ(slow.state, State::kSuccess);
}

TEST_F(ScriptTask, CommandsShareOneShellWithWhatComesBefore) {
  const Ran ran = Run("io.kestra.plugin.scripts.shell.Commands",
                      Json(R"({"runner":"PROCESS","beforeCommands":["X=1","cd /"],"commands":["echo $X {{ inputs.y }}","pwd"]})"),
                      R"({"inputs":{"y":2}})");
  EXPECT_EQ(ran.Lines("INFO"), "1 2\n/\n");
  EXPECT_EQ(Run("io.kestra.plugin.scripts.shell.Commands", Json(R"({"runner":"PROCESS","commands":[]})")).state, State::kFailed);
}

TEST_F(ScriptTask, EnvironmentIsTheWorkersWithoutItsSecrets) {
  const Ran ran = Script("env | sort", R"({"env":{"MINE":"{{ 1 + 1 }}","WORKER_SEES":"mine"}})");
  const std::string env = ran.Lines("INFO");
  EXPECT_NE(env.find("MINE=2\n"), std::string::npos);
  EXPECT_NE(env.find("WORKER_SEES=mine\n"), std::string::npos);
  EXPECT_NE(env.find("WORKING_DIR=" + options_.tmp_dir), std::string::npos);
  EXPECT_NE(env.find("HEADRACE_IDEMPOTENCY_KEY=EXEC/TASKRUN/2\n"), std::string::npos);
  EXPECT_EQ(env.find("SECRET_"), std::string::npos);
  for (const std::string name : {"A=B", "1A", "", "A B", "A\\nB"})
    EXPECT_EQ(Script("true", R"({"env":{")" + name + R"(":"x"}})").state, State::kFailed) << name;
}

TEST_F(ScriptTask, WhatItStartsJoinsTheTrace) {
  options_.environment["TRACEPARENT"] = "the worker's";
  options_.environment["TRACESTATE"] = "the worker's";
  EXPECT_EQ(Script("echo $TRACEPARENT $TRACESTATE").Lines("INFO"), "the worker's the worker's\n") << "nothing is traced";
  trace_parent_ = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  EXPECT_EQ(Script("echo $TRACEPARENT $TRACESTATE").Lines("INFO"), trace_parent_ + "\n");
  EXPECT_EQ(Script("echo $TRACEPARENT", R"({"env":{"TRACEPARENT":"own"}})").Lines("INFO"), "own\n");
}

TEST_F(ScriptTask, SecretsAreMaskedHoweverTheyArePrinted) {
  const Ran ran = Script(R"(export T={{ secret('GITHUB_TOKEN') }}
printf 'ghp_'; printf 'secret1234\n'
echo $T | base64
set -x
echo "x $T" >&2
echo "::{\"outputs\":{\"t\":\"$T\"}}::"
)");
  for (const auto& entry : ran.logs) EXPECT_EQ(entry.message.find("ghp_secret"), std::string::npos) << entry.message;
  EXPECT_TRUE(ran.Lines("INFO").starts_with("******\n")) << ran.Lines("INFO");
  EXPECT_EQ(ran.Out("vars.t"), "******");
  EXPECT_EQ(ToJson(ran.outputs).find("ghp_"), std::string::npos);
}

TEST_F(ScriptTask, FilesGoInAndOut) {
  const Ran first = Script("echo one > a.txt; mkdir -p d/e; echo two > d/e/b.csv; ln -s /etc/passwd link.txt; echo no > c.log",
                           R"({"outputFiles":["*.txt","**/*.csv","none.*"]})");
  EXPECT_EQ(first.state, State::kSuccess) << first.message;
  EXPECT_EQ(Stored(first, "a.txt"), "one\n");
  EXPECT_EQ(Stored(first, "d/e/b.csv"), "two\n");
  ASSERT_EQ(Member(first.outputs, "outputFiles")->as_object().size(), 2u);
  EXPECT_EQ(first.Lines("WARN"), "outputFiles: nothing matches 'none.*'\n");
  const std::string uri = ToText(*Member(*Member(first.outputs, "outputFiles"), "a.txt"));
  EXPECT_EQ(uri, "kestra:///a/b/flow/executions/EXEC/tasks/check/TASKRUN/2-1/a.txt");
  const std::string context = R"({"u":")" + uri + "\"}";
  const Ran second = Script("cat in/x.txt y.txt {{ u }}", R"({"inputFiles":{"in/x.txt":"hi {{ 1 }}\n","y.txt":"{{ u }}"}})", "shell", context);
  EXPECT_EQ(second.Lines("INFO"), "hi 1\none\none\n") << second.message;
  const Ran text = Script("cat x", R"({"inputFiles":"{\"x\": \"json\"}"})");
  EXPECT_EQ(text.Lines("INFO"), "json\n");
  const Ran lost = Script("true", R"({"inputFiles":{"x":"kestra:///a/b/none.txt"}})");
  EXPECT_EQ(lost.state, State::kFailed);
}

TEST_F(ScriptTask, NamesThatLeadOutAreRefused) {
  std::ofstream(root_.string() + "-outside") << "safe";
  for (const std::string name : {"../x", "/tmp/x", "a/../../x", "a//b", "./x", "..", "x\\\\y", "a/..", "\\u0001"}) {
    const Ran ran = Script("true", R"({"inputFiles":{")" + name + R"(":"evil"}})");
    EXPECT_EQ(ran.state, State::kFailed) << name;
    EXPECT_NE(ran.message.find("is no name for a file"), std::string::npos) << ran.message;
  }
  // A folder that a script turned into a link is not followed, nor are fifos opened.
  const Ran ran = Script("ln -s /etc d; mkfifo f; ln /etc/hostname h 2>/dev/null || true", R"({"outputFiles":["d/passwd","f","**"]})");
  EXPECT_EQ(Stored(ran, "d/passwd"), "(none)");
  EXPECT_EQ(Stored(ran, "f"), "(none)");
  for (const std::string uri : {"kestra:///../x", "kestra:////etc/passwd", "kestra:///a/../../x"})
    EXPECT_FALSE(PlaceOf(uri)) << uri;
  fs::remove(root_.string() + "-outside");
}

TEST_F(ScriptTask, OutputDirectoryAndItsVariables) {
  const Ran ran = Script("echo x > {{ outputDir }}/deep.txt; test $OUTPUT_DIR = {{ outputDir }}; test $PWD = {{ workingDir }}; echo y > {{ outputFiles['o.txt'] }}",
                         R"({"outputDirectory":true,"outputFiles":["o.txt"]})");
  EXPECT_EQ(ran.state, State::kSuccess) << ran.message;
  EXPECT_EQ(Stored(ran, "deep.txt"), "x\n");
  EXPECT_EQ(Stored(ran, "o.txt"), "y\n");
}

TEST_F(ScriptTask, QuotaOfOutputFiles) {
  options_.file_bytes_max = 100'000;
  const Ran ran = Script("head -c 1000000 /dev/zero > big", R"({"outputFiles":["big"]})");
  EXPECT_EQ(ran.state, State::kFailed);
  EXPECT_NE(ran.message.find("larger than 100000 bytes"), std::string::npos) << ran.message;
  EXPECT_EQ(ran.Out("exitCode"), "0");
}

TEST_F(ScriptTask, WorkingDirectoryIsGoneAfterwards) {
  const Ran ran = Script("mkdir d; touch d/f; pwd");
  const std::string directory(Trim(ran.Lines("INFO")));
  ASSERT_TRUE(directory.starts_with(directories_->path()));
  EXPECT_FALSE(fs::exists(directory));
}

TEST_F(ScriptTask, FoldersOfDeadWorkersAreSwept) {
  fs::create_directories(root_ / "tmp" / "worker-dead-AAAAAA" / "x");
  std::ofstream(root_ / "tmp" / "worker-dead-AAAAAA" / ".lock");
  Script("true");
  EXPECT_FALSE(fs::exists(root_ / "tmp" / "worker-dead-AAAAAA"));
  const std::string mine = directories_->path();
  const auto other = WorkingDirectories::Open(options_.tmp_dir, "w");
  EXPECT_TRUE(fs::exists(mine));
}

TEST_F(ScriptTask, DockerIsSaidOnceAndOthersAreRefused) {
  const Value properties = Json(R"({"commands":["echo x"],"containerImage":"ubuntu"})");
  EXPECT_NE(Run("io.kestra.plugin.scripts.shell.Commands", properties).Lines("WARN").find("no Docker"), std::string::npos);
  EXPECT_EQ(Run("io.kestra.plugin.scripts.shell.Commands", properties).Lines("WARN"), "");
  const Ran other = Script("true", R"({"taskRunner":{"type":"io.kestra.plugin.ee.kubernetes.runner.Kubernetes"}})");
  EXPECT_EQ(other.state, State::kFailed);
  EXPECT_NE(other.message.find("io.kestra.plugin.core.runner.Process"), std::string::npos);
}

TEST_F(ScriptTask, InterpreterMayBeAnother) {
  const Ran ran = Script("echo $0; set -o pipefail; false | true; echo not here", R"({"interpreter":["/bin/bash","-c"]})");
  EXPECT_EQ(ran.state, State::kFailed);
  EXPECT_EQ(ran.Lines("INFO"), "/bin/bash\n");
  const Ran none = Script("true", R"({"interpreter":["/no/such","-c"]})");
  EXPECT_EQ(none.state, State::kFailed);
  EXPECT_NE(none.message.find("/no/such"), std::string::npos) << none.message;
  EXPECT_EQ(Script("print(1 + 1)", R"({"interpreter":["python3","-c"]})").Lines("INFO"), "2\n");
}

TEST_F(ScriptTask, PythonAndNodeRunTheirFile) {
  const Ran python = Script("import sys\nv = {\"a\": true, \"b\": null}\nprint(v['a'], v['b'])\nsys.exit(3)\n", "{}", "python");
  EXPECT_EQ(python.Lines("INFO"), "True None\n") << python.message << python.Lines("ERROR");
  EXPECT_EQ(python.Out("exitCode"), "3");
  if (std::system("command -v node >/dev/null 2>&1") == 0) {
    const Ran node = Script("console.log('::' + JSON.stringify({outputs: {n: 1 + 1}}) + '::'); console.error('e')", "{}", "node");
    EXPECT_EQ(node.Out("vars.n"), "2") << node.Lines("ERROR");
    EXPECT_EQ(node.Lines("ERROR"), "e\n");
  }
  if (std::system("command -v perl >/dev/null 2>&1") == 0) {
    EXPECT_EQ(Script("print 6*7", "{}", "perl").Lines("INFO"), "42\n");
  }
}

TEST_F(ScriptTask, LongScriptsAndLongLines) {
  std::string script;
  for (int i = 0; i < 20'000; ++i) script += ": comment number " + std::to_string(i) + "\n";
  EXPECT_EQ(Script(script + "echo end").Lines("INFO"), "end\n");
  const Ran big = Script(R"(python3 -c 'print("::{\"outputs\":{\"x\":\"" + "y" * 300000 + "\"}}::")')");
  EXPECT_EQ(big.Out("vars.x").size(), 300'000u);
}

TEST_F(ScriptTask, CancelKillsAndSaysSo) {
  auto job = MakeJob("io.kestra.plugin.scripts.shell.Commands",
                     Json(R"({"runner":"PROCESS","commands":["echo ready","sleep 1000"]})"));
  on_log_ = [&](const wire::LogEntry& entry) {
    if (entry.message == "ready") job->cancel().Cancel(0s, "killed by ada");
  };
  EXPECT_FALSE(job->Step());
  const wire::TaskResult result = job->TakeResult();
  EXPECT_EQ(result.outcome, State::kKilled);
  EXPECT_EQ(result.message, "killed by ada");
}

// Resident bytes at their highest since the last reset.
std::uint64_t PeakBytes() {
  std::ifstream file("/proc/self/status");
  for (std::string line; std::getline(file, line);)
    if (line.starts_with("VmHWM:")) return std::stoull(line.substr(6)) * 1024;
  return 0;
}
void ResetPeak() { std::ofstream("/proc/self/clear_refs") << "5"; }

TEST_F(ScriptTask, AnyAmountOfOutputInBoundedMemory) {
  options_.log_bytes_max = 1024 * 1024;
  Script("true");
  for (const std::string script : {"yes 0123456789 | head -c 100000000", "head -c 200000000 /dev/zero",
                                   "head -c 50000000 /dev/urandom", "printf '::{'; head -c 200000000 /dev/zero | tr '\\0' x"}) {
    ResetPeak();
    const std::uint64_t before = PeakBytes();
    const Ran ran = Script(script);
    // What begins as outputs and is too long for them is not lost in silence.
    EXPECT_EQ(ran.state, script.starts_with("printf") ? State::kFailed : State::kSuccess) << ran.message;
    EXPECT_LT(PeakBytes(), before + 64 * 1024 * 1024) << script;
    EXPECT_NE(ran.Lines("WARN").find("The log of this task is cut here"), std::string::npos);
    for (const auto& entry : ran.logs) ASSERT_TRUE(entry.message.size() <= 100'000);
  }
}

TEST(Glob, PathsAsKestraReadsThem) {
  EXPECT_TRUE(PathGlob("b.txt").Matches("a/b.txt"));
  EXPECT_TRUE(PathGlob("b.txt").Matches("b.txt"));
  EXPECT_FALSE(PathGlob("/b.txt").Matches("a/b.txt"));
  EXPECT_TRUE(PathGlob("glob:/a/*.txt").Matches("a/b.txt"));
  EXPECT_FALSE(PathGlob("*.txt").Matches("a/b.txt"));
  EXPECT_TRUE(PathGlob("**.txt").Matches("a/b.txt"));
}

TEST(Glob, Table) {
  const auto matches = [](std::string_view pattern, std::string_view name) { return Glob(pattern).Matches(name); };
  EXPECT_TRUE(matches("a.txt", "a.txt"));
  EXPECT_FALSE(matches("a.txt", "b/a.txt"));
  EXPECT_TRUE(matches("*.txt", "a.txt"));
  EXPECT_FALSE(matches("*.txt", "d/a.txt"));
  EXPECT_TRUE(matches("**/*.txt", "d/e/a.txt"));
  EXPECT_TRUE(matches("**/*.txt", "a.txt"));
  EXPECT_TRUE(matches("**", "d/e/a.txt"));
  EXPECT_TRUE(matches("**.txt", "d/e/a.txt"));
  EXPECT_TRUE(matches("d/**", "d/e/a.txt"));
  EXPECT_FALSE(matches("d/**", "e/a.txt"));
  EXPECT_TRUE(matches("d/**/a.txt", "d/a.txt"));
  EXPECT_TRUE(matches("d/**/a.txt", "d/x/y/a.txt"));
  EXPECT_FALSE(matches("d/**/a.txt", "d/xa.txt"));
  EXPECT_TRUE(matches("?.{csv,json}", "a.json"));
  EXPECT_FALSE(matches("?.{csv,json}", "ab.json"));
  EXPECT_TRUE(matches("[a-c]*.txt", "bx.txt"));
  EXPECT_FALSE(matches("[!a-c]*.txt", "bx.txt"));
  EXPECT_TRUE(matches("*a*b*c", "xxaxxbxxc"));
  EXPECT_FALSE(matches("*a*b*c", "xxaxxbxx"));
  EXPECT_FALSE(matches("", "a"));
}

}  // namespace
}  // namespace headrace::worker
