#include "worker/files/beneath.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace headrace::worker {
namespace {

constexpr std::size_t kNameBytesMax = 4096;
constexpr std::size_t kCopyPiece = 256 * 1024;

tl::unexpected<Error> FileError(std::string_view name, int number) {
  const Code code = number == ENOENT   ? Code::kNotFound
                    : number == ENOSPC ? Code::kResourceExhausted
                    : number == EXDEV || number == ELOOP ? Code::kInvalidArgument
                                                         : Code::kUnavailable;
  const std::string why = number == EXDEV   ? "leads out of its folder"
                          : number == ELOOP ? "is or goes through a symbolic link"
                                            : std::strerror(number);
  return Fail(code, std::string(name) + ": " + why);
}

}  // namespace

UniqueFd::~UniqueFd() {
  if (fd_ >= 0) close(fd_);
}

Status CheckRelativeName(std::string_view name) {
  const auto refuse = [&](std::string_view why) {
    return InvalidArgument("'" + std::string(name.substr(0, 200)) + "' is no name for a file of a task: " +
                           std::string(why));
  };
  if (name.empty()) return refuse("it is empty");
  if (name.size() > kNameBytesMax) return refuse("it is longer than 4096 bytes");
  if (name.front() == '/') return refuse("it must be relative");
  for (const char c : name)
    if (static_cast<unsigned char>(c) < 0x20 || c == '\\' || c == 0x7f)
      return refuse("control characters and backslashes are not allowed");
  for (std::size_t from = 0; from <= name.size();) {
    const std::size_t to = std::min(name.find('/', from), name.size());
    const std::string_view part = name.substr(from, to - from);
    if (part == "..") return refuse("'..' is not allowed");
    if (part.empty() || part == ".") return refuse("it has an empty part");
    if (part.size() > 255) return refuse("a part is longer than 255 bytes");
    from = to + 1;
  }
  return {};
}

Result<UniqueFd> OpenFolder(const std::string& path) {
  const int fd = open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return FileError(path, errno);
  return UniqueFd(fd);
}

Result<UniqueFd> OpenBeneath(int folder, const std::string& name, int flags, mode_t mode) {
  open_how how{};
  // openat2 refuses what O_PATH cannot mean.
  how.flags = static_cast<std::uint64_t>(flags | O_CLOEXEC | ((flags & O_PATH) != 0 ? 0 : O_NOCTTY));
  how.mode = mode;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS;
  const long fd = syscall(SYS_openat2, folder, name.c_str(), &how, sizeof how);
  if (fd < 0) return FileError(name, errno);
  return UniqueFd(static_cast<int>(fd));
}

Result<UniqueFd> OpenRegular(int folder, const std::string& name) {
  // A fifo must not block the worker.
  ASSIGN_OR_RETURN(UniqueFd file, OpenBeneath(folder, name, O_RDONLY | O_NONBLOCK));
  struct stat status {};
  if (fstat(file.get(), &status) != 0) return FileError(name, errno);
  if (!S_ISREG(status.st_mode)) return InvalidArgument("'" + name + "': not a regular file");
  return file;
}

Status MakeFolders(int folder, std::string_view name) {
  for (std::size_t at = name.find('/'); at != std::string_view::npos; at = name.find('/', at + 1)) {
    const std::string parent(name.substr(0, at));
    auto known = OpenBeneath(folder, parent, O_PATH | O_DIRECTORY);
    if (known) continue;
    if (known.error().code != Code::kNotFound) return Fail(std::move(known.error()));
    const std::size_t slash = parent.rfind('/');
    UniqueFd above;
    if (slash != std::string::npos) {
      ASSIGN_OR_RETURN(above, OpenBeneath(folder, parent.substr(0, slash), O_PATH | O_DIRECTORY));
    }
    const int base = slash == std::string::npos ? folder : above.get();
    const std::string leaf = slash == std::string::npos ? parent : parent.substr(slash + 1);
    if (mkdirat(base, leaf.c_str(), 0700) != 0 && errno != EEXIST) return FileError(parent, errno);
  }
  return {};
}

Result<UniqueFd> CreateBeneath(int folder, const std::string& name) {
  RETURN_IF_ERROR(MakeFolders(folder, name));
  return OpenBeneath(folder, name, O_WRONLY | O_CREAT | O_TRUNC, 0600);
}

Status WriteAll(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return FileError("writing", errno);
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  return {};
}

Result<std::uint64_t> CopyAll(int from, int to, std::uint64_t most) {
  std::uint64_t copied = 0;
  std::string piece(kCopyPiece, '\0');
  for (;;) {
    const ssize_t n = read(from, piece.data(), piece.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return FileError("reading", errno);
    if (n == 0) return copied;
    copied += static_cast<std::uint64_t>(n);
    if (copied > most)
      return Fail(Code::kResourceExhausted, "the files are larger than " + std::to_string(most) + " bytes together");
    RETURN_IF_ERROR(WriteAll(to, std::string_view(piece).substr(0, static_cast<std::size_t>(n))));
  }
}

}  // namespace headrace::worker
