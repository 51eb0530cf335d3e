// Names that come from people: of files they may not lead out of their folder, of variables they may not choose what runs.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <thread>

#include "tests/unit/worker/task_fixture.h"
#include "worker/files/beneath.h"
#include "worker/files/places.h"
#include "worker/script/env_names.h"

namespace headrace::worker {
namespace {


// Everything that has led out of a folder somewhere, and what looks like it.
std::vector<std::string> HostileNames() {
  std::vector<std::string> names = {"", ".", "..", "/", "//", "...", "....", "~", "~root", "~/x", " ", "-rf", "--", "*", "?", "|", "&", ";", "$HOME",
                                    "$(id)", "`id`", "'", "\"", "\\", "C:", "C:\\x", "C:/x", "CON", "NUL", "aux.txt", "file:///etc/passwd",
                                    "kestra:///x", "http://x/y", "a\nb", "a\rb", "a\tb", "\x7f", "\x1b[2J", "\u202e", "\u200b", "\ufeff", "é", "日本", "😀"};
  names.emplace_back("a\0b", 3);
  names.emplace_back("\0", 1);
  names.emplace_back("../x\0.txt", 9);
  names.push_back(std::string(256, 'a'));
  names.push_back(std::string(5000, 'a'));
  names.push_back(std::string(100, 'a') + "/" + std::string(300, 'b'));
  const std::vector<std::string> ups = {"..",      "../",         "..//",        "..\\",    ".../",   "%2e%2e",      "%2e%2e%2f", "%2e%2e/",
                                        "..%2f",   "%252e%252e/", "..%c0%af",    "\xc0\xae\xc0\xae/", "．．/",    "‥/",          "..;/",      "..\t/",
                                        "..\u2215", "..\u2044",    "..\xef\xbc\x8f", "0x2e0x2e/", "&#46;&#46;/", "\\u002e\\u002e/"};
  for (const std::string& up : ups) {
    names.push_back(up + "outside");
    names.push_back("in/" + up + up + "outside");
    names.push_back("./" + up + "/outside");
    names.push_back("/" + up + "outside");
  }
  std::string deep;
  for (int i = 0; i < 60; ++i) deep += "../";
  names.push_back(deep + "etc/passwd");
  for (const char* absolute : {"/etc/passwd", "//etc/passwd", "/proc/self/environ", "/proc/self/fd/0", "/dev/stdin", "/dev/tcp/127.0.0.1/1"}) names.emplace_back(absolute);
  return names;
}

class Beneath : public testing::Test {
 protected:
  Beneath() {
    fs::remove_all(root_);
    fs::create_directories(root_ / "folder");
    std::ofstream(root_ / "outside") << "untouched";
    folder_ = std::move(*OpenFolder((root_ / "folder").string()));
  }
  ~Beneath() override { fs::remove_all(root_); }

  // What lies around the folder, with what is in it.
  std::string Around() const {
    std::string text;
    for (const auto& entry : fs::directory_iterator(root_)) {
      text += entry.path().filename().string();
      if (entry.is_regular_file()) text += "=" + Read(entry.path());
      text += ' ';
    }
    return text;
  }
  static std::string Read(const fs::path& path) {
    std::ifstream stream(path);
    return {std::istreambuf_iterator<char>(stream), {}};
  }

