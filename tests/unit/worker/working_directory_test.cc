// Tasks inside one job: WorkingDirectory, TemplatedTask, LocalFiles.
#include <thread>

#include "tests/unit/worker/task_fixture.h"

namespace headrace::worker {
namespace {

const std::string kWorkingDirectory = "io.kestra.plugin.core.flow.WorkingDirectory";
const std::string kShell = "io.kestra.plugin.scripts.shell.Commands";

class Together : public TaskTest {
 protected:
  wire::TaskSpec& Child(const std::string& id, const std::string& type, const std::string& properties) {
    return children_.emplace_back(wire::TaskSpec{.type = type, .task_id = id, .properties_json = properties});
  }
  wire::TaskSpec& Shell(const std::string& id, const std::string& command) {
    return Child(id, kShell, ToJson(Object{{"commands", Array{json::string(command)}}, {"runner", "PROCESS"}}));
  }
  static std::string States(const Ran& ran) {
    std::string text;
    for (const auto& nested : ran.nested) text += nested.task_id + " " + std::string(model::StateName(nested.outcome)) + "; ";
    return text;
  }
};

TEST_F(Together, ChildrenShareTheDirectoryAndSeeEarlierOutputs) {
  Shell("write", "echo content > a.txt; echo '::{\"outputs\":{\"n\":7}}::'");
  Shell("read", "cat a.txt; echo {{ outputs.write.vars.n }} {{ task.id }} $(basename {{ workingDir }})");
  const Ran ran = Run(kWorkingDirectory, Json(R"({"outputFiles":["*.txt"]})"), R"({"outputs":{"before":{"x":1}}})");
  EXPECT_EQ(ran.state, State::kSuccess) << ran.message;
  EXPECT_EQ(ran.Lines("INFO"), "content\n7 read EXEC-3-2-1\n");
  EXPECT_EQ(States(ran), "write SUCCESS; read SUCCESS; ");
  EXPECT_EQ(ToText(*AtPath(Json(ran.nested[0].outputs_json), "vars.n")), "7");
  EXPECT_LE(ran.nested[0].ended, ran.nested[1].started);
  EXPECT_EQ(Stored(ran, "a.txt"), "content\n");
  EXPECT_TRUE(fs::is_empty(fs::path(directories_->path())) || !fs::exists(fs::path(directories_->path()) / "EXEC-3-2-1"));
}

TEST_F(Together, InputFilesAndFilesOfChildren) {
  const std::string uri = PutFile("in.txt", "stored");
  Shell("show", "cat one.txt two.txt");
  Child("local", "io.kestra.plugin.core.storage.LocalFiles", R"({"inputs":{"three.txt":"3"},"outputs":["t*.txt"]})");
  const Ran ran = Run("io.kestra.core.tasks.flows.Worker", Json(R"({"inputFiles":{"one.txt":"one ","two.txt":")" + uri + "\"}}"));
  EXPECT_EQ(ran.Lines("INFO"), "one stored\n");
  const Value local = Json(ran.nested[1].outputs_json);
  EXPECT_EQ(Member(local, "uris")->get_object().size(), 2u);
}

TEST_F(Together, FirstFailureStopsUnlessItIsAllowed) {
  Shell("allowed", "exit 3").allow_failure = true;
  wire::TaskSpec& quiet = Shell("quiet", "exit 3");
  quiet.allow_failure = quiet.allow_warning = true;
  Shell("fails", "exit 4");
  Shell("never", "echo no");
  const Ran ran = Run(kWorkingDirectory, Object());
  EXPECT_EQ(ran.state, State::kFailed);
  EXPECT_EQ(States(ran), "allowed WARNING; quiet SUCCESS; fails FAILED; ");
  EXPECT_EQ(ran.message, "task 'fails': Command failed with exit code 4");
  EXPECT_EQ(ToText(*AtPath(Json(ran.nested[0].outputs_json), "exitCode")), "3");
  children_.pop_back();
  children_.pop_back();
  EXPECT_EQ(Run(kWorkingDirectory, Object()).state, State::kWarning);
}

TEST_F(Together, RunIfOfChildren) {
  Child("skipped", kShell, "{}").run_if = "{{ 1 == 2 }}";
  Child("broken", kShell, "{}").run_if = "{{ nope }}";
  const Ran ran = Run(kWorkingDirectory, Object());
  EXPECT_EQ(States(ran), "skipped SKIPPED; broken FAILED; ");
  EXPECT_TRUE(ran.nested[1].message.starts_with("Failed evaluating runIf: ")) << ran.nested[1].message;
}

TEST_F(Together, TimeoutOfAChildAndSleepInside) {
  Child("sleep", "io.kestra.plugin.core.flow.Sleep", R"({"duration":"PT0.01S"})");
  Shell("slow", "sleep 1000").timeout = "PT0.05S";
  const Ran ran = Run(kWorkingDirectory, Object());
  EXPECT_EQ(States(ran), "sleep SUCCESS; slow FAILED; ");
  EXPECT_EQ(ran.nested[1].message, "Timeout after PT0.05S");
}

TEST_F(Together, CancelReachesTheRunningChild) {
  Shell("slow", "echo begun; sleep 1000");
  Shell("never", "echo no");
  auto job = MakeJob(kWorkingDirectory, Object());
  on_log_ = [&](const wire::LogEntry& entry) {
    if (entry.message == "begun") job->cancel().Cancel(1s, "killed by ada");
  };
  EXPECT_FALSE(job->Step());
  const auto result = job->TakeResult();
  EXPECT_EQ(result.outcome, State::kKilled);
  ASSERT_EQ(result.nested.size(), 1u);
  EXPECT_EQ(result.nested[0].outcome, State::kKilled);
}

TEST_F(Together, SecretsOfAnyChildAreMaskedEverywhere) {
  Child("first", "io.kestra.plugin.core.debug.Return", R"({"format":"ghp_secret1234"})");
  Child("second", "io.kestra.plugin.core.debug.Return", R"({"format":"{{ secret('GITHUB_TOKEN') }}"})");
  Shell("third", "echo ghp_secret1234");
  const Ran ran = Run(kWorkingDirectory, Object());
  for (const auto& nested : ran.nested) EXPECT_EQ(nested.outputs_json.find("ghp_secret"), std::string::npos) << nested.outputs_json;
  EXPECT_EQ(ran.Lines("INFO"), "******\n");
}

TEST_F(Together, OutputsInsideLoopsStandBelowTheirValues) {
  Child("one", "io.kestra.plugin.core.debug.Return", R"({"format":"x"})");
  Child("two", "io.kestra.plugin.core.debug.Return", R"({"format":"{{ outputs.one['outer']['inner'].value }}"})");
  const Ran ran = Run(kWorkingDirectory, Object(), R"({"taskrun":{"value":"inner"},"parents":[{"taskrun":{"value":"outer"}}]})");
  EXPECT_EQ(States(ran), "one SUCCESS; two SUCCESS; ");
}

TEST_F(Together, CacheIsKeptAndEndsWithItsTtl) {
  Shell("work", "if [ -f deps/lib.sh ]; then ./deps/lib.sh; else mkdir deps; printf '#!/bin/sh\\necho cached' > deps/lib.sh; chmod +x deps/lib.sh; echo fresh; fi");
  const Value properties = Json(R"({"cache":{"patterns":["deps/**"],"ttl":"PT1H"}})");
  EXPECT_EQ(Run(kWorkingDirectory, properties).Lines("INFO"), "fresh\n");
  EXPECT_EQ(Run(kWorkingDirectory, properties).Lines("INFO"), "cached\n");
  const fs::path kept = root_ / "storage/a/b/flow/_cache/check";
  ASSERT_TRUE(fs::exists(kept));
  fs::last_write_time(kept, fs::file_time_type::clock::now() - 2h);
  const Ran late = Run(kWorkingDirectory, properties);
  EXPECT_NE(late.Lines("INFO").find("fresh\n"), std::string::npos);
  // A broken one is told and not used.
  std::ofstream(kept) << "broken";
  const Ran broken = Run(kWorkingDirectory, properties);
  EXPECT_NE(broken.Lines("INFO").find("fresh\n"), std::string::npos);
  EXPECT_NE(broken.Lines("WARN").find("cache"), std::string::npos);
}

TEST_F(Together, UploadTakesFilesOfTheDirectory) {
  Shell("write", "mkdir d; echo x > d/a.csv; echo y > b.txt");
  Child("up", "io.kestra.plugin.core.namespace.UploadFiles", R"({"namespace":"a.b","files":["**.csv"],"destination":"data"})");
  const Ran ran = Run(kWorkingDirectory, Object());
  EXPECT_EQ(Json(ran.nested[1].outputs_json), Json(R"({"files":{"/data/d/a.csv":"kestra:///a/b/_files/data/d/a.csv"}})"));
}

TEST_F(Together, TemplatedTaskRunsWhatItsTextSays) {
  const auto templated = [&](const std::string& spec, const std::string& context = "{}") {
    return Run("io.kestra.core.tasks.templating.TemplatedTask", Object{{"spec", spec}}, context);
  };
  const Ran ran = templated("type: {{ inputs.type }}\nformat: \"It's {{ '{{' }} task.id }}\"\n",
                            R"({"inputs":{"type":"io.kestra.plugin.core.debug.Return"},"task":{"id":"me"}})");
  EXPECT_EQ(ran.Out("value"), "It's me") << ran.message;
  EXPECT_EQ(templated("type: io.kestra.plugin.core.templating.TemplatedTask\nspec: x").message,
            "The templated task cannot be of type 'io.kestra.plugin.core.templating.TemplatedTask'");
  EXPECT_NE(templated("type: io.kestra.plugin.core.flow.Sequential").message.find("must be a runnable task"), std::string::npos);
  EXPECT_NE(templated("- not a map").message.find("expected one task"), std::string::npos);
  EXPECT_EQ(templated("type: io.kestra.plugin.core.execution.Fail\nerrorMessage: why").message, "why");
}

}  // namespace
}  // namespace headrace::worker
