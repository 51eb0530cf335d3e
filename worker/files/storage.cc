#include "worker/files/storage.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <filesystem>

#include "common/base/hash.h"
#include "worker/session.h"

namespace headrace::worker {
namespace {

constexpr std::string_view kScheme = "kestra:///";

// What a URI may hold without escapes, so that it is found again inside a script's text.
std::string UriName(std::string_view name) {
  static constexpr std::string_view kAllowed = "-._+~=/,";
  std::string out;
  bool changed = false;
  for (const char c : name) {
    const auto byte = static_cast<unsigned char>(c);
    const bool fine = (byte < 0x80 && std::isalnum(byte)) || kAllowed.find(c) != std::string_view::npos;
    out += fine ? c : '_';
    changed = changed || !fine;
  }
  // Names that differ only in what was replaced stay apart.
  if (changed) out = std::to_string(StableHash(name) % 1'000'000'000) + "-" + out;
  return out;
}

std::string Place(const StartOrder& order, std::string_view name) {
  std::string ns = order.ns;
  std::replace(ns.begin(), ns.end(), '.', '/');
  const auto& fence = order.key.fence;
  return ns + "/" + order.flow_id + "/executions/" + order.key.execution.str() + "/tasks/" + order.spec->task_id + "/" +
         order.task_run.str() + "/" + std::to_string(fence.attempt) + "-" + std::to_string(fence.delivery) + "/" +
         UriName(name);
}

}  // namespace

bool IsStorageUri(std::string_view text) { return text.starts_with(kScheme); }

Result<LocalStorage> LocalStorage::Open(const std::string& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) return Fail(Code::kUnavailable, "cannot make the storage folder '" + folder + "': " + error.message());
  ASSIGN_OR_RETURN(UniqueFd fd, OpenFolder(folder));
  return LocalStorage(std::move(fd));
}

Result<LocalStorage::Stored> LocalStorage::Put(const StartOrder& order, std::string_view name, int file,
                                               std::uint64_t bytes_max) const {
  const std::string place = Place(order, name);
  RETURN_IF_ERROR(CheckRelativeName(place));
  ASSIGN_OR_RETURN(const UniqueFd target, CreateBeneath(folder_.get(), place));
  auto copied = CopyAll(file, target.get(), bytes_max);
  if (!copied) {
    // Half a file must not be found.
    (void)!ftruncate(target.get(), 0);
    unlinkat(folder_.get(), place.c_str(), 0);
    return Fail(std::move(copied.error()).Wrap(name));
  }
  return Stored{std::string(kScheme) + place, *copied};
}

Result<UniqueFd> LocalStorage::OpenUri(std::string_view uri) const {
  if (!IsStorageUri(uri)) return InvalidArgument("'" + std::string(uri) + "' is no kestra:/// URI");
  const std::string name(uri.substr(kScheme.size()));
  RETURN_IF_ERROR(CheckRelativeName(name));
  return OpenRegular(folder_.get(), name);
}

Result<std::uint64_t> LocalStorage::Size(std::string_view uri) const {
  ASSIGN_OR_RETURN(const UniqueFd file, OpenUri(uri));
  struct stat status {};
  if (fstat(file.get(), &status) != 0) return Fail(Code::kUnavailable, "cannot look at '" + std::string(uri) + "'");
  return static_cast<std::uint64_t>(status.st_size);
}

Result<std::string> LocalStorage::Read(std::string_view uri, std::size_t bytes_max) const {
  ASSIGN_OR_RETURN(const UniqueFd file, OpenUri(uri));
  std::string text;
  std::string piece(64 * 1024, '\0');
  ssize_t n = 0;
  while ((n = read(file.get(), piece.data(), piece.size())) > 0) {
    text.append(piece, 0, static_cast<std::size_t>(n));
    if (text.size() > bytes_max)
      return Fail(Code::kResourceExhausted,
                  "'" + std::string(uri) + "' is larger than the " + std::to_string(bytes_max) + " bytes that read() takes");
  }
  return text;
}

}  // namespace headrace::worker
