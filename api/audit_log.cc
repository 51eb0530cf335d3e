#include "api/audit_log.h"

#include <fcntl.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <mutex>
#include <thread>
#include <utility>

#include "api/mend_utf8.h"
#include "common/base/clock.h"
#include "common/model/value.h"

namespace headrace::api {
namespace {

using Steady = std::chrono::steady_clock;

constexpr std::size_t kWaitingMax = 8192;
constexpr std::size_t kTextBytesMax = 256;
constexpr std::uint64_t kStrangersPerSecond = 100;
constexpr std::chrono::seconds kComplainEvery(10);
constexpr mode_t kOwnersAlone = 0600;

std::string TextOf(const AuditLine& line, Timestamp at) {
  Object out{{"time", FormatInstant(at)}};
  const auto add = [&](const char* name, const std::string& text) {
    if (!text.empty()) out[name] = MendUtf8(text.substr(0, kTextBytesMax));
  };
  add("who", line.who);
  add("role", line.role);
  add("method", line.method);
  add("namespace", line.ns);
  add("flow", line.flow);
  add("object", line.object);
  add("outcome", line.outcome);
  if (line.denied) out["denied"] = true;
  add("peer", line.peer);
  return ToJson(Value(std::move(out))) + "\n";
}

// A webhook that starts an execution is nobody's, too, and is always told.
bool IsRefusedStranger(const AuditLine& line) { return line.who.empty() && line.outcome != "OK" && !line.outcome.starts_with('2'); }

class AuditFile final : public AuditLog {
 public:
  explicit AuditFile(std::string file) : file_(std::move(file)) {}
  ~AuditFile() override {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    wake_.notify_all();
    if (thread_.joinable()) thread_.join();
    if (fd_ >= 0) close(fd_);
  }

  Status Start() {
    if (!OpenFile()) return InvalidArgument("cannot write the audit log " + file_ + ": " + std::strerror(errno));
    thread_ = std::thread([this] { Run(); });
    return {};
  }

  void Tell(AuditLine line) override {
    std::string text = TextOf(line, SystemClock().Now());
    {
      const std::lock_guard lock(mutex_);
      if (waiting_.size() >= kWaitingMax || (IsRefusedStranger(line) && !TakeStranger())) {
        ++lost_;
        return;
      }
      waiting_.push_back(std::move(text));
    }
    wake_.notify_one();
  }

 private:
  // REQUIRES: the lock is held.
  bool TakeStranger() {
    const auto now = Steady::now();
    if (now - second_ >= std::chrono::seconds(1)) {
      second_ = now;
      strangers_ = 0;
    }
    return ++strangers_ <= kStrangersPerSecond;
  }

  void Run() {
    std::unique_lock lock(mutex_);
    while (true) {
      wake_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
      if (waiting_.empty()) return;
      std::deque<std::string> lines = std::exchange(waiting_, {});
      std::uint64_t lost = std::exchange(lost_, 0);
      lock.unlock();
      lost = WriteAll(lines, lost);
      lock.lock();
      lost_ += lost;
    }
  }

  // How many are not told of yet.
  std::uint64_t WriteAll(const std::deque<std::string>& lines, std::uint64_t lost) {
    ReopenIfMoved();
    for (const std::string& line : lines) {
      if (lost > 0 && WriteLine(ToJson(Value(Object{{"time", FormatInstant(SystemClock().Now())}, {"outcome", "LOST"}, {"count", lost}})) + "\n")) lost = 0;
      if (lost > 0 || !WriteLine(line)) ++lost;
    }
    if (lost > 0) Complain(lost);
    return lost;
  }

  bool WriteLine(const std::string& line) {
    if (fd_ < 0 && !OpenFile()) return false;
    // What a full disk has cut off ends before the next line begins.
    const std::string text = torn_ ? "\n" + line : line;
    std::size_t done = 0;
    while (done < text.size()) {
      const ssize_t count = write(fd_, text.data() + done, text.size() - done);
      if (count < 0 && errno == EINTR) continue;
      if (count <= 0) {
        torn_ = torn_ || done > 0;
        return false;
      }
      done += static_cast<std::size_t>(count);
    }
    torn_ = false;
    return true;
  }

  bool OpenFile() {
    fd_ = open(file_.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, kOwnersAlone);
    torn_ = false;
    struct stat found {};
    const bool file = fd_ >= 0 && fstat(fd_, &found) == 0 && S_ISREG(found.st_mode) && !file_.starts_with("/dev/");
    // One that was there before keeps its mode otherwise.
    if (file && (found.st_mode & 07777) != kOwnersAlone && fchmod(fd_, kOwnersAlone) != 0) spdlog::warn("the audit log {} may be read by others: {}", file_, std::strerror(errno));
    return fd_ >= 0;
  }

  void ReopenIfMoved() {
    struct stat there {};
    struct stat here {};
    const bool same = fd_ >= 0 && stat(file_.c_str(), &there) == 0 && fstat(fd_, &here) == 0 && there.st_ino == here.st_ino && there.st_dev == here.st_dev;
    if (same || fd_ < 0) return;
    const int old = fd_;
    if (OpenFile()) close(old);
    else fd_ = old;  // better there than nowhere
  }

  void Complain(std::uint64_t lost) {
    const std::string why = std::strerror(errno);
    const auto now = Steady::now();
    if (complained_ != Steady::time_point{} && now - complained_ < kComplainEvery) return;
    complained_ = now;
    spdlog::error("the audit log {} lacks {} lines: it cannot be written ({})", file_, lost, why);
  }

  const std::string file_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;
  std::deque<std::string> waiting_;
  std::uint64_t lost_ = 0;  // since the last line that says so
  std::uint64_t strangers_ = 0;
  Steady::time_point second_{};
  // Of the thread, once it runs.
  int fd_ = -1;
  bool torn_ = false;
  Steady::time_point complained_{};
  std::thread thread_;
};

}  // namespace

Result<std::unique_ptr<AuditLog>> AuditLog::Open(const std::string& file) {
  auto log = std::make_unique<AuditFile>(file);
  RETURN_IF_ERROR(log->Start());
  return std::unique_ptr<AuditLog>(std::move(log));
}

}  // namespace headrace::api