  const fs::path root_ = fs::path(testing::TempDir()) / ("headrace-names-" + std::to_string(getpid()));
  UniqueFd folder_;
};

TEST_F(Beneath, AHundredNamesLeadNowhereElse) {
  const std::vector<std::string> names = HostileNames();
  ASSERT_GE(names.size(), 130U);
  const std::string around = Around();
  std::size_t taken = 0;
  for (const std::string& name : names) {
    if (!CheckRelativeName(name)) continue;
    const auto file = CreateBeneath(folder_.get(), name);
    if (!file) continue;
    ++taken;
    ASSERT_TRUE(WriteAll(file->get(), "evil"));
    const fs::path real = fs::read_symlink("/proc/self/fd/" + std::to_string(file->get()));
    EXPECT_TRUE(real.string().starts_with((fs::canonical(root_) / "folder").string() + "/")) << name << " is " << real;
  }
  EXPECT_GT(taken, 20U) << "names that only look odd are names";
  EXPECT_EQ(Around(), around);
}

// Even unchecked: what resolves a path is the kernel, told to stay below.
TEST_F(Beneath, NorWithoutTheCheckOfTheName) {
  const std::string around = Around();
  for (const std::string& name : HostileNames()) {
    if (name.find('\0') != std::string::npos) continue;
    const auto read = OpenRegular(folder_.get(), name);
    EXPECT_FALSE(read) << name;
    const auto written = OpenBeneath(folder_.get(), name, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (written) {
      EXPECT_TRUE(WriteAll(written->get(), "evil"));
    }
  }
  EXPECT_EQ(Around(), around);
}

TEST_F(Beneath, NoUriLeadsOutOfTheStorage) {
  for (const std::string& name : HostileNames()) {
    const auto place = PlaceOf("kestra:///" + name);
    if (!place) continue;
    EXPECT_TRUE(CheckRelativeName(*place)) << name << " is " << *place;
  }
}

TEST_F(Beneath, LinksFifosSocketsAndDevicesAreNoFiles) {
  const fs::path folder = root_ / "folder";
  fs::create_symlink(root_ / "outside", folder / "link");
  fs::create_symlink("..", folder / "up");
  fs::create_symlink("/proc/self/root", folder / "magic");
  ASSERT_EQ(mkfifo((folder / "fifo").c_str(), 0600), 0);
  fs::create_directory(folder / "directory");
  const bool device = mknod((folder / "device").c_str(), S_IFCHR | 0600, makedev(1, 5)) == 0;  // only as root
  for (const std::string name : {"link", "up/outside", "magic/etc/passwd", "fifo", "directory", "device", "link/x"}) {
    if (name == "device" && !device) continue;
    EXPECT_FALSE(OpenRegular(folder_.get(), name)) << name;
  }
  EXPECT_FALSE(OpenBeneath(folder_.get(), "link", O_WRONLY | O_TRUNC));
  EXPECT_FALSE(CreateBeneath(folder_.get(), "up/new"));
  EXPECT_EQ(Read(root_ / "outside"), "untouched");
}

// A script that turns a folder into a link and back while the worker writes and reads below it.
TEST_F(Beneath, AFolderThatBecomesALinkMeanwhileIsNotFollowed) {
  const fs::path folder = root_ / "folder";
  fs::create_directories(root_ / "elsewhere");
  std::ofstream(root_ / "elsewhere/file") << "secret";
  fs::create_directory(folder / "real");
  fs::create_symlink(root_ / "elsewhere", folder / "link");
  std::atomic<bool> stop = false;
  std::atomic<int> swaps = 0;
  std::thread racer([&] {
    while (!stop) {
      // Both names exist all the time; what they are changes in one step.
      if (renameat2(AT_FDCWD, (folder / "real").c_str(), AT_FDCWD, (folder / "link").c_str(), RENAME_EXCHANGE) == 0) ++swaps;
    }
  });
  int written = 0;
  int refused = 0;
  while (swaps < 20'000 || written == 0 || refused == 0) {
    const auto file = CreateBeneath(folder_.get(), "real/new");
    file ? ++written : ++refused;
    if (file) {
      EXPECT_TRUE(WriteAll(file->get(), "mine"));
    }
    if (const auto open = OpenRegular(folder_.get(), "real/file")) ADD_FAILURE() << "read what lies elsewhere";
  }
  stop = true;
  racer.join();
  EXPECT_FALSE(fs::exists(root_ / "elsewhere/new")) << "written elsewhere";
  EXPECT_EQ(Read(root_ / "elsewhere/file"), "secret");
}

TEST(EnvNames, WhatIsAName) {
  for (const char* name : {"A", "_", "a9", "PATH", "http_proxy", "LD_PRELOAD"}) EXPECT_TRUE(IsVariableName(name)) << name;
  for (const char* name : {"", "9", "A=B", "A B", "A-B", "A.B", "A\nB", "é", "A\x01", "BASH_FUNC_x%%"}) EXPECT_FALSE(IsVariableName(name)) << name;
}

TEST(EnvNames, WhatChangesWhichCodeRuns) {
  for (const char* name : {"LD_PRELOAD", "LD_LIBRARY_PATH", "LD_AUDIT", "DYLD_INSERT_LIBRARIES", "PATH", "BASH_ENV", "ENV", "IFS", "SHELLOPTS",
                           "BASHOPTS", "PS4", "PYTHONPATH", "PYTHONSTARTUP", "NODE_OPTIONS", "PERL5OPT", "RUBYOPT", "JAVA_TOOL_OPTIONS", "LUA_INIT",
                           "LUA_INIT_5_4", "GIT_SSH_COMMAND", "GIT_CONFIG_COUNT", "npm_config_script_shell"}) {
    EXPECT_TRUE(ChangesWhatRuns(name)) << name;
  }
  for (const char* name : {"TAG", "VERSION", "GIT_BRANCH", "NODE_VERSION", "PYTHON_VERSION", "JAVA_VERSION", "PATHS", "MY_PATH", "http_proxy", "HOME", "ENVIRONMENT"}) {
    EXPECT_FALSE(ChangesWhatRuns(name)) << name;
  }
}

class EnvTask : public TaskTest {
 protected:
  Ran Env(const std::string& env, const std::string& inputs) {
    return Run("io.kestra.plugin.scripts.shell.Commands",
               Json(R"({"runner":"PROCESS","commands":["echo \"<$TAG>\"; env | grep -c '^MINE=' || true"],"env":)" + env + "}"), R"({"inputs":)" + inputs + "}");
  }
};

TEST_F(EnvTask, TheFlowMaySetWhatItLikes) {
  const Ran ran = Run("io.kestra.plugin.scripts.shell.Commands",
                      Json(R"({"runner":"PROCESS","commands":["own"],"env":{"PATH":"{{ workingDir }}:/bin:/usr/bin","BASH_ENV":"/dev/null"},"inputFiles":{"x":"y"},"beforeCommands":["printf '#!/bin/sh\\necho mine\\n' > own; chmod +x own"]})"));
  EXPECT_EQ(ran.Lines("INFO"), "mine\n") << ran.message;
}

TEST_F(EnvTask, EveryInputMayComeUnderItsName) {
  const Ran ran = Env(R"("{{ inputs }}")", R"j({"TAG":"v1 $(id)","MINE":2,"none":null})j");
  EXPECT_EQ(ran.Lines("INFO"), "<v1 $(id)>\n1\n") << ran.message;
}

TEST_F(EnvTask, WhoeverStartsAFlowDoesNotChooseWhatRunsByAName) {
  for (const std::string name : {"LD_PRELOAD", "PATH", "BASH_ENV", "NODE_OPTIONS"}) {
    for (const auto& [env, inputs] : std::vector<std::pair<std::string, std::string>>{
             {R"("{{ inputs }}")", R"({")" + name + R"(":"x"})"}, {R"({"{{ inputs.name }}":"x"})", R"({"name":")" + name + R"("})"}}) {
      const Ran ran = Env(env, inputs);
      EXPECT_EQ(ran.state, model::State::kFailed) << env;
      EXPECT_NE(ran.message.find("env: '" + name + "' comes out of an expression and would change which code runs"), std::string::npos) << ran.message;
    }
  }
  for (const std::string name : {"A=B", "A\\nB", "", "1"}) {
    EXPECT_NE(Env(R"({"{{ inputs.name }}":"x"})", R"({"name":")" + name + R"("})").message.find("is no name of a variable"), std::string::npos) << name;
  }
}

// The worst that an input can be reaches the script as it is, and runs nothing.
TEST_F(EnvTask, HostileValuesAreValues) {
  for (const std::string value : {"; touch PWNED", "$(touch PWNED)", "`touch PWNED`", "' ; touch PWNED; '", "\" ; touch PWNED; \"", "a\nb\ntouch PWNED", "$HOME",
                                  "*", "~", "\\", "\\\\'", "-n", "--", "#x", "!x", "é😀", "a\tb ", "''", "&& touch PWNED", "| touch PWNED", "> PWNED"}) {
    const Object inputs{{"x", value}};
    const std::string context = ToJson(Object{{"inputs", inputs}});
    const Ran ran = Run("io.kestra.plugin.scripts.shell.Commands",
                        Json(R"({"runner":"PROCESS","env":{"X":"{{ inputs.x }}"},"commands":["printf '%s' {{ inputs.x | shq }} > a","printf '%s' \"$X\" > b","cmp a b","test ! -e PWNED"],"outputFiles":["a"]})"),
                        context);
    ASSERT_EQ(ran.state, model::State::kSuccess) << value << ": " << ran.message;
    EXPECT_EQ(Stored(ran, "a"), value);
  }
}

}  // namespace
}  // namespace headrace::worker
