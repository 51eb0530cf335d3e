#include "tests/unit/store/redis_server.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <thread>

#include "common/store/redis_watch.h"

namespace headrace::store {
namespace {

constexpr std::chrono::seconds kLong(60);
constexpr Duration kAnswer = std::chrono::seconds(20);

std::string NewFolder() {
  std::string pattern = (std::filesystem::temp_directory_path() / "headrace-redis-XXXXXX").string();
  return mkdtemp(pattern.data());
}

}  // namespace

int FreePort() {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  EXPECT_EQ(bind(fd, reinterpret_cast<sockaddr*>(&address), size), 0);
  EXPECT_EQ(getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size), 0);
  close(fd);
  return ntohs(address.sin_port);
}

void Eventually(const std::string& what, const std::function<bool()>& holds) {
  const auto deadline = std::chrono::steady_clock::now() + kLong;
  while (!holds()) {
    if (std::chrono::steady_clock::now() > deadline) {
      ADD_FAILURE() << "in vain: " << what;
      std::abort();
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
}

RedisServer::RedisServer(std::vector<std::string> settings) : RedisServer(std::move(settings), "", FreePort()) {}

RedisServer RedisServer::Sentinel(const std::string& config) { return RedisServer({}, config, FreePort()); }

RedisServer::RedisServer(std::vector<std::string> settings, std::string config, int port)
    : settings_(std::move(settings)), folder_(NewFolder()), port_(port) {
  if (!config.empty()) {
    config_ = folder_ + "/sentinel.conf";
    std::ofstream(config_) << config;
  }
  Start();
}

RedisServer::RedisServer(RedisServer&& other) noexcept
    : settings_(std::move(other.settings_)), folder_(std::exchange(other.folder_, "")), config_(std::move(other.config_)),
      port_(other.port_), pid_(std::exchange(other.pid_, 0)) {}

RedisServer::~RedisServer() {
  Kill();
  if (!folder_.empty()) std::filesystem::remove_all(folder_);
}

void RedisServer::Start(const std::vector<std::string>& more) {
  std::vector<std::string> words{"redis-server"};
  if (!config_.empty()) words.push_back(config_);
  words.insert(words.end(), {"--port", std::to_string(port_), "--bind", "127.0.0.1", "--dir", folder_});
  if (config_.empty()) words.insert(words.end(), {"--save", "", "--repl-diskless-sync-delay", "0", "--loglevel", "warning", "--maxmemory", "1gb"});
  words.insert(words.end(), settings_.begin(), settings_.end());
  words.insert(words.end(), more.begin(), more.end());
  if (!config_.empty()) words.push_back("--sentinel");
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  const std::string log = folder_ + "/log";
  pid_ = fork();
  ASSERT_GE(pid_, 0);
  if (pid_ == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    const int out = open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
    dup2(out, 1);
    dup2(out, 2);
    execvp(argv[0], argv.data());
    _exit(127);
  }
  Eventually("redis-server answers, see " + log, [this] { return Answers(); });
}

void RedisServer::Signal(int signal) const { kill(pid_, signal); }

void RedisServer::Kill() {
  if (pid_ == 0) return;
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
  pid_ = 0;
}

bool RedisServer::Answers() const {
  const auto link = RedisLink::Open({}, {.host = "127.0.0.1", .port = std::to_string(port_)}, kAnswer);
  if (!link) return false;
  const auto reply = (*link)->Call({"PING"}, kAnswer);
  // What it says besides PONG (NOAUTH, READONLY) shows as well that it is up.
  return reply && !reply->text.starts_with("LOADING");
}

Reply RedisServer::Do(const std::vector<std::string>& words) const {
  const auto link = RedisLink::Open({}, {.host = "127.0.0.1", .port = std::to_string(port_)}, kAnswer);
  EXPECT_TRUE(link) << link.error().message;
  if (!link) return {};
  Command command;
  for (const std::string& word : words) command.Add(std::string_view(word));
  auto reply = (*link)->Call(std::move(command), kAnswer);
  EXPECT_TRUE(reply) << words[0];
  return reply ? std::move(*reply) : Reply{};
}

std::string RedisServer::Info(const std::string& section, const std::string& name) const {
  return InfoValue(Do({"INFO", section}).text, name);
}

}  // namespace headrace::store
