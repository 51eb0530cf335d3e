#include "cli/host/archive.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <sstream>
#include <utility>

#include "cli/host/tar_block.h"
#include "common/base/hash.h"

namespace headrace::cli {
namespace {

constexpr std::size_t kAtOnce = std::size_t{1} << 20U;
constexpr std::uint64_t kSmallMost = std::uint64_t{1} << 30U;  // of names and of the sums
constexpr std::string_view kLongName = "././@LongLink";

tl::unexpected<Error> SystemError(const std::string& path, int number) {
  const std::string text = path + ": " + std::strerror(number);
  if (number == ENOSPC || number == EDQUOT || number == EFBIG) return Fail(Code::kUnavailable, text + ": free space, or name a file on another disk");
  if (number == ENOENT) return NotFound(text);
  return Fail(number == EACCES || number == EPERM || number == EROFS ? Code::kPermissionDenied : Code::kUnavailable, text);
}

Status WriteAll(const std::string& path, int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t wrote = write(fd, bytes.data(), bytes.size());
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) return SystemError(path, errno);
    bytes.remove_prefix(static_cast<std::size_t>(wrote));
  }
  return {};
}

std::string Hex(std::uint32_t number) {
  char text[9];
  std::snprintf(text, sizeof text, "%08x", number);
  return text;
}

// A descriptor that is closed.
struct Closing {
  int fd;
  explicit Closing(int opened) : fd(opened) {}
  Closing(const Closing&) = delete;
  Closing& operator=(const Closing&) = delete;
  ~Closing() {
    if (fd >= 0) close(fd);
  }
};

// Below a folder, and one line of the sums.
bool IsPlainName(std::string_view name) {
  if (name.empty() || name.front() == '/' || name.find_first_of(std::string_view("\n\0", 2)) != std::string_view::npos) return false;
  while (true) {
    const std::size_t slash = std::min(name.find('/'), name.size());
    const std::string_view part = name.substr(0, slash);
    if (part.empty() || part == "." || part == "..") return false;
    if (slash == name.size()) return true;
    name.remove_prefix(slash + 1);
  }
}

}  // namespace

Result<ArchiveWriter> ArchiveWriter::Create(const std::string& path) {
  const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0 && errno == EEXIST) return Fail(Code::kAlreadyExists, path + " is there already: name another file, or take it away");
  if (fd < 0) return SystemError(path, errno);
  return ArchiveWriter(path, fd);
}

ArchiveWriter::ArchiveWriter(ArchiveWriter&& other) noexcept
    : path_(std::move(other.path_)), fd_(std::exchange(other.fd_, -1)), sums_(std::move(other.sums_)), members_(other.members_) {}

ArchiveWriter::~ArchiveWriter() {
  if (fd_ < 0) return;
  close(fd_);
  unlink(path_.c_str());
}

Status ArchiveWriter::Write(std::string_view bytes) { return WriteAll(path_, fd_, bytes); }
Status ArchiveWriter::Pad(std::uint64_t size) { return Write(std::string(TarPadding(size), '\0')); }

Status ArchiveWriter::Head(const std::string& name, std::uint64_t size, std::int64_t modified_s, unsigned mode) {
  if (!IsPlainName(name)) return InvalidArgument("a file cannot be kept under the name '" + name + "': rename it");
  if (name.size() > kTarName) {
    const std::uint64_t bytes = name.size() + 1;
    RETURN_IF_ERROR(Write(PackTarHead({.name = std::string(kLongName), .size = bytes, .kind = 'L'})));
    RETURN_IF_ERROR(Write(std::string_view(name.c_str(), bytes)));
    RETURN_IF_ERROR(Pad(bytes));
  }
  return Write(PackTarHead({.name = name.substr(0, kTarName), .size = size, .modified_s = modified_s, .mode = mode}));
}

void ArchiveWriter::Note(const std::string& name, std::uint64_t size, std::uint32_t crc) {
  sums_ += Hex(crc) + " " + std::to_string(size) + " " + name + "\n";
  ++members_;
}

