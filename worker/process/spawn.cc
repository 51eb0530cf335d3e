#include "worker/process/spawn.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string_view>

namespace headrace::worker {
namespace {

constexpr std::uint32_t kOrderBytesMax = 64 * 1024 * 1024;

bool ReadFully(int socket, char* to, std::size_t size) {
  while (size > 0) {
    const ssize_t n = recv(socket, to, size, 0);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    to += n;
    size -= static_cast<std::size_t>(n);
  }
  return true;
}

// The header comes in one piece with the descriptors.
bool ReadHeader(int socket, OrderHeader& header, ReceivedOrder& order) {
  iovec part{&header, sizeof header};
  alignas(cmsghdr) char space[CMSG_SPACE(3 * sizeof(int))];
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = space;
  message.msg_controllen = sizeof space;
  ssize_t n = 0;
  do n = recvmsg(socket, &message, MSG_CMSG_CLOEXEC | MSG_WAITALL);
  while (n < 0 && errno == EINTR);
  const cmsghdr* control = n == static_cast<ssize_t>(sizeof header) ? CMSG_FIRSTHDR(&message) : nullptr;
  if (control == nullptr || control->cmsg_len != CMSG_LEN(3 * sizeof(int))) return false;
  int fds[3];
  std::memcpy(fds, CMSG_DATA(control), sizeof fds);
  order.out = fds[0];
  order.err = fds[1];
  order.control = fds[2];
  return true;
}

struct Plan {
  const char* directory = nullptr;
  std::string program{};
  std::vector<char*> argv{};
  std::vector<char*> env{};
};

// Where a shell would find it: by the order's own PATH.
std::string FindProgram(const char* name, const std::vector<char*>& env) {
  if (std::strchr(name, '/') != nullptr) return name;
  std::string_view path = "/usr/local/bin:/usr/bin:/bin";
  for (const char* variable : env)
    if (variable != nullptr && std::strncmp(variable, "PATH=", 5) == 0) path = variable + 5;
  while (!path.empty()) {
    const std::size_t end = std::min(path.find(':'), path.size());
    std::string candidate = std::string(end == 0 ? "." : path.substr(0, end)) + "/" + name;
    if (access(candidate.c_str(), X_OK) == 0) return candidate;
    path.remove_prefix(std::min(end + 1, path.size()));
  }
  return {};
}

Plan MakePlan(ReceivedOrder& order) {
  Plan plan;
  char* at = order.texts.data();
  char* const end = at + order.texts.size();
  const auto next = [&] {
    char* text = at;
    at += std::strlen(at) + 1;
    return text;
  };
  plan.directory = next();
  for (std::uint32_t i = 0; i < order.arguments && at < end; ++i) plan.argv.push_back(next());
  while (at < end) plan.env.push_back(next());
  plan.argv.push_back(nullptr);
  plan.env.push_back(nullptr);
  if (plan.argv[0] != nullptr) plan.program = FindProgram(plan.argv[0], plan.env);
  return plan;
}

// Between vfork and exec: system calls only, the memory is the parent's.
int BecomeCommand(const Plan& plan, const ReceivedOrder& order, int null_fd) {
  // A group of its own, so that `kill 0` in a script stays at home. The supervisor's session has no terminal already, and a
  // session each would make the kernel set up a scheduling group each.
  setpgid(0, 0);
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  for (const int number : {SIGPIPE, SIGHUP, SIGINT, SIGTERM, SIGQUIT, SIGCHLD}) signal(number, SIG_DFL);
  if (dup2(null_fd, 0) < 0 || dup2(order.out, 1) < 0 || dup2(order.err, 2) < 0) return errno;
  if (*plan.directory != '\0' && chdir(plan.directory) != 0) return errno;
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  execve(plan.program.c_str(), plan.argv.data(), plan.env.data());
  return errno;
}

}  // namespace

bool ReceiveOrder(int socket, ReceivedOrder& order) {
  OrderHeader header;
  if (!ReadHeader(socket, header, order) || header.bytes > kOrderBytesMax) return false;
  order.arguments = header.arguments;
  order.texts.resize(header.bytes);
  return ReadFully(socket, order.texts.data(), header.bytes);
}

SpawnResult SpawnOrder(ReceivedOrder& order, int null_fd) {
  const Plan plan = MakePlan(order);
  if (plan.program.empty()) return {.error = ENOENT};
  volatile int error = 0;
  const pid_t pid = vfork();
  if (pid == 0) {
    error = BecomeCommand(plan, order, null_fd);
    _exit(127);
  }
  if (pid < 0) return {.error = errno};
  // The child of a failed exec is reaped as a stray.
  if (error != 0) return {.error = error};
  return {.pid = pid};
}

}  // namespace headrace::worker
