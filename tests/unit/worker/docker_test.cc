// The Docker runner against a stand-in that speaks the Engine API on a unix socket.
#include "tests/unit/worker/http_server.h"
#include "tests/unit/worker/task_fixture.h"
#include "worker/docker/docker_run.h"

namespace headrace::worker {
namespace {

std::string Frame(int stream, const std::string& text) {
  std::string frame(8, '\0');
  frame[0] = static_cast<char>(stream);
  frame[6] = static_cast<char>(text.size() >> 8U);
  frame[7] = static_cast<char>(text.size());
  return frame + text;
}

class DockerTask : public TaskTest {
 protected:
  DockerTask() {
    fs::create_directories(root_);
    options_.docker_socket = root_ / "docker.sock";
  }
  void Serve() {
    server = std::make_unique<HttpServer>([this](const HttpCall& call) { return Answer(call); }, options_.docker_socket);
  }
  std::string Answer(const HttpCall& call) {
    const std::string path = call.target.substr(call.target.find('/', 1));
    const auto json = [](int code, const std::string& body) { return HttpServer::Answer(code, "application/json", body); };
    if (path.starts_with("/images/create")) return json(200, pull_answer);
    if (path.starts_with("/images/")) return json(known_image ? 200 : 404, R"({"message":"no such image"})");
    if (path == "/containers/create") return json(201, R"({"Id":"c0ffee"})");
    if (path.starts_with("/containers/c0ffee/logs"))
      return hang ? "" : HttpServer::Answer(200, "application/vnd.docker.raw-stream", Frame(1, "out ") + Frame(2, "err\n") + Frame(1, "and ::x\n::{\"outputs\":{\"a\":1}}::\n"));
    if (path == "/containers/c0ffee/wait") return json(200, R"({"StatusCode":)" + std::to_string(exit_code) + "}");
    return "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n";
  }
  Ran Docker(const std::string& runner = R"({"type":"io.kestra.plugin.scripts.runner.docker.Docker"})") {
    return Run("io.kestra.plugin.scripts.shell.Commands",
               Json(R"({"commands":["echo {{ workingDir }}"],"containerImage":"ghcr.io/a/b:1.2","env":{"A":"b"},"taskRunner":)" + runner + "}"),
               R"({"flow":{"id":"flow"}})");
  }
  std::string Called() {
    std::string text;
    for (const HttpCall& call : server->calls()) text += call.method + " " + call.target.substr(6) + "\n";
    return text;
  }

