// Processes: what they say, how they end, and that nothing of them survives.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <thread>

#include "worker/process/supervisor.h"

namespace headrace::worker {
namespace {

using namespace std::chrono_literals;

// An argument of `sleep` that no other process has.
std::string SleepMark(int n) { return std::to_string(100'000'000 + (getpid() % 100'000) * 100 + n); }

// Processes whose command line holds `mark`.
int Alive(const std::string& mark) {
  int count = 0;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator("/proc", error)) {
    const std::string name = entry.path().filename();
    if (name.find_first_not_of("0123456789") != std::string::npos || std::stoi(name) == getpid()) continue;
    // The process may end at any moment; then there is nothing to read.
    std::string line(4096, '\0');
    const int fd = open((entry.path() / "cmdline").c_str(), O_RDONLY | O_CLOEXEC);
    const ssize_t size = fd < 0 ? 0 : read(fd, line.data(), line.size());
    if (fd >= 0) close(fd);
    line.resize(size < 0 ? 0 : static_cast<std::size_t>(size));
    if (line.find("sleep") != std::string::npos && line.find(mark) != std::string::npos) ++count;
  }
  return count;
}

// Four ways out of a process group, each leaving a sleeper behind.
std::string Escapes(const std::string& mark) {
  return "setsid sleep " + mark + " >/dev/null 2>&1 & nohup sleep " + mark + " >/dev/null 2>&1 & (sleep " + mark +
         " >/dev/null 2>&1 &) ; setsid sh -c 'setsid sleep " + mark + " >/dev/null 2>&1 &' ; ";
}

ProcessOrder Shell(const std::string& text) {
  return {.argv = {"/bin/sh", "-c", text}, .env = {"PATH=/usr/bin:/bin"}};
}

struct Ran {
  ProcessExit exit;
  std::string out;
  std::string err;
};

class ProcessTest : public testing::Test {
 protected:
  ProcessTest() : supervisor(std::move(*Supervisor::Start())) {}

  // `on_out` sees everything that came so far.
  Ran Run(const ProcessOrder& order, const std::function<void(Process&, const std::string&)>& on_out = {}) {
    Ran ran;
    auto process = supervisor->Spawn(order);
    EXPECT_TRUE(process);
    auto exit = (*process)->Pump([&](OutputStream stream, std::string_view bytes) {
      (stream == OutputStream::kStdout ? ran.out : ran.err) += bytes;
      if (on_out) on_out(**process, ran.out);
    });
    EXPECT_TRUE(exit) << exit.error().message;
    if (exit) ran.exit = *exit;
    return ran;
  }

  std::unique_ptr<Supervisor> supervisor;
};

TEST_F(ProcessTest, GivesOutputsAndExitCode) {
  const Ran ran = Run(Shell("echo out; echo err >&2; pwd; exit 3"));
  EXPECT_EQ(ran.exit.code, 3);
  EXPECT_EQ(ran.out.substr(0, 4), "out\n");
  EXPECT_EQ(ran.err, "err\n");
  EXPECT_EQ(Run({.argv = {"cat"}, .env = {}}).exit.code, 0);
  EXPECT_EQ(Run({.argv = {"/usr/bin/env"}, .env = {"A=1", "B=x y"}}).out, "A=1\nB=x y\n");
  EXPECT_EQ(Run({.argv = {"/bin/pwd"}, .directory = "/usr"}).out, "/usr\n");
}

TEST_F(ProcessTest, SaysWhyACommandDidNotStart) {
  for (const std::string command : {"/no/such/program", "no-such-program", "/etc/passwd"}) {
    auto process = supervisor->Spawn({.argv = {command}});
    ASSERT_TRUE(process);
    const auto exit = (*process)->Pump([](OutputStream, std::string_view) {});
    ASSERT_FALSE(exit);
    EXPECT_NE(exit.error().message.find("cannot start the command"), std::string::npos);
  }
  EXPECT_EQ(Run(Shell("exit 0")).exit.code, 0);
}

TEST_F(ProcessTest, SignalsAreReportedAsAShellDoes) {
  const Ran ran = Run(Shell("kill -SEGV $$"));
  EXPECT_EQ(ran.exit.code, 139);
  EXPECT_EQ(ran.exit.signal, 11);
}

TEST_F(ProcessTest, WhatIsLeftBehindEndsWithTheCommand) {
  const std::string mark = SleepMark(1);
  const Ran ran = Run(Shell(Escapes(mark) + "while [ $(pgrep -fc 'sleep " + mark + "') -lt 4 ]; do :; done; echo ready"));
  EXPECT_EQ(ran.exit.code, 0);
  EXPECT_EQ(ran.out, "ready\n");
  EXPECT_EQ(Alive(mark), 0);
}

TEST_F(ProcessTest, KillEndsTheWholeTree) {
  const std::string mark = SleepMark(2);
  int alive_before = 0;
  const Ran ran = Run(Shell(Escapes(mark) + "while [ $(pgrep -fc 'sleep " + mark + "') -lt 4 ]; do :; done; echo ready; wait; sleep " + mark),
                      [&](Process& process, const std::string& out) {
                        if (out != "ready\n") return;
                        alive_before = Alive(mark);
                        process.Kill(0s);
                      });
  EXPECT_GE(alive_before, 4);
  EXPECT_EQ(ran.exit.signal, SIGKILL);
  EXPECT_EQ(Alive(mark), 0);
}

TEST_F(ProcessTest, GraceLetsACommandEndByItself) {
  // A loop without children: one that is just forked would have the shell's trap, too.
  const Ran ran = Run(Shell("trap 'echo bye; exit 7' TERM; echo ready; while :; do :; done"),
                      [](Process& process, const std::string& out) {
                        if (out == "ready\n") process.Kill(60s);
                      });
  EXPECT_EQ(ran.exit.code, 7);
  EXPECT_EQ(ran.out, "ready\nbye\n");
}

TEST_F(ProcessTest, OrdersThatComeTooLateDoNotHideTheEnd) {
  const Ran ran = Run(Shell("trap 'exit 7' TERM; echo ready; while :; do :; done"),
                      [](Process& process, const std::string&) {
                        for (int i = 0; i < 100; ++i) process.Kill(60s);
                      });
  EXPECT_EQ(ran.exit.code, 7);
}

TEST_F(ProcessTest, GraceEndsForACommandThatDoesNotListen) {
  const std::string mark = SleepMark(3);
  const Ran ran = Run(Shell("trap '' TERM; " + Escapes(mark) + "echo ready; while :; do sleep 0.01; done"),
                      [](Process& process, const std::string& out) {
                        if (out == "ready\n") process.Kill(50ms);
                      });
  EXPECT_EQ(ran.exit.signal, SIGKILL);
  EXPECT_EQ(Alive(mark), 0);
}

TEST_F(ProcessTest, OthersAreNotTouchedByAKillOrAnEnd) {
  auto other = supervisor->Spawn(Shell("echo up; setsid cat /dev/zero >/dev/null 2>&1 & read x < /dev/zero; wait; sleep 1000"));
  ASSERT_TRUE(other);
  Run(Shell("setsid sleep 1000 >/dev/null 2>&1 & exit 0"));
  Run(Shell("echo ready; sleep 1000"), [](Process& process, const std::string&) { process.Kill(0s); });
  bool up = false;
  const auto exit = (*other)->Pump([&](OutputStream, std::string_view bytes) {
    up = bytes == "up\n";
    (*other)->Kill(0s);
  });
  ASSERT_TRUE(exit);
  EXPECT_TRUE(up);
  EXPECT_EQ(exit->signal, SIGKILL);
}

TEST_F(ProcessTest, ManyAtOnce) {
  std::vector<std::thread> threads;
  std::atomic<int> fine = 0;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 25; ++i) {
        const std::string text = std::to_string(t * 100 + i);
        auto process = supervisor->Spawn(Shell("echo " + text + "; exit " + std::to_string(i)));
        std::string out;
        const auto exit = (*process)->Pump([&](OutputStream, std::string_view bytes) { out += bytes; });
        if (exit && exit->code == i && out == text + "\n") ++fine;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(fine.load(), 100);
}

TEST_F(ProcessTest, DeadSupervisorIsSaidAndReplaced) {
  const std::string mark = SleepMark(4);
  auto process = supervisor->Spawn(Shell("echo ready; exec sleep " + mark));
  ASSERT_TRUE(process);
  const auto exit = (*process)->Pump([&](OutputStream, std::string_view) { kill(supervisor->pid(), SIGKILL); });
  ASSERT_FALSE(exit);
  EXPECT_NE(exit.error().message.find("supervisor ended"), std::string::npos);
  EXPECT_EQ(Run(Shell("echo again")).out, "again\n");
}

TEST_F(ProcessTest, DroppedProcessIsKilled) {
  const std::string mark = SleepMark(5);
  {
    auto process = supervisor->Spawn(Shell("exec sleep " + mark));
    ASSERT_TRUE(process);
  }
  supervisor.reset();
  EXPECT_EQ(Alive(mark), 0);
}

// A worker process with trees of processes is killed with SIGKILL.
TEST(WorkerDeath, NothingSurvivesAKilledWorker) {
  const std::string mark = SleepMark(6);
  int ready[2];
  int life[2];
  ASSERT_EQ(pipe2(ready, O_CLOEXEC), 0);
  ASSERT_EQ(pipe2(life, O_CLOEXEC), 0);
  const pid_t worker = fork();
  if (worker == 0) {
    // The supervisor keeps standard error: the pipe says when both are gone.
    dup2(life[1], 2);
    close(life[1]);
    close(life[0]);
    auto supervisor = Supervisor::Start();
    auto process = (*supervisor)->Spawn(Shell(Escapes(mark) + "while [ $(pgrep -fc 'sleep " + mark + "') -lt 4 ]; do :; done; echo ready; wait; sleep " + mark));
    (void)(*process)->Pump([&](OutputStream, std::string_view) { (void)!write(ready[1], "r", 1); });
    _exit(0);
  }
  close(life[1]);
  close(ready[1]);
  char byte = 0;
  ASSERT_EQ(read(ready[0], &byte, 1), 1);
  EXPECT_GE(Alive(mark), 4);
  kill(worker, SIGKILL);
  waitpid(worker, nullptr, 0);
  EXPECT_EQ(read(life[0], &byte, 1), 0);
  EXPECT_EQ(Alive(mark), 0);
  close(life[0]);
  close(ready[0]);
}

}  // namespace
}  // namespace headrace::worker
