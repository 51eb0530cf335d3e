#include "worker/process/process_tree.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <set>
#include <string>
#include <utility>

namespace headrace::worker {
namespace {

// A zombie has no children and cannot be signalled to any effect.
pid_t ParentOf(const char* pid_text) {
  const std::string path = std::string("/proc/") + pid_text + "/stat";
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return -1;
  char text[1024];
  const ssize_t size = read(fd, text, sizeof text - 1);
  close(fd);
  if (size <= 0) return -1;
  text[size] = '\0';
  // The name may hold anything, even parentheses: the fields start behind the last one.
  const char* fields = std::strrchr(text, ')');
  if (fields == nullptr || std::strlen(fields) < 4 || fields[2] == 'Z' || fields[2] == 'X') return -1;
  return static_cast<pid_t>(std::atoi(fields + 4));
}

std::vector<std::pair<pid_t, pid_t>> Snapshot() {
  std::vector<std::pair<pid_t, pid_t>> all;  // pid, parent
  DIR* proc = opendir("/proc");
  if (proc == nullptr) return all;
  while (const dirent* entry = readdir(proc)) {
    if (entry->d_name[0] < '0' || entry->d_name[0] > '9') continue;
    const pid_t parent = ParentOf(entry->d_name);
    if (parent > 0) all.emplace_back(static_cast<pid_t>(std::atoi(entry->d_name)), parent);
  }
  closedir(proc);
  return all;
}

}  // namespace

std::vector<pid_t> Descendants(pid_t root) {
  const auto all = Snapshot();
  std::vector<pid_t> found;
  std::vector<pid_t> level = {root};
  while (!level.empty()) {
    std::vector<pid_t> next;
    for (const auto& [pid, parent] : all)
      for (const pid_t above : level)
        if (parent == above) next.push_back(pid);
    found.insert(found.end(), next.begin(), next.end());
    level = std::move(next);
  }
  return found;
}

std::vector<pid_t> Children(pid_t parent) {
  std::vector<pid_t> found;
  for (const auto& [pid, above] : Snapshot())
    if (above == parent) found.push_back(pid);
  return found;
}

void SignalTree(pid_t root, int signal) {
  std::vector<pid_t> below = Descendants(root);
  if (signal == SIGKILL) {
    constexpr int kRounds = 16;
    std::set<pid_t> stopped;
    kill(root, SIGSTOP);
    for (int round = 0; round < kRounds; ++round) {
      bool fresh = false;
      for (const pid_t pid : below) {
        if (!stopped.insert(pid).second) continue;
        kill(pid, SIGSTOP);
        fresh = true;
      }
      if (!fresh) break;
      below = Descendants(root);
    }
  }
  for (const pid_t pid : below) kill(pid, signal);
  kill(root, signal);
  if (signal == SIGKILL) return;
  // A stopped process hears of it only when it goes on.
  for (const pid_t pid : below) kill(pid, SIGCONT);
  kill(root, SIGCONT);
}

}  // namespace headrace::worker
