#include "worker/spool.h"

#include <dirent.h>
#include <fcntl.h>
#include <spdlog/spdlog.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string_view>

#include "worker/files/storage.h"

namespace headrace::worker {
namespace {

constexpr const char* kLock = ".lock";
constexpr std::string_view kPrefix = "spool-";
constexpr std::size_t kResultsAFile = 64;
constexpr std::size_t kBytesAFile = 1024 * 1024;

tl::unexpected<Error> SpoolError(const std::string& path, const std::string& why) {
  return Fail(Code::kUnavailable, "folder of results '" + path + "': " + why);
}

UniqueFd Lock(int folder, const char* name, int how) {
  UniqueFd lock(openat(folder, name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (lock.get() >= 0 && flock(lock.get(), how) == 0) return lock;
  return UniqueFd();
}

std::vector<std::string> NamesIn(int folder) {
  std::vector<std::string> names;
  const int copy = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR* entries = copy < 0 ? nullptr : fdopendir(copy);
  if (entries == nullptr) {
    if (copy >= 0) close(copy);
    return names;
  }
  while (const dirent* entry = readdir(entries)) names.emplace_back(entry->d_name);
  closedir(entries);
  std::sort(names.begin(), names.end());
  return names;
}

bool IsNumber(std::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) { return c >= '0' && c <= '9'; });
}

// Nobody else's folder: what is in it is sent as this worker's word.
Result<UniqueFd> OpenOwn(const std::string& path) {
  if (mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) return SpoolError(path, std::strerror(errno));
  UniqueFd fd(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (fd.get() < 0) return SpoolError(path, std::strerror(errno));
  struct stat status {};
  if (fstat(fd.get(), &status) != 0) return SpoolError(path, std::strerror(errno));
  if (status.st_uid != geteuid() || (status.st_mode & 0022) != 0)
    return Fail(Code::kPermissionDenied, "folder of results '" + path + "' can be written by others: give the worker another --work-dir, or remove it");
  return fd;
}

std::size_t BytesOf(const wire::TaskResult& result) {
  std::size_t bytes = result.outputs_json.size() + result.message.size();
  for (const wire::NestedResult& nested : result.nested) bytes += nested.outputs_json.size() + nested.message.size();
  return bytes;
}

}  // namespace

Spool::Spool(std::string path, UniqueFd folder, UniqueFd lock, SpoolLimits limits, Kept kept)
    : path_(std::move(path)), folder_(std::move(folder)), lock_(std::move(lock)), limits_(limits), kept_(std::move(kept)) {}

Result<std::unique_ptr<Spool>> Spool::Open(const std::string& folder, SpoolLimits limits, Kept kept) {
  ASSIGN_OR_RETURN(const UniqueFd parent, OpenOwn(folder));
  // Who starts at the same time waits: a folder that is not locked belongs to nobody.
  const UniqueFd turn = Lock(parent.get(), kLock, LOCK_EX);
  if (turn.get() < 0) return SpoolError(folder, std::string("cannot lock it: ") + std::strerror(errno));
  std::string path = folder + "/" + std::string(kPrefix) + "XXXXXX";
  if (mkdtemp(path.data()) == nullptr) return SpoolError(path, std::strerror(errno));
  ASSIGN_OR_RETURN(UniqueFd own, OpenOwn(path));
  UniqueFd lock = Lock(own.get(), kLock, LOCK_EX | LOCK_NB);
  if (lock.get() < 0) return SpoolError(path, std::string("cannot lock it: ") + std::strerror(errno));
  std::unique_ptr<Spool> spool(new Spool(path, std::move(own), std::move(lock), limits, std::move(kept)));
  for (const std::string& name : NamesIn(parent.get()))
    if (name.starts_with(kPrefix) && !path.ends_with("/" + name)) spool->TakeOver(parent.get(), name);
  fsync(spool->folder_.get());
  spool->thread_ = std::thread([self = spool.get()] { self->Work(); });
  return spool;
}

Spool::~Spool() {
  {
    std::lock_guard lock(mutex_);
    closing_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
  if (!files_.empty()) return;
  unlinkat(folder_.get(), kLock, 0);
  rmdir(path_.c_str());
}

void Spool::TakeOver(int parent, const std::string& name) {
  const UniqueFd from(openat(parent, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (from.get() < 0) return;
  const UniqueFd lock = Lock(from.get(), kLock, LOCK_EX | LOCK_NB);
  if (lock.get() < 0) return;  // its process lives
  for (const std::string& file : NamesIn(from.get()))
    if (IsNumber(file)) TakeFile(from.get(), file);
  unlinkat(from.get(), kLock, 0);
  unlinkat(parent, name.c_str(), AT_REMOVEDIR);
}

void Spool::TakeFile(int from, const std::string& name) {
  const auto file = OpenRegular(from, name);
  auto bytes = file ? ReadText(file->get(), wire::kFrameBytesMax, name) : Result<std::string>(Fail(Error(file.error())));
  auto messages = bytes ? wire::DecodeFromWorker(*bytes) : Result<std::vector<wire::FromWorker>>(Fail(Error(bytes.error())));
  if (!messages) {
    spdlog::warn("results that a worker left are damaged and were removed: {}", messages.error().message);
    unlinkat(from, name.c_str(), 0);
    return;
  }
  std::erase_if(*messages, [](const auto& message) { return !std::holds_alternative<wire::TaskResult>(message); });
  if (messages->empty() || renameat(from, name.c_str(), folder_.get(), std::to_string(next_).c_str()) != 0) {
    unlinkat(from, name.c_str(), 0);
    return;
  }
  Note(*messages, bytes->size());
  for (wire::FromWorker& message : *messages) left_.push_back(std::get<wire::TaskResult>(std::move(message)));
}

void Spool::Keep(wire::TaskResult result) { Post(std::move(result)); }
void Spool::Drop(const wire::TaskKey& key) { Post(key); }

void Spool::Post(Order order) {
  {
    std::lock_guard lock(mutex_);
    orders_.push_back(std::move(order));
  }
  changed_.notify_one();
}

void Spool::Work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return closing_ || !orders_.empty(); });
    if (orders_.empty()) return;
    std::deque<Order> orders = std::move(orders_);
    orders_.clear();
    lock.unlock();
    std::vector<wire::FromWorker> results;
    std::size_t bytes = 0;
    for (Order& order : orders) {
      auto* result = std::get_if<wire::TaskResult>(&order);
      if (result == nullptr) continue;
      bytes += BytesOf(*result);
      results.emplace_back(std::move(*result));
      if (results.size() < kResultsAFile && bytes < kBytesAFile) continue;
      Write(std::exchange(results, {}));
      bytes = 0;
    }
    if (!results.empty()) Write(std::move(results));
    for (const Order& order : orders)
      if (const auto* key = std::get_if<wire::TaskKey>(&order)) Remove(*key);
    lock.lock();
  }
}

void Spool::Write(std::vector<wire::FromWorker> results) {
  const std::string bytes = wire::EncodeFromWorker(results);
  Status written = SpoolError(path_, "it is full (docs/limits.md)");
  if (file_of_.size() + results.size() <= limits_.results && bytes_ + bytes.size() <= limits_.bytes)
    written = WriteFile(std::to_string(next_), bytes);
  if (written) Note(results, bytes.size());
  else if (!trouble_) spdlog::warn("results are not kept on disk until a scheduler has them: {}", written.error().message);
  trouble_ = !written;
  for (wire::FromWorker& result : results) kept_(std::get<wire::TaskResult>(std::move(result)));
}

Status Spool::WriteFile(const std::string& name, const std::string& bytes) const {
  const UniqueFd file(openat(folder_.get(), name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (file.get() < 0) return SpoolError(path_, std::strerror(errno));
  Status written = WriteAll(file.get(), bytes);
  if (written && (fdatasync(file.get()) != 0 || fsync(folder_.get()) != 0)) written = SpoolError(path_, std::strerror(errno));
  if (!written) unlinkat(folder_.get(), name.c_str(), 0);
  return written;
}

void Spool::Note(const std::vector<wire::FromWorker>& results, std::uint64_t bytes) {
  files_[next_] = {.results = results.size(), .bytes = bytes};
  bytes_ += bytes;
  for (const wire::FromWorker& result : results) {
    const wire::TaskKey& key = std::get<wire::TaskResult>(result).key;
    Remove(key);
    file_of_[key] = next_;
  }
  ++next_;
}

void Spool::Remove(const wire::TaskKey& key) {
  const auto at = file_of_.find(key);
  if (at == file_of_.end()) return;
  const auto file = files_.find(at->second);
  file_of_.erase(at);
  if (--file->second.results > 0) return;
  unlinkat(folder_.get(), std::to_string(file->first).c_str(), 0);
  bytes_ -= file->second.bytes;
  files_.erase(file);
}

}  // namespace headrace::worker