Status ArchiveWriter::AddFile(const std::string& name, const std::string& from, const BytesTold& told) {
  const Closing file(open(from.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (file.fd < 0) return SystemError(from, errno);
  struct stat status {};
  if (fstat(file.fd, &status) != 0) return SystemError(from, errno);
  const auto size = static_cast<std::uint64_t>(status.st_size);
  RETURN_IF_ERROR(Head(name, size, status.st_mtim.tv_sec, status.st_mode));
  std::string buffer(kAtOnce, '\0');
  std::uint32_t crc = 0;
  for (std::uint64_t done = 0; done < size;) {
    const ssize_t got = read(file.fd, buffer.data(), std::min<std::uint64_t>(buffer.size(), size - done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return SystemError(from, errno);
    // Files are replaced, never changed; one that shrinks is somebody else's.
    if (got == 0) return Fail(Code::kAborted, from + " became shorter while it was read: leave the storage folder to headrace, and try again");
    const std::string_view part(buffer.data(), static_cast<std::size_t>(got));
    crc = Crc32c(part, crc);
    RETURN_IF_ERROR(Write(part));
    done += part.size();
    told(part.size());
  }
  Note(name, size, crc);
  return Pad(size);
}

Status ArchiveWriter::AddText(const std::string& name, std::string_view text) {
  RETURN_IF_ERROR(Head(name, text.size(), 0, 0600));
  RETURN_IF_ERROR(Write(text));
  Note(name, text.size(), Crc32c(text));
  return Pad(text.size());
}

Status ArchiveWriter::Finish() {
  const std::string sums = sums_ + "end " + std::to_string(members_) + " " + Hex(Crc32c(sums_)) + "\n";
  RETURN_IF_ERROR(Head(std::string(kSumsName), sums.size(), 0, 0600));
  RETURN_IF_ERROR(Write(sums));
  RETURN_IF_ERROR(Pad(sums.size()));
  RETURN_IF_ERROR(Write(std::string(2 * kTarBlock, '\0')));
  if (fsync(fd_) != 0) return SystemError(path_, errno);
  close(std::exchange(fd_, -1));
  return {};
}

Result<ArchiveReader> ArchiveReader::Open(const std::string& path) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return SystemError(path, errno);
  struct stat status {};
  if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) {
    close(fd);
    return InvalidArgument(path + " is no file: name what `headrace backup` wrote");
  }
  return ArchiveReader(path, fd, static_cast<std::uint64_t>(status.st_size));
}

ArchiveReader::ArchiveReader(ArchiveReader&& other) noexcept
    : path_(std::move(other.path_)), fd_(std::exchange(other.fd_, -1)), size_(other.size_) {}

ArchiveReader::~ArchiveReader() {
  if (fd_ >= 0) close(fd_);
}

tl::unexpected<Error> ArchiveReader::Damaged(const std::string& why) const {
  return Fail(Code::kDataLoss, path_ + " is no whole backup: " + why + "; nothing was written; use another one");
}

Status ArchiveReader::ReadAt(std::uint64_t at, char* to, std::size_t size) {
  while (size > 0) {
    const ssize_t got = pread(fd_, to, size, static_cast<off_t>(at));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return SystemError(path_, errno);
    if (got == 0) return Damaged("it ends too early");
    at += static_cast<std::uint64_t>(got);
    to += got;
    size -= static_cast<std::size_t>(got);
  }
  return {};
}

Result<std::string> ArchiveReader::Front(const ArchiveMember& member, std::size_t most) {
  std::string front(static_cast<std::size_t>(std::min<std::uint64_t>(member.size, most)), '\0');
  RETURN_IF_ERROR(ReadAt(member.at, front.data(), front.size()));
  return front;
}

Result<std::uint32_t> ArchiveReader::Sum(const ArchiveMember& member, const std::function<Status(std::string_view)>& each, const BytesTold& told) {
  std::string buffer(static_cast<std::size_t>(std::min<std::uint64_t>(kAtOnce, member.size)), '\0');
  std::uint32_t crc = 0;
  for (std::uint64_t done = 0; done < member.size; done += buffer.size()) {
    buffer.resize(static_cast<std::size_t>(std::min<std::uint64_t>(buffer.size(), member.size - done)));
    RETURN_IF_ERROR(ReadAt(member.at + done, buffer.data(), buffer.size()));
    crc = Crc32c(buffer, crc);
    RETURN_IF_ERROR(each(buffer));
    told(buffer.size());
  }
  return crc;
}

// Heads only. The sums come last, or the file was cut off.
Result<std::vector<ArchiveMember>> ArchiveReader::Walk() {
  std::vector<ArchiveMember> members;
  std::string long_name;
  for (std::uint64_t at = 0;;) {
    std::string block(kTarBlock, '\0');
    if (size_ - std::min(at, size_) < kTarBlock) return Damaged("it ends too early");
    RETURN_IF_ERROR(ReadAt(at, block.data(), block.size()));
    at += kTarBlock;
    const std::optional<TarHead> head = UnpackTarHead(block);
    if (!head) return Damaged(members.empty() ? "it does not begin as one" : "what follows " + members.back().name + " is damaged");
    if (head->size > size_ - at) return Damaged("it ends within " + head->name);
    ArchiveMember member{.name = long_name.empty() ? head->name : std::exchange(long_name, {}), .size = head->size, .modified_s = head->modified_s,
                         .mode = head->mode, .at = at};
    at += head->size + TarPadding(head->size);
    if (head->kind == 'L') {
      if (head->size > kSmallMost) return Damaged("a name is too long");
      ASSIGN_OR_RETURN(long_name, Front(member, head->size));
      while (!long_name.empty() && long_name.back() == '\0') long_name.pop_back();
      continue;
    }
    if (head->kind != '0' || !IsPlainName(member.name)) return Damaged("it has a member '" + member.name + "' that no backup has");
    members.push_back(std::move(member));
    if (members.back().name == kSumsName) return members;
  }
}

// Every line speaks of the member in its place.
Status ArchiveReader::HoldAgainst(std::vector<ArchiveMember>& members, const ArchiveMember& sums) {
  if (sums.size > kSmallMost) return Damaged("its list of checksums is too long");
  ASSIGN_OR_RETURN(const std::string text, Front(sums, sums.size));
  std::string lines;
  std::istringstream in(text);
  for (ArchiveMember& member : members) {
    std::string line;
    std::getline(in, line);
    unsigned crc = 0;
    if (std::sscanf(line.c_str(), "%8x", &crc) != 1 || line.substr(8) != " " + std::to_string(member.size) + " " + member.name) {
      return Damaged("its list of checksums does not fit " + member.name);
    }
    member.crc = crc;
    lines += line + "\n";
  }
  std::string end;
  std::getline(in, end);
  if (end != "end " + std::to_string(members.size()) + " " + Hex(Crc32c(lines))) return Damaged("its list of checksums is damaged");
  return {};
}

Result<std::vector<ArchiveMember>> ArchiveReader::Check(const BytesTold& told) {
  ASSIGN_OR_RETURN(std::vector<ArchiveMember> members, Walk());
  const ArchiveMember sums = std::move(members.back());
  members.pop_back();
  RETURN_IF_ERROR(HoldAgainst(members, sums));
  for (const ArchiveMember& member : members) {
    ASSIGN_OR_RETURN(const std::uint32_t crc, Sum(member, [](std::string_view) { return Status(); }, told));
    if (crc != member.crc) return Damaged(member.name + " does not pass its checksum");
  }
  return members;
}

Status ArchiveReader::Extract(const ArchiveMember& member, const std::string& to, const BytesTold& told) {
  const Closing file(open(to.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (file.fd < 0) return SystemError(to, errno);
  ASSIGN_OR_RETURN(const std::uint32_t crc, Sum(member, [&](std::string_view part) { return WriteAll(to, file.fd, part); }, told));
  if (crc != member.crc) return Damaged(member.name + " changed while it was read");
  const timespec times[2] = {{.tv_sec = member.modified_s, .tv_nsec = 0}, {.tv_sec = member.modified_s, .tv_nsec = 0}};
  if (fchmod(file.fd, member.mode) != 0 || futimens(file.fd, times) != 0 || fsync(file.fd) != 0) return SystemError(to, errno);
  return {};
}

}  // namespace headrace::cli
