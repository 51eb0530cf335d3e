#include "worker/flow/working_directory_cache.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "worker/files/glob.h"
#include "worker/files/places.h"

namespace headrace::worker {
namespace {

constexpr std::size_t kFilesMax = 1'000'000;
constexpr std::size_t kPiece = 128 * 1024;
using Head = std::array<std::uint64_t, 3>;  // name length, mode, size

Result<std::size_t> ReadSome(int fd, char* to, std::size_t most) {
  for (;;) {
    const ssize_t n = read(fd, to, most);
    if (n >= 0) return static_cast<std::size_t>(n);
    if (errno != EINTR) return Fail(Code::kUnavailable, std::string("reading: ") + std::strerror(errno));
  }
}

// False at the end; half of it is an error.
Result<bool> ReadExactly(int fd, char* to, std::size_t count) {
  std::size_t got = 0;
  while (got < count) {
    ASSIGN_OR_RETURN(const std::size_t n, ReadSome(fd, to + got, count - got));
    if (n == 0 && got == 0) return false;
    if (n == 0) return Fail(Code::kDataLoss, "the cache ends too early");
    got += n;
  }
  return true;
}

std::int64_t TimeOf(const struct stat& status) { return std::int64_t{status.st_mtim.tv_sec} * 1'000'000'000 + status.st_mtim.tv_nsec; }

Status RestoreFile(int from, const WorkingDirectory& directory, const Head& head, std::optional<std::int64_t>& newest) {
  if (head[0] == 0 || head[0] > 4096) return Fail(Code::kDataLoss, "the cache holds a name of a wrong length");
  std::string name(head[0], '\0');
  ASSIGN_OR_RETURN(const bool named, ReadExactly(from, name.data(), name.size()));
  if (!named) return Fail(Code::kDataLoss, "the cache ends too early");
  RETURN_IF_ERROR(CheckRelativeName(name));
  ASSIGN_OR_RETURN(const UniqueFd to, CreateBeneath(directory.fd(), name));
  std::string piece(kPiece, '\0');
  for (std::uint64_t left = head[2]; left > 0;) {
    ASSIGN_OR_RETURN(const std::size_t n, ReadSome(from, piece.data(), static_cast<std::size_t>(std::min<std::uint64_t>(left, kPiece))));
    if (n == 0) return Fail(Code::kDataLoss, "the cache ends too early");
    RETURN_IF_ERROR(WriteAll(to.get(), std::string_view(piece).substr(0, n)));
    left -= n;
  }
  fchmod(to.get(), static_cast<mode_t>((head[1] & 0777U) | 0600U));
  struct stat status {};
  if (fstat(to.get(), &status) == 0) newest = std::max(newest.value_or(0), TimeOf(status));
  return {};
}

Status KeepFile(const WorkingDirectory& directory, const std::string& name, ScratchFile& to) {
  ASSIGN_OR_RETURN(const UniqueFd file, OpenRegular(directory.fd(), name));
  struct stat status {};
  if (fstat(file.get(), &status) != 0) return Fail(Code::kUnavailable, "cannot look at '" + name + "'");
  const Head head{name.size(), status.st_mode & 0777U, static_cast<std::uint64_t>(status.st_size)};
  std::string bytes(sizeof head, '\0');
  std::memcpy(bytes.data(), head.data(), sizeof head);
  RETURN_IF_ERROR(to.Write(bytes + name));
  std::string piece(kPiece, '\0');
  for (std::uint64_t left = head[2]; left > 0;) {
    ASSIGN_OR_RETURN(const std::size_t n, ReadSome(file.get(), piece.data(), static_cast<std::size_t>(std::min<std::uint64_t>(left, kPiece))));
    if (n == 0) return Fail(Code::kAborted, "'" + name + "' shrank while it was kept");
    RETURN_IF_ERROR(to.Write(std::string_view(piece).substr(0, n)));
    left -= n;
  }
  return {};
}

}  // namespace

Result<std::optional<WorkingDirectoryCache>> WorkingDirectoryCache::Open(TaskContext& context) {
  if (!context.Has("cache")) return std::optional<WorkingDirectoryCache>();
  ASSIGN_OR_RETURN(const Value property, context.Render("cache"));
  const Value* patterns = Member(property, "patterns");
  if (patterns == nullptr || !patterns->is_array()) return InvalidArgument("cache.patterns: expected a list of globs");
  WorkingDirectoryCache cache;
  for (const Value& pattern : patterns->get_array()) cache.patterns_.push_back(ToText(pattern));
  if (const Value* ttl = Member(property, "ttl"); ttl != nullptr && !ttl->is_null()) {
    auto span = ParseDuration(ToText(*ttl));
    if (!span) return Fail(std::move(span.error()).Wrap("cache.ttl"));
    cache.ttl_ = *span;
  }
  const StartOrder& order = context.order();
  cache.place_ = NamespaceFolder(order.ns) + "/" + order.flow_id + "/_cache/" + order.spec->task_id;
  return std::optional<WorkingDirectoryCache>(std::move(cache));
}

Status WorkingDirectoryCache::Restore(TaskContext& context, const WorkingDirectory& directory) {
  const Storage& storage = context.services().storage;
  const auto kept = storage.Stat(place_);
  if (!kept) return {};
  if (ttl_ && kept->modified + *ttl_ < context.services().clock.Now()) {
    context.Log("INFO", "The cache is older than its ttl: it is not used");
    ASSIGN_OR_RETURN(const bool deleted, storage.Delete(place_));
    static_cast<void>(deleted);
    return {};
  }
  ASSIGN_OR_RETURN(const UniqueFd from, storage.Open(place_));
  restored_ns_ = 0;
  for (Head head{};;) {
    ASSIGN_OR_RETURN(const bool more, ReadExactly(from.get(), reinterpret_cast<char*>(head.data()), sizeof head));
    if (!more) return {};
    RETURN_IF_ERROR(RestoreFile(from.get(), directory, head, restored_ns_));
    ++restored_;
  }
}

Status WorkingDirectoryCache::Keep(TaskContext& context, const WorkingDirectory& directory) {
  ASSIGN_OR_RETURN(std::vector<std::string> names, directory.Files(kFilesMax));
  std::vector<Glob> globs;
  for (const std::string& pattern : patterns_) globs.emplace_back(pattern);
  std::erase_if(names, [&](const std::string& name) {
    return std::none_of(globs.begin(), globs.end(), [&](const Glob& glob) { return glob.Matches(name); });
  });
  bool changed = !restored_ns_ || names.size() != restored_;
  for (std::size_t i = 0; i < names.size() && !changed; ++i) {
    struct stat status {};
    ASSIGN_OR_RETURN(const UniqueFd file, OpenRegular(directory.fd(), names[i]));
    changed = fstat(file.get(), &status) != 0 || TimeOf(status) > *restored_ns_;
  }
  if (!changed || names.empty()) return {};
  ASSIGN_OR_RETURN(ScratchFile to, context.Scratch());
  for (const std::string& name : names) RETURN_IF_ERROR(KeepFile(directory, name, to));
  RETURN_IF_ERROR(to.Rewind());
  ASSIGN_OR_RETURN(const auto bytes, context.services().storage.Put(place_, to.fd(), context.services().options.file_bytes_max));
  context.Log("DEBUG", "The cache holds " + std::to_string(names.size()) + " files, " + std::to_string(bytes) + " bytes");
  return {};
}

}  // namespace headrace::worker
