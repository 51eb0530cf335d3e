#include "common/store/sqlite_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace headrace::store {
namespace {

std::string HolderOf(int descriptor) {
  char text[32] = {};
  const ssize_t size = pread(descriptor, text, sizeof(text) - 1, 0);
  std::string holder(text, size > 0 ? static_cast<std::size_t>(size) : 0);
  while (!holder.empty() && holder.back() == '\n') holder.pop_back();
  return holder;
}

}  // namespace

Result<FileLock> FileLock::Take(const std::string& path) {
  const std::string lock_path = path + ".lock";
  const int descriptor = open(lock_path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (descriptor < 0) {
    const Code code = errno == EACCES || errno == EROFS ? Code::kPermissionDenied : Code::kFailedPrecondition;
    return Fail(code, "store file " + path + " cannot be opened: " + lock_path + ": " + std::strerror(errno) +
                          "; its folder must exist and be writable");
  }
  FileLock lock(descriptor);
  if (flock(descriptor, LOCK_EX | LOCK_NB) != 0) {
    const std::string holder = HolderOf(descriptor);
    return Fail(Code::kFailedPrecondition,
                "store file " + path + " is in use by another headrace" + (holder.empty() ? "" : " (process " + holder + ")") +
                    ": stop it first, or give this one a file of its own");
  }
  const std::string pid = std::to_string(getpid()) + "\n";
  // Only a help for people; the lock holds without it.
  if (ftruncate(descriptor, 0) == 0) (void)!pwrite(descriptor, pid.data(), pid.size(), 0);
  return lock;
}

FileLock::~FileLock() {
  if (descriptor_ >= 0) close(descriptor_);
}

}  // namespace headrace::store
