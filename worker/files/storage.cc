#include "worker/files/storage.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <filesystem>

namespace headrace::worker {
namespace {

constexpr int kDepthMax = 64;
constexpr std::string_view kOwn = ".headrace-";  // names of files on their way and of locks; never listed

tl::unexpected<Error> StorageError(const std::string& place, int number) {
  return Fail(number == ENOSPC || number == EDQUOT ? Code::kResourceExhausted : Code::kUnavailable,
              "storage '" + place + "': " + std::strerror(number));
}

std::string Folder(const std::string& place) {
  const std::size_t slash = place.rfind('/');
  return slash == std::string::npos ? std::string() : place.substr(0, slash + 1);
}

Timestamp Modified(const struct stat& status) {
  return FromMicros(std::int64_t{status.st_mtim.tv_sec} * 1'000'000 + status.st_mtim.tv_nsec / 1000);
}

class FileLock final : public Storage::Lock {
 public:
  explicit FileLock(UniqueFd fd) : fd_(std::move(fd)) {}

 private:
  UniqueFd fd_;
};

struct CloseFolder {
  void operator()(DIR* folder) const { closedir(folder); }
};
using Entries = std::unique_ptr<DIR, CloseFolder>;

// Takes over `fd`.
Result<Entries> Read(UniqueFd fd, const std::string& place) {
  const int copy = fcntl(fd.get(), F_DUPFD_CLOEXEC, 0);
  DIR* folder = copy < 0 ? nullptr : fdopendir(copy);
  if (folder == nullptr) {
    if (copy >= 0) close(copy);
    return StorageError(place, errno);
  }
  return Entries(folder);
}

class LocalStorage final : public Storage {
 public:
  explicit LocalStorage(UniqueFd folder) : folder_(std::move(folder)) {}

  Result<std::uint64_t> Put(const std::string& place, int file, std::uint64_t bytes_max) const override {
    std::uint64_t bytes = 0;
    RETURN_IF_ERROR(Replace(place, [&](int target) -> Status {
      ASSIGN_OR_RETURN(bytes, CopyAll(file, target, bytes_max));
      return {};
    }));
    return bytes;
  }

  Status Write(const std::string& place, std::string_view content) const override {
    // Small things that others rely on, such as keys: a power cut must not leave an empty one.
    return Replace(place, [&](int target) -> Status {
      RETURN_IF_ERROR(WriteAll(target, content));
      if (fdatasync(target) != 0) return StorageError(place, errno);
      return {};
    });
  }

  Result<UniqueFd> Open(const std::string& place) const override {
    RETURN_IF_ERROR(CheckRelativeName(place));
    return OpenRegular(folder_.get(), place);
  }

  Result<StoredFile> Stat(const std::string& place) const override {
    ASSIGN_OR_RETURN(const UniqueFd file, Open(place));
    struct stat status {};
    if (fstat(file.get(), &status) != 0) return StorageError(place, errno);
    return StoredFile{place, static_cast<std::uint64_t>(status.st_size), Modified(status)};
  }

  Result<bool> Delete(const std::string& place) const override {
    RETURN_IF_ERROR(CheckRelativeName(place));
    const std::string parent = Folder(place);
    UniqueFd above;
    if (!parent.empty()) {
      auto opened = OpenBeneath(folder_.get(), parent.substr(0, parent.size() - 1), O_RDONLY | O_DIRECTORY);
      if (!opened && opened.error().code == Code::kNotFound) return false;
      if (!opened) return Fail(std::move(opened.error()));
      above = std::move(*opened);
    }
    const int base = parent.empty() ? folder_.get() : above.get();
    return Remove(base, place.substr(parent.size()), 0);
  }

  Result<std::vector<StoredFile>> List(const std::string& folder, std::size_t most) const override {
    std::vector<StoredFile> files;
    if (!folder.empty()) RETURN_IF_ERROR(CheckRelativeName(folder));
    auto opened = OpenBeneath(folder_.get(), folder.empty() ? "." : folder, O_RDONLY | O_DIRECTORY);
    if (!opened) {
      if (opened.error().code == Code::kNotFound) return files;
      return Fail(std::move(opened.error()));
    }
    RETURN_IF_ERROR(Walk(std::move(*opened), folder, most, 0, files));
    std::sort(files.begin(), files.end(), [](const StoredFile& a, const StoredFile& b) { return a.place < b.place; });
    return files;
  }

  Result<std::unique_ptr<Lock>> Guard(const std::string& folder) const override {
    const std::string place = folder + "/" + std::string(kOwn) + "lock";
    RETURN_IF_ERROR(CheckRelativeName(place));
    RETURN_IF_ERROR(MakeFolders(folder_.get(), place));
    ASSIGN_OR_RETURN(UniqueFd file, OpenBeneath(folder_.get(), place, O_RDWR | O_CREAT, 0600));
    while (flock(file.get(), LOCK_EX) != 0)
      if (errno != EINTR) return StorageError(place, errno);
    return std::make_unique<FileLock>(std::move(file));
  }

