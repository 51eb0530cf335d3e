// The commands as people type them, against a real server over a scripted engine.
#include <gtest/gtest.h>
#include <unistd.h>

#include <CLI/CLI.hpp>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "api/server.h"
#include "cli/commands/remote.h"
#include "cli/exit_code.h"
#include "common/model/value.h"
#include "tests/unit/api/fake_engine.h"

namespace headrace::cli {
namespace {

using api::testing::LoopExecution;
using api::testing::LoopFlow;

constexpr int kParseError = -1;
constexpr char kFlow[] = R"(id: hello
namespace: demo
inputs:
  - id: who
    type: STRING
tasks:
  - id: first
    type: io.kestra.plugin.core.debug.Return
    format: "for {{ inputs.who }}"
  - id: say
    type: io.kestra.plugin.core.log.Log
    message: "hello {{ outputs.first.value }}"
)";

class Commands : public ::testing::Test {
 protected:
  Commands() : dir(std::filesystem::temp_directory_path() / ("headrace-commands-" + std::to_string(getpid()))) {
    std::filesystem::create_directories(dir);
    api::ApiOptions options;
    options.address = "127.0.0.1:0";
    server = std::move(*api::ApiServer::Start(options, engine));
    engine.build = [](const std::string&) -> Result<scheduler::FlowView> {
      return scheduler::FlowView{LoopFlow(), FromMicros(1'000'000), true};
    };
  }
  ~Commands() override { std::filesystem::remove_all(dir); }

  std::string Write(const std::string& name, const std::string& text) {
    std::ofstream(dir / name) << text;
    return (dir / name).string();
  }

  // Runs one line, and keeps what it printed in `out` and `err`.
  int Run(std::vector<std::string> words, const std::string& format = "table") {
    std::istringstream in;
    std::ostringstream out_stream;
    std::ostringstream err_stream;
    Context context{.in = in, .out = out_stream, .err = err_stream};
    context.server = address.empty() ? "127.0.0.1:" + std::to_string(server->port()) : address;
    context.output = format;
    CLI::App app;
    RegisterFlow(app, context);
    RegisterExec(app, context, [this](Context&, const FollowRequest& request) {
      followed = request.execution_id + (request.silent ? " silent" : "");
      return static_cast<int>(kExitFailed);
    });
    RegisterWorkerPool(app, context);
    std::reverse(words.begin(), words.end());
    int code = kParseError;
    try {
      app.parse(words);
      code = context.action();
    } catch (const CLI::ParseError&) {
    }
    out = out_stream.str();
    err = err_stream.str();
    return code;
  }

