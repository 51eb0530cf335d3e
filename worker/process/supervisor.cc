#include "worker/process/supervisor.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <optional>
#include <utility>

#include "worker/process/order_wire.h"
#include "worker/process/supervisor_main.h"

namespace headrace::worker {
namespace {

constexpr std::size_t kReadBytes = 64 * 1024;
// After the end of a process and all it left behind its pipes are closed; this only guards against a stranger's copy.
constexpr int kDrainMs = 1000;

tl::unexpected<Error> SystemError(std::string what, int number) {
  return Fail(Code::kUnavailable, std::move(what) + ": " + std::strerror(number));
}

void CloseFd(int& fd) {
  if (fd >= 0) close(fd);
  fd = -1;
}

bool SendAll(int socket, const char* from, std::size_t size) {
  while (size > 0) {
    const ssize_t n = send(socket, from, size, MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    from += n;
    size -= static_cast<std::size_t>(n);
  }
  return true;
}

bool SendOrder(int socket, const ProcessOrder& order, const int (&fds)[3]) {
  std::string texts = order.directory;
  texts += '\0';
  for (const std::string& argument : order.argv) (texts += argument) += '\0';
  for (const std::string& variable : order.env) (texts += variable) += '\0';
  OrderHeader header{.bytes = static_cast<std::uint32_t>(texts.size()),
                     .arguments = static_cast<std::uint32_t>(order.argv.size()),
                     .variables = static_cast<std::uint32_t>(order.env.size())};
  iovec part{&header, sizeof header};
  alignas(cmsghdr) char space[CMSG_SPACE(sizeof fds)] = {};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = space;
  message.msg_controllen = sizeof space;
  cmsghdr* control = CMSG_FIRSTHDR(&message);
  control->cmsg_level = SOL_SOCKET;
  control->cmsg_type = SCM_RIGHTS;
  control->cmsg_len = CMSG_LEN(sizeof fds);
  std::memcpy(CMSG_DATA(control), fds, sizeof fds);
  ssize_t n = 0;
  do n = sendmsg(socket, &message, MSG_NOSIGNAL);
  while (n < 0 && errno == EINTR);
  return n == static_cast<ssize_t>(sizeof header) && SendAll(socket, texts.data(), texts.size());
}

// The descriptors of one command: what stays here and what goes to the supervisor.
struct Channels {
  int out[2] = {-1, -1};
  int err[2] = {-1, -1};
  int control[2] = {-1, -1};

  Status Open() {
    if (pipe2(out, O_CLOEXEC) != 0 || pipe2(err, O_CLOEXEC) != 0 ||
        socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, control) != 0)
      return SystemError("cannot open pipes for a process", errno);
    return {};
  }
  ~Channels() {
    for (int* pair : {out, err, control})
      for (int i = 0; i < 2; ++i) CloseFd(pair[i]);
  }
};

}  // namespace

struct Process::Report : ControlReport {};

Process::~Process() {
  CloseFd(out_);
  CloseFd(err_);
  CloseFd(control_);
}

void Process::Kill(Duration grace) {
  const ControlOrder order{.grace_us = grace.count()};
  (void)!send(control_, &order, sizeof order, MSG_NOSIGNAL | MSG_DONTWAIT);
}

bool Process::Read(int& fd, OutputStream stream, const OutputSink& sink, std::string& buffer) {
  const ssize_t n = read(fd, buffer.data(), buffer.size());
  if (n < 0 && errno == EINTR) return true;
  if (n <= 0) {
    CloseFd(fd);
    return false;
  }
  sink(stream, std::string_view(buffer.data(), static_cast<std::size_t>(n)));
  return true;
}

Result<Process::Report> Process::ReadReport() {
  Report report;
  ssize_t n = 0;
  // A supervisor that closes its end with an order unread makes one call fail; what it said before can be read after that.
  do n = recv(control_, static_cast<ControlReport*>(&report), sizeof(ControlReport), 0);
  while (n < 0 && (errno == EINTR || errno == ECONNRESET));
  if (n != static_cast<ssize_t>(sizeof(ControlReport))) {
    lost_->store(true);
    return Fail(Code::kUnavailable, "the process supervisor ended, and with it every process");
  }
  return report;
}

Result<ProcessExit> Process::Pump(const OutputSink& sink) {
  std::string buffer(kReadBytes, '\0');
  std::optional<Report> report;
  while (!report || out_ >= 0 || err_ >= 0) {
    pollfd fds[3] = {{out_, POLLIN, 0}, {err_, POLLIN, 0}, {report ? -1 : control_, POLLIN, 0}};
    const int ready = poll(fds, 3, report ? kDrainMs : -1);
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0) break;
    if (fds[0].revents != 0) Read(out_, OutputStream::kStdout, sink, buffer);
    if (fds[1].revents != 0) Read(err_, OutputStream::kStderr, sink, buffer);
    if (fds[2].revents != 0) {
      ASSIGN_OR_RETURN(report, ReadReport());
      if (report->kind == ReportKind::kNotStarted) return SystemError("cannot start the command", report->value);
    }
  }
  if (!report) return SystemError("cannot wait for the process", errno);
  if (WIFSIGNALED(report->value)) return ProcessExit{128 + WTERMSIG(report->value), WTERMSIG(report->value)};
  return ProcessExit{WEXITSTATUS(report->value), 0};
}

Result<std::unique_ptr<Supervisor>> Supervisor::Start() {
  std::unique_ptr<Supervisor> supervisor(new Supervisor());
  RETURN_IF_ERROR(supervisor->Fork());
  return supervisor;
}

Supervisor::~Supervisor() { Close(); }

void Supervisor::Close() {
  CloseFd(socket_);
  if (pid_ > 0) waitpid(pid_, nullptr, 0);
  pid_ = -1;
}

Status Supervisor::Fork() {
  int pair[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
    return SystemError("cannot open a socket for the process supervisor", errno);
  const pid_t pid = fork();
  if (pid < 0) {
    const int number = errno;
    close(pair[0]);
    close(pair[1]);
    return SystemError("cannot fork the process supervisor", number);
  }
  if (pid == 0) {
    // Only its socket and the standard streams: everything else is the worker's.
    constexpr int kSocket = 3;
    if (pair[1] != kSocket && dup3(pair[1], kSocket, O_CLOEXEC) < 0) _exit(1);
    close_range(kSocket + 1, ~0U, 0);
    SuperviseUntilClosed(kSocket);
  }
  close(pair[1]);
  socket_ = pair[0];
  pid_ = pid;
  lost_ = std::make_shared<std::atomic<bool>>(false);
  return {};
}

Result<std::unique_ptr<Process>> Supervisor::Spawn(const ProcessOrder& order) {
  Channels channels;
  RETURN_IF_ERROR(channels.Open());
  {
    std::lock_guard lock(mutex_);
    const int theirs[3] = {channels.out[1], channels.err[1], channels.control[1]};
    if (lost_->load() || !SendOrder(socket_, order, theirs)) {
      Close();
      RETURN_IF_ERROR(Fork());
      if (!SendOrder(socket_, order, theirs)) return SystemError("cannot reach the process supervisor", errno);
    }
  }
  return std::make_unique<Process>(std::exchange(channels.out[0], -1), std::exchange(channels.err[0], -1),
                                   std::exchange(channels.control[0], -1), lost_);
}

}  // namespace headrace::worker
