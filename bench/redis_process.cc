#include "bench/redis_process.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

namespace headrace::store {

RedisProcess::RedisProcess(const std::string& folder, const std::vector<std::string>& settings)
    : folder_(std::filesystem::absolute(folder) / "bench-redis"), socket_(folder_ + "/redis.sock") {
  std::filesystem::create_directories(folder_);
  std::vector<std::string> words{"redis-server", "--port", "0", "--unixsocket", socket_, "--dir", folder_, "--save", "", "--loglevel", "warning"};
  words.insert(words.end(), settings.begin(), settings.end());
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  pid_ = fork();
  if (pid_ == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    dup2(open("/dev/null", O_WRONLY), 1);
    execvp(argv[0], argv.data());
    _exit(127);
  }
  for (int i = 0; i < 500 && !std::filesystem::exists(socket_); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(10));
  if (std::filesystem::exists(socket_)) return;
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
  pid_ = 0;
}

RedisProcess::~RedisProcess() {
  if (pid_ > 0) {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  std::filesystem::remove_all(folder_);
}

double RedisProcess::CpuSeconds() const {
  std::ifstream file("/proc/" + std::to_string(pid_) + "/stat");
  std::string text;
  std::getline(file, text);
  std::istringstream rest(text.substr(std::min(text.rfind(')') + 1, text.size())));
  std::string word;
  double ticks = 0;
  // Behind the name: state is the third field of proc(5), utime and stime are 14 and 15.
  for (int field = 3; field <= 15 && rest >> word; ++field) {
    if (field >= 14) ticks += std::stod(word);
  }
  return ticks / static_cast<double>(sysconf(_SC_CLK_TCK));
}

}  // namespace headrace::store