  std::filesystem::path dir;
  api::testing::FakeEngine engine;
  std::unique_ptr<api::ApiServer> server;
  std::string address;
  std::string followed;
  std::string out;
  std::string err;
};

TEST_F(Commands, ValidationOfflineNamesEveryErrorWithItsPlace) {
  const std::string good = Write("good.yaml", kFlow);
  EXPECT_EQ(Run({"flow", "validate", good}), kExitOk) << err;
  EXPECT_NE(out.find("demo/hello"), std::string::npos);
  const std::string bad = Write("bad.yaml", std::string(kFlow) + "---\nid: second\nnamespace: demo\ntasks:\n  - id: x\n"
                                                                 "    type: io.kestra.plugin.core.log.Lug\n    message: m\n");
  EXPECT_EQ(Run({"flow", "validate", bad}), kExitInvalid);
  EXPECT_NE(err.find("bad.yaml:18:"), std::string::npos) << err;
  EXPECT_NE(err.find("1 of 2 flows not valid"), std::string::npos) << err;
  EXPECT_EQ(Run({"flow", "validate", bad}, "json"), kExitInvalid);
  const Value verdicts = ParseJson(out).value();
  EXPECT_EQ(*AtPath(verdicts.at(0), "valid"), true);
  EXPECT_EQ(*AtPath(verdicts.at(1).at("errors").at(0), "line"), 18);
  EXPECT_EQ(Run({"flow", "validate", good, good}), kExitInvalid) << "the same flow twice";
  EXPECT_EQ(Run({"flow", "validate", (dir / "missing.yaml").string()}), kExitNotFound);
}

TEST_F(Commands, ValidationOnlineAsksTheServer) {
  engine.build = [](const std::string&) -> Result<scheduler::FlowView> {
    return Fail(Error{Code::kInvalidArgument, "no", {{"tasks[0].flowId", "no such flow", 7, 5}}});
  };
  const std::string file = Write("good.yaml", kFlow);
  EXPECT_EQ(Run({"flow", "validate", "--online", file}), kExitInvalid);
  EXPECT_NE(err.find("good.yaml:7:5: tasks[0].flowId: no such flow"), std::string::npos) << err;
}

TEST_F(Commands, FlowsAreAppliedListedAndRead) {
  EXPECT_EQ(Run({"flow", "apply", Write("good.yaml", kFlow)}), kExitOk) << err;
  EXPECT_EQ(out, "FLOW             REVISION  OUTCOME\nrelease/poll-it  3         updated\n");
  engine.flows.push_back({"release", "poll-it", 3, "digest", "source"});
  EXPECT_EQ(Run({"flow", "list"}, "name"), kExitOk);
  EXPECT_EQ(out, "release/poll-it\n");
  EXPECT_EQ(Run({"flow", "get", "release/poll-it", "--source"}), kExitOk);
  EXPECT_EQ(out, "id: poll-it\n");
  EXPECT_EQ(Run({"flow", "get", "release/poll-it"}, "json"), kExitOk);
  EXPECT_EQ(*AtPath(ParseJson(out).value(), "revision"), 3);
  EXPECT_EQ(Run({"flow", "get", "release/nope"}), kExitNotFound);
  EXPECT_EQ(Run({"flow", "get", "nope"}), kExitInvalid);
}

TEST_F(Commands, AFlowThatIsRefusedKeepsItsPlaceInTheFile) {
  engine.build = [](const std::string& source) -> Result<scheduler::FlowView> {
    if (source.find("hello") != std::string::npos) return scheduler::FlowView{LoopFlow(), {}, false};
    return Fail(Error{Code::kInvalidArgument, "no valid flow", {{"id", "is wrong", 2, 1, "two.yaml"}}});
  };
  EXPECT_EQ(Run({"flow", "apply", Write("two.yaml", "id: hello\n---\nid: other\n")}), kExitInvalid);
  EXPECT_EQ(out, "") << "the good one is not applied either";
  EXPECT_NE(err.find("two.yaml:4:1"), std::string::npos) << err;
  EXPECT_NE(err.find("nothing is applied"), std::string::npos) << err;
}

TEST_F(Commands, TwoFlowsOfOneNameAreRefusedBeforeAnythingIsApplied) {
  int builds = 0;
  engine.build = [&](const std::string&) -> Result<scheduler::FlowView> {
    ++builds;
    return scheduler::FlowView{LoopFlow(), {}, true};
  };
  const std::string one = Write("one.yaml", "id: poll-it\n");
  const std::string two = Write("two.yaml", "id: poll-it\n");
  EXPECT_EQ(Run({"flow", "apply", one, two}), kExitInvalid);
  EXPECT_EQ(builds, 2) << "each was checked and none applied";
  EXPECT_EQ(out, "");
  EXPECT_NE(err.find("flow release/poll-it is in " + one + " and in " + two), std::string::npos) << err;
  EXPECT_EQ(Run({"flow", "apply", "--dry-run", one, two}), kExitInvalid);
  EXPECT_EQ(Run({"flow", "apply", one}), kExitOk) << err;
}

TEST_F(Commands, RenderResolvesWhatIsKnownBeforeARun) {
  const std::string file = Write("good.yaml", kFlow);
  EXPECT_EQ(Run({"flow", "render", file, "-i", "who=you"}, "json"), kExitOk) << err;
  const Value steps = ParseJson(out).value();
  EXPECT_EQ(*AtPath(steps.at(0), "properties.format"), "for you");
  EXPECT_EQ(*AtPath(steps.at(1), "properties.message"), "hello {{ outputs.first.value }}");
  const std::string known = Write("known.yaml", "id: hello\nnamespace: demo\ninputs:\n  - id: who\n    type: STRING\ntasks:\n"
                                                "  - id: say\n    type: io.kestra.plugin.scripts.shell.Commands\n"
                                                "    commands:\n      - echo {{ inputs.who }}\n");
  EXPECT_EQ(Run({"flow", "render", known, "-i", "who=you"}), kExitOk) << err;
  EXPECT_NE(out.find("\necho you\n"), std::string::npos) << out;
  EXPECT_EQ(Run({"flow", "render", known}), kExitInvalid) << "the input is missing";
}

TEST_F(Commands, GraphDocsAndSchemaNeedNoServer) {
  address = "127.0.0.1:1";
  EXPECT_EQ(Run({"flow", "graph", Write("good.yaml", kFlow)}), kExitOk) << err;
  EXPECT_NE(out.find("say"), std::string::npos);
  EXPECT_EQ(Run({"flow", "docs", "io.kestra.plugin.core.log.Log"}), kExitOk);
  EXPECT_NE(out.find("message"), std::string::npos);
  EXPECT_EQ(Run({"flow", "docs", "io.kestra.plugin.core.log.Lug"}), kExitNotFound);
  EXPECT_NE(err.find("did you mean"), std::string::npos) << err;
  EXPECT_EQ(Run({"flow", "schema"}), kExitOk);
  EXPECT_TRUE(ParseJson(out).value().is_object());
}

TEST_F(Commands, StartPrintsTheIdOrFollows) {
  scheduler::SubmitRequest seen;
  engine.submit = [&](const scheduler::SubmitRequest& request, const scheduler::Engine::SubmitDone& done) {
    seen = request;
    done(scheduler::SubmitReply{ExecutionId("e1"), false, {"input x is not declared"}});
  };
  EXPECT_EQ(Run({"exec", "start", "release/poll-it", "-i", "version=1", "-i", "x=2", "--label", "a=b"}), kExitOk) << err;
  EXPECT_EQ(out, "e1\n");
  EXPECT_NE(err.find("warning: input x is not declared"), std::string::npos);
  EXPECT_EQ(ToJson(seen.inputs), R"({"version":"1","x":"2"})");
  EXPECT_EQ(seen.labels.at(0), model::Label("a", "b"));
  EXPECT_GE(seen.request_id.size(), 20u);
  EXPECT_EQ(Run({"exec", "start", "release/poll-it", "--wait", "--idempotency-key", "k"}), kExitFailed);
  EXPECT_EQ(followed, "e1 silent");
  EXPECT_EQ(seen.request_id, "k");
  engine.submit = [](const scheduler::SubmitRequest&, const scheduler::Engine::SubmitDone& done) {
    done(Fail(Error{Code::kInvalidArgument, "the inputs do not fit", {{"inputs.version", "is required"}}}));
  };
  EXPECT_EQ(Run({"exec", "start", "release/poll-it"}), kExitInvalid);
  EXPECT_EQ(err, "error: the inputs do not fit\n  inputs.version: is required\n");
}

TEST_F(Commands, ExecutionsAreListedAndRead) {
  engine.Put({LoopFlow(), LoopExecution("e1")});
  EXPECT_EQ(Run({"exec", "list", "--state", "running,failed", "--label", "release=1.2.3", "-n", "release", "--since", "24h"}),
            kExitOk) << err;
  EXPECT_NE(out.find("release=1.2.3"), std::string::npos);
  EXPECT_EQ(engine.last_query.states, (std::vector{model::State::kRunning, model::State::kFailed}));
  EXPECT_TRUE(engine.last_query.created_from.has_value());
  EXPECT_EQ(Run({"exec", "list", "--state", "nonsense"}), kParseError);
  EXPECT_EQ(Run({"exec", "get", "@latest"}, "json"), kExitOk) << err;
  const Value execution = ParseJson(out).value();
  EXPECT_EQ(*AtPath(execution, "id"), "e1");
  EXPECT_EQ(AtPath(execution, "taskRunList")->as_array().size(), 2u);
  EXPECT_EQ(*AtPath(execution.at("taskRunList").at(1), "parentTaskRunId"), "run0");
  EXPECT_EQ(Run({"exec", "get", "e1"}), kExitOk);
  EXPECT_NE(out.find("  check #2"), std::string::npos) << out;
  EXPECT_EQ(Run({"exec", "get", "e2"}), kExitNotFound);
}

TEST_F(Commands, AListLongerThanAPageIsReadWhole) {
  for (int i = 0; i < 1500; ++i) engine.Put({LoopFlow(), LoopExecution("e" + std::to_string(10'000 + i))});
  EXPECT_EQ(Run({"exec", "list", "--limit", "1400"}, "name"), kExitOk);
  EXPECT_EQ(std::count(out.begin(), out.end(), '\n'), 1400);
}

TEST_F(Commands, LogsShowWhatWasAskedFor) {
  model::Execution ended = LoopExecution("e1");
  ended.state.Enter(model::State::kSuccess, FromMicros(9'000'000));
  ended.closed = true;
  engine.Put({LoopFlow(), ended});
  engine.Log({ExecutionId("e1"), 2, "check", 1, FromMicros(1), "INFO", "line one\nline two"});
  engine.Log({ExecutionId("e1"), 2, "check", 2, FromMicros(2), "WARN", "second attempt"});
  EXPECT_EQ(Run({"exec", "logs", "e1", "-f"}), kExitOk) << err;
  EXPECT_NE(out.find("INFO  check line one\n               line two\n"), std::string::npos) << out;
  EXPECT_EQ(Run({"exec", "logs", "e1", "--attempt", "2"}, "json"), kExitOk);
  EXPECT_EQ(*AtPath(ParseJson(out).value(), "message"), "second attempt");
  EXPECT_EQ(Run({"exec", "logs", "e1", "--level", "warn"}), kExitOk);
  EXPECT_EQ(out.find("line one"), std::string::npos);
}

TEST_F(Commands, KillRestartAndDrainSayWhatTheyDid) {
  EXPECT_EQ(Run({"exec", "kill", "e1", "--reason", "wrong"}), kExitOk);
  EXPECT_EQ(engine.killed, std::vector<std::string>{"e1: wrong"});
  EXPECT_EQ(Run({"exec", "restart", "e1"}), kExitConflict);
  EXPECT_NE(err.find("RUNNING"), std::string::npos);
  engine.workers.push_back({.id = WorkerId("w1"), .group = "default", .capacity = 4, .running = 1});
  EXPECT_EQ(Run({"worker-pool", "list"}), kExitOk);
  EXPECT_NE(out.find("w1"), std::string::npos);
  EXPECT_EQ(Run({"worker-pool", "drain", "w1"}), kExitOk);
  EXPECT_EQ(Run({"worker-pool", "drain", "w9"}), kExitNotFound);
}

TEST_F(Commands, AnErrorWithOneViolationIsToldOnce) {
  const auto refuse = [this](Error error) {
    engine.submit = [error](const scheduler::SubmitRequest&, const scheduler::Engine::SubmitDone& done) { done(Fail(error)); };
    EXPECT_EQ(Run({"exec", "start", "release/poll-it"}), kExitInvalid);
    return err;
  };
  EXPECT_EQ(refuse({Code::kInvalidArgument, "Missing required input:who", {{"inputs.who", "Missing required input:who"}}}),
            "error: Missing required input:who\n");
  EXPECT_EQ(refuse({Code::kInvalidArgument, "who is wrong", {{"inputs.who", "is wrong", 3, 4, "a.yaml"}}}),
            "error: a.yaml:3:4: inputs.who: is wrong\n");
}

model::FlowPtr PauseFlow() {
  auto flow = std::make_shared<model::Flow>(*LoopFlow());
  model::Task& pause = flow->arena[1];
  pause.id = "approve";
  pause.type = "io.kestra.plugin.core.flow.Pause";
  pause.on_resume = {{.id = "approved", .type = "BOOLEAN"}, {.id = "reason", .type = "STRING", .required = false}};
  return flow;
}

TEST_F(Commands, AnExecutionThatWaitsSaysHowItIsResumed) {
  model::Execution waiting = LoopExecution("e1");
  for (model::TaskRun& run : waiting.task_runs) {
    if (run.task == 1 && !run.superseded) run.state.Enter(model::State::kPaused, FromMicros(9'000'000));
  }
  engine.Put({PauseFlow(), waiting});
  EXPECT_EQ(Run({"exec", "get", "e1"}), kExitOk) << err;
  EXPECT_NE(out.find("waits     approve, until: headrace exec resume e1 -i approved=BOOLEAN [-i reason=STRING]\n"), std::string::npos) << out;
}

TEST_F(Commands, PurgeTakesWhatHasEndedPageByPage) {
  for (int i = 0; i < 250; ++i) {
    model::Execution execution = LoopExecution("e" + std::to_string(1'000 + i));
    execution.closed = i % 2 == 0;
    engine.Put({LoopFlow(), execution});
  }
  EXPECT_EQ(Run({"exec", "purge"}), kParseError) << "a purge needs a date";
  EXPECT_EQ(Run({"exec", "purge", "--before", "2026-01-31", "-n", "release", "--flow", "poll-it", "--dry-run"}), kExitOk) << err;
  EXPECT_EQ(out, "FLOW             EXECUTIONS\nrelease/poll-it  250\n");
  EXPECT_EQ(err, "dry run: 250 executions would go\n");
  EXPECT_EQ(engine.executions.size(), 250u);
  EXPECT_EQ(engine.last_query.created_before, *ParseInstant("2026-01-31T00:00:00Z"));
  EXPECT_EQ(Run({"exec", "purge", "--before", "30d", "--keep-files"}), kExitOk) << err;
  EXPECT_EQ(err, "purged 125 executions, 0 log lines, 0 files; 125 executions had not ended for good\n");
  EXPECT_EQ(engine.executions.size(), 125u);
  EXPECT_EQ(Run({"exec", "purge", "--before", "1d"}, "json"), kExitOk);
  EXPECT_EQ(*AtPath(ParseJson(out).value(), "kept"), 125);
  EXPECT_EQ(Run({"exec", "purge", "--before", "1d", "--state", "RUNNING"}), kExitInvalid);
  EXPECT_NE(err.find("have not ended"), std::string::npos) << err;
  EXPECT_EQ(Run({"exec", "purge", "--before", "yesterday"}), kExitInvalid);
  EXPECT_NE(err.find("30d"), std::string::npos) << err;
}

TEST_F(Commands, AServerThatIsNotThereIsNamedWithARemedy) {
  const int port = server->port();
  server->Shutdown();
  address = "127.0.0.1:" + std::to_string(port);
  EXPECT_EQ(Run({"exec", "list"}), kExitUnreachable);
  EXPECT_NE(err.find("no headrace server answers at " + address), std::string::npos) << err;
  EXPECT_NE(err.find("headrace standalone"), std::string::npos);
  EXPECT_NE(err.find("(Connection refused)"), std::string::npos) << err;
}

}  // namespace
}  // namespace headrace::cli
