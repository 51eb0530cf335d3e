#include "worker/files/working_directory.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstring>
#include <filesystem>

namespace headrace::worker {
namespace {

namespace fs = std::filesystem;
constexpr std::string_view kFolderPrefix = "worker-";
constexpr std::string_view kLock = ".lock";
constexpr int kDepthMax = 64;

tl::unexpected<Error> FolderError(const std::string& path, const std::string& why) {
  return Fail(Code::kUnavailable, "working directory '" + path + "': " + why);
}

// `make`: an open flag, O_CREAT or 0. `wait`: a lock flag, 0 or LOCK_NB. The lock of a worker's folder is taken while that worker lives.
UniqueFd Lock(const std::string& folder, int make, int wait) {
  const std::string path = folder + "/" + std::string(kLock);
  UniqueFd lock(open(path.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW | make, 0600));
  if (lock.get() < 0) return lock;
  int taken = 0;
  do taken = flock(lock.get(), LOCK_EX | wait);
  while (taken != 0 && errno == EINTR);
  return taken == 0 ? std::move(lock) : UniqueFd();
}

void Sweep(const std::string& tmp_dir) {
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(tmp_dir, error)) {
    if (!entry.path().filename().string().starts_with(kFolderPrefix) || entry.is_symlink(error)) continue;
    if (const UniqueFd lock = Lock(entry.path().string(), 0, LOCK_NB); lock.get() >= 0)
      fs::remove_all(entry.path(), error);
  }
}

}  // namespace

WorkingDirectory::~WorkingDirectory() {
  std::error_code error;
  fs::remove_all(path_, error);
}

Result<std::vector<std::string>> WorkingDirectory::Files(std::size_t most) const {
  std::vector<std::string> names;
  std::error_code error;
  auto at = fs::recursive_directory_iterator(path_, fs::directory_options::skip_permission_denied, error);
  for (; !error && at != fs::recursive_directory_iterator(); at.increment(error)) {
    if (at.depth() > kDepthMax) at.disable_recursion_pending();
    std::error_code ignored;
    if (at->symlink_status(ignored).type() != fs::file_type::regular) continue;
    names.push_back(at->path().string().substr(path_.size() + 1));
    if (names.size() > most)
      return Fail(Code::kResourceExhausted, "there are more than " + std::to_string(most) + " files");
  }
  if (error) return FolderError(path_, error.message());
  std::sort(names.begin(), names.end());
  return names;
}

Result<std::unique_ptr<WorkingDirectories>> WorkingDirectories::Open(const std::string& tmp_dir,
                                                                     const std::string& worker) {
  std::error_code error;
  fs::create_directories(tmp_dir, error);
  if (error) return FolderError(tmp_dir, error.message());
  // Who starts at the same time waits: a fresh folder that is not locked yet looks like one that was left.
  const UniqueFd turn = Lock(tmp_dir, O_CREAT, 0);
  if (turn.get() < 0) return FolderError(tmp_dir, std::string("cannot lock it: ") + std::strerror(errno));
  Sweep(tmp_dir);
  // A made-up part, because ids may be anything and two processes may share one.
  std::string name;
  for (const char c : worker.substr(0, 40)) name += std::isalnum(static_cast<unsigned char>(c)) ? c : '-';
  std::string path = tmp_dir + "/" + std::string(kFolderPrefix) + name + "-XXXXXX";
  if (mkdtemp(path.data()) == nullptr) return FolderError(path, std::strerror(errno));
  UniqueFd lock = Lock(path, O_CREAT, LOCK_NB);
  if (lock.get() < 0) return FolderError(path, std::string("cannot lock it: ") + std::strerror(errno));
  return std::unique_ptr<WorkingDirectories>(new WorkingDirectories(std::move(path), std::move(lock)));
}

WorkingDirectories::~WorkingDirectories() {
  std::error_code error;
  fs::remove_all(path_, error);
}

Result<std::unique_ptr<WorkingDirectory>> WorkingDirectories::Make(const std::string& name) {
  const std::string path = path_ + "/" + name;
  if (mkdir(path.c_str(), 0700) != 0) return FolderError(path, std::strerror(errno));
  ASSIGN_OR_RETURN(UniqueFd fd, OpenFolder(path));
  return std::make_unique<WorkingDirectory>(path, std::move(fd));
}

}  // namespace headrace::worker