 private:
  // Readers see the old file or the new one: it is written beside and renamed.
  template <typename Fill>
  Status Replace(const std::string& place, const Fill& fill) const {
    static std::atomic<std::uint64_t> counter = 0;
    RETURN_IF_ERROR(CheckRelativeName(place));
    const std::string parent = Folder(place);
    const std::string fresh = parent + std::string(kOwn) + std::to_string(getpid()) + "-" + std::to_string(++counter);
    ASSIGN_OR_RETURN(const UniqueFd target, CreateBeneath(folder_.get(), fresh));
    UniqueFd above;
    if (!parent.empty()) {
      ASSIGN_OR_RETURN(above, OpenBeneath(folder_.get(), parent.substr(0, parent.size() - 1), O_RDONLY | O_DIRECTORY));
    }
    const int base = parent.empty() ? folder_.get() : above.get();
    const std::string fresh_leaf = fresh.substr(parent.size());
    Status done = fill(target.get());
    if (done && renameat(base, fresh_leaf.c_str(), base, place.substr(parent.size()).c_str()) != 0)
      done = StorageError(place, errno);
    if (!done) unlinkat(base, fresh_leaf.c_str(), 0);
    return done;
  }

  // Links are removed, never followed.
  Result<bool> Remove(int base, const std::string& leaf, int depth) const {
    if (unlinkat(base, leaf.c_str(), 0) == 0) return true;
    if (errno == ENOENT) return false;
    if (errno != EISDIR && errno != EPERM) return StorageError(leaf, errno);
    if (depth > kDepthMax) return InvalidArgument("storage '" + leaf + "': folders are nested too deep");
    ASSIGN_OR_RETURN(UniqueFd inner, OpenBeneath(base, leaf, O_RDONLY | O_DIRECTORY));
    const int fd = inner.get();
    ASSIGN_OR_RETURN(const Entries entries, Read(UniqueFd(fcntl(fd, F_DUPFD_CLOEXEC, 0)), leaf));
    while (const dirent* entry = readdir(entries.get())) {
      const std::string name = entry->d_name;
      if (name == "." || name == "..") continue;
      ASSIGN_OR_RETURN(const bool removed, Remove(fd, name, depth + 1));
      static_cast<void>(removed);
    }
    if (unlinkat(base, leaf.c_str(), AT_REMOVEDIR) != 0 && errno != ENOENT) return StorageError(leaf, errno);
    return true;
  }

  Status Walk(UniqueFd folder, const std::string& name, std::size_t most, int depth, std::vector<StoredFile>& files) const {
    if (depth > kDepthMax) return {};
    const int fd = folder.get();
    ASSIGN_OR_RETURN(const Entries entries, Read(UniqueFd(fcntl(fd, F_DUPFD_CLOEXEC, 0)), name));
    while (const dirent* entry = readdir(entries.get())) {
      const std::string leaf = entry->d_name;
      if (leaf == "." || leaf == ".." || leaf.starts_with(kOwn)) continue;
      struct stat status {};
      if (fstatat(fd, leaf.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) continue;  // gone meanwhile
      if (S_ISDIR(status.st_mode)) {
        auto inner = OpenBeneath(fd, leaf, O_RDONLY | O_DIRECTORY);
        if (inner) RETURN_IF_ERROR(Walk(std::move(*inner), name.empty() ? leaf : name + "/" + leaf, most, depth + 1, files));
      } else if (S_ISREG(status.st_mode)) {
        if (files.size() >= most)
          return Fail(Code::kResourceExhausted, "'" + name + "' holds more than " + std::to_string(most) + " files");
        files.push_back({name.empty() ? leaf : name + "/" + leaf, static_cast<std::uint64_t>(status.st_size), Modified(status)});
      }
    }
    return {};
  }

  UniqueFd folder_;
};

}  // namespace

Result<std::string> ReadText(int file, std::size_t bytes_max, std::string_view what) {
  std::string text;
  std::string piece(64 * 1024, '\0');
  for (;;) {
    const ssize_t n = read(file, piece.data(), piece.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return StorageError(std::string(what), errno);
    if (n == 0) return text;
    text.append(piece, 0, static_cast<std::size_t>(n));
    if (text.size() > bytes_max)
      return Fail(Code::kResourceExhausted,
                  "'" + std::string(what) + "' is larger than the " + std::to_string(bytes_max) + " bytes that are read here");
  }
}

Result<std::unique_ptr<Storage>> OpenLocalStorage(const std::string& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) return Fail(Code::kUnavailable, "cannot make the storage folder '" + folder + "': " + error.message());
  ASSIGN_OR_RETURN(UniqueFd fd, OpenFolder(folder));
  return std::make_unique<LocalStorage>(std::move(fd));
}

}  // namespace headrace::worker