  std::unique_ptr<HttpServer> server;
  bool known_image = true;
  bool hang = false;
  int exit_code = 0;
  std::string pull_answer = "{\"status\":\"Pulling\"}\n{\"status\":\"Done\"}\n";
};

TEST_F(DockerTask, RunsTheCommandsInAContainer) {
  Serve();
  const Ran ran = Docker();
  EXPECT_EQ(ran.state, State::kSuccess) << ran.message;
  EXPECT_EQ(ran.Lines("INFO"), "out and ::x\n");
  EXPECT_EQ(ran.Lines("ERROR"), "err\n");
  EXPECT_EQ(ran.Out("vars.a") + ran.Out("exitCode"), "10");
  EXPECT_EQ(Called(),
            "GET /images/ghcr.io/a/b:1.2/json\nPOST /containers/create\nPOST /containers/c0ffee/start\n"
            "GET /containers/c0ffee/logs?follow=1&stdout=1&stderr=1\nPOST /containers/c0ffee/wait\nDELETE /containers/c0ffee?force=1&v=1\n");
  const Value body = Json(server->calls()[1].body);
  const std::string directory = ToText(*Member(body, "WorkingDir"));
  EXPECT_EQ(Member(body, "Cmd")->at(2).as_string(), "set -e\necho " + directory);
  EXPECT_EQ(ToText(*AtPath(body, "HostConfig.Binds")), "[\"" + directory + ":" + directory + "\"]");
  const std::string env = ToText(*Member(body, "Env"));
  EXPECT_NE(env.find("\"A=b\""), std::string::npos);
  EXPECT_NE(env.find("WORKING_DIR=" + directory), std::string::npos);
  EXPECT_EQ(env.find("WORKER_SEES"), std::string::npos) << "a container inherits nothing";
  const Value* labels = Member(body, "Labels");
  EXPECT_EQ(ToText(*Member(*labels, "kestra.io/namespace")), "a.b");
  EXPECT_EQ(ToText(*Member(*labels, "kestra.io/execution-id")), "EXEC");
  EXPECT_EQ(ToText(*Member(*labels, "kestra.io/taskrun-attempt")), "2");
}

TEST_F(DockerTask, PullsWhatIsMissingAndSaysWhyItCannot) {
  known_image = false;
  Serve();
  EXPECT_EQ(Docker().state, State::kSuccess);
  EXPECT_NE(Called().find("POST /images/create?fromImage=ghcr.io%2Fa%2Fb&tag=1.2"), std::string::npos);
  pull_answer = "{\"status\":\"x\"}\n{\"error\":\"denied\"}\n";
  EXPECT_EQ(Docker(R"({"type":"Docker","pullPolicy":"ALWAYS"})").message, "cannot pull the image 'ghcr.io/a/b:1.2': denied");
  EXPECT_EQ(Docker(R"({"type":"Docker","pullPolicy":"NEVER"})").state, State::kSuccess);
}

TEST_F(DockerTask, ExitCodeFailsTheTaskAndLimitsAreTold) {
  exit_code = 3;
  Serve();
  const Ran ran = Docker(R"({"type":"Docker","memory":{"memory":"512MB"},"cpu":{"cpus":1.5},"user":"1000","networkMode":"host","delete":false})");
  EXPECT_EQ(ran.message, "Command failed with exit code 3");
  EXPECT_EQ(ran.Out("exitCode"), "3");
  const Value body = Json(server->calls()[1].body);
  EXPECT_EQ(ToText(*AtPath(body, "HostConfig.Memory")), "536870912");
  EXPECT_EQ(ToText(*AtPath(body, "HostConfig.NanoCpus")), "1500000000");
  EXPECT_EQ(ToText(*AtPath(body, "HostConfig.NetworkMode")), "host");
  EXPECT_EQ(ToText(*Member(body, "User")), "1000");
  EXPECT_EQ(Called().find("DELETE"), std::string::npos);
}

TEST_F(DockerTask, CancelStopsAndRemovesTheContainer) {
  hang = true;
  Serve();
  auto job = MakeJob("io.kestra.plugin.scripts.shell.Script", Json(R"({"script":"sleep 1000"})"));
  std::thread canceller([&] {
    while (Called().find("/logs") == std::string::npos) std::this_thread::yield();
    job->cancel().Cancel(1s, "killed by ada");
  });
  EXPECT_FALSE(job->Step());
  canceller.join();
  EXPECT_EQ(job->TakeResult().outcome, State::kKilled);
  EXPECT_NE(Called().find("POST /containers/c0ffee/kill\nDELETE /containers/c0ffee"), std::string::npos) << Called();
}

TEST_F(DockerTask, MissingEngineAndBadNamesAreSaid) {
  EXPECT_NE(Docker().message.find("Docker"), std::string::npos);
  Serve();
  const Ran ran = Run("io.kestra.plugin.scripts.shell.Commands", Json(R"({"commands":["x"],"containerImage":"a/../../x?y"})"));
  EXPECT_NE(ran.message.find("is no name of an image"), std::string::npos) << ran.message;
  EXPECT_EQ(LabelText("a b/c" + std::string(100, 'x')).size(), 63u);
  EXPECT_EQ(LabelText("a b-"), "a-b");
}

}  // namespace
}  // namespace headrace::worker
