#include "cli/host/backup.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "cli/host/archive.h"
#include "cli/host/new_folder.h"
#include "cli/version.h"
#include "common/base/clock.h"
#include "common/model/value.h"
#include "common/store/sqlite_backup.h"
#include "common/store/sqlite_lock.h"

namespace headrace::cli {
namespace {

namespace fs = std::filesystem;

constexpr const char* kStoreName = "headrace.db";
constexpr const char* kFilesName = "storage";
constexpr const char* kAboutName = "headrace-backup.json";
constexpr const char* kStaging = ".headrace-restore";
constexpr std::string_view kOwn = ".headrace-";  // files on their way and locks of the storage
constexpr int kFormat = 1;

tl::unexpected<Error> FolderError(const std::string& what, const fs::path& place, const std::error_code& error) {
  const bool denied = error == std::errc::permission_denied || error == std::errc::read_only_file_system;
  return Fail(denied ? Code::kPermissionDenied : Code::kUnavailable, "cannot " + what + " " + place.string() + ": " + error.message());
}

// What is in the folder stays in it after a power cut.
Status SyncFolder(const fs::path& folder) {
  const int fd = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const bool synced = fd >= 0 && fsync(fd) == 0;
  const int number = errno;
  if (fd >= 0) close(fd);
  if (synced) return {};
  return FolderError("write", folder, std::error_code(number, std::generic_category()));
}

// A file that goes away whatever happens.
struct Scrap {
  fs::path path;
  explicit Scrap(fs::path at) : path(std::move(at)) { Remove(); }
  Scrap(const Scrap&) = delete;
  Scrap& operator=(const Scrap&) = delete;
  ~Scrap() { Remove(); }
  void Remove() const {
    for (const char* more : {"", "-wal", "-shm", "-journal"}) {
      std::error_code error;
      fs::remove(path.string() + more, error);
    }
  }
};

// Regular files below the folder, as names relative to it. What is purged meanwhile is left out.
Status CollectFiles(const fs::path& top, const fs::path& folder, std::vector<std::string>& names) {
  std::error_code error;
  for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    std::error_code gone;
    if (at->path().filename().string().starts_with(kOwn) || at->is_symlink(gone)) continue;
    if (at->is_directory(gone)) RETURN_IF_ERROR(CollectFiles(top, at->path(), names));
    else if (at->is_regular_file(gone)) names.push_back(at->path().lexically_relative(top).string());
  }
  if (error && error != std::errc::no_such_file_or_directory) return FolderError("read", folder, error);
  return {};
}

Status AddFiles(ArchiveWriter& archive, const fs::path& folder, const StepTold& told, BackupFacts& facts) {
  std::vector<std::string> names;
  RETURN_IF_ERROR(CollectFiles(folder, folder, names));
  std::sort(names.begin(), names.end());
  const auto step = [&] { return "copying files, " + std::to_string(facts.files) + " of " + std::to_string(names.size()); };
  for (const std::string& name : names) {
    const Status added = archive.AddFile(std::string(kFilesName) + "/" + name, (folder / name).string(), [&](std::uint64_t bytes) {
      facts.file_bytes += bytes;
      told(step(), facts.file_bytes, 0);
    });
    if (!added && added.error().code == Code::kNotFound) continue;  // purged meanwhile
    RETURN_IF_ERROR(added);
    ++facts.files;
  }
  return {};
}

Object About(const BackupFacts& facts) { return {{"format", kFormat}, {"version", facts.version}, {"made", facts.made}}; }

Result<BackupFacts> ReadAbout(const std::string& text, const std::string& file) {
  boost::system::error_code error;
  const Value about = json::parse(text, error);
  const Value* format = !error && about.is_object() ? about.as_object().if_contains("format") : nullptr;
  if (format == nullptr || !format->is_int64()) return Fail(Code::kDataLoss, file + " does not say what it is: use another backup");
  BackupFacts facts;
  if (const Value* version = about.as_object().if_contains("version"); version != nullptr && version->is_string()) facts.version = std::string(version->as_string());
  if (const Value* made = about.as_object().if_contains("made"); made != nullptr && made->is_string()) facts.made = std::string(made->as_string());
  if (format->as_int64() <= kFormat) return facts;
  return Fail(Code::kFailedPrecondition, file + " has format " + std::to_string(format->as_int64()) + ", this headrace knows up to " + std::to_string(kFormat) +
                                             ": restore it with the headrace that made it (" + facts.version + ") or a newer one");
}

struct Checked {
  std::vector<ArchiveMember> members;  // the store and files
  BackupFacts facts;
  std::uint64_t bytes = 0;
};

Result<Checked> CheckArchive(ArchiveReader& archive, const std::string& file, const StepTold& told) {
  std::uint64_t read = 0;
  ASSIGN_OR_RETURN(const std::vector<ArchiveMember> members, archive.Check([&](std::uint64_t bytes) { told("checking the backup", read += bytes, 0); }));
  if (members.size() < 2 || members[0].name != kAboutName || members[1].name != kStoreName) {
    return Fail(Code::kDataLoss, file + " holds no store: name what `headrace backup` wrote");
  }
  Checked checked;
  ASSIGN_OR_RETURN(const std::string about, archive.Front(members[0], members[0].size));
  ASSIGN_OR_RETURN(checked.facts, ReadAbout(about, file));
  ASSIGN_OR_RETURN(const std::string head, archive.Front(members[1], store::kSqliteHeadBytes));
  RETURN_IF_ERROR(store::CheckSqliteHead(head, "the store in " + file));
  checked.facts.store_bytes = members[1].size;
  for (std::size_t i = 1; i < members.size(); ++i) {
    if (i > 1 && !members[i].name.starts_with(std::string(kFilesName) + "/")) return Fail(Code::kDataLoss, file + " has a member '" + members[i].name + "' that no backup has");
    if (i > 1) checked.facts.file_bytes += members[i].size;
    checked.bytes += members[i].size;
    checked.members.push_back(members[i]);
  }
  checked.facts.files = checked.members.size() - 1;
  return checked;
}

// Only what an interrupted restore left, or nothing. Of the former the files may be in place already, the store is not.
Status CheckEmpty(const fs::path& data) {
  std::error_code error;
  if (!fs::exists(data, error)) return {};
  const bool interrupted = fs::exists(data / kStaging, error) && !fs::exists(data / kStoreName, error);
  for (fs::directory_iterator at(data, error), end; !error && at != end; at.increment(error)) {
    const std::string name = at->path().filename().string();
    if (name == std::string(kStoreName) + ".lock" || name == kStaging || (interrupted && name == kFilesName)) continue;
    return Fail(Code::kFailedPrecondition, "folder " + data.string() + " is not empty (" + name + "): name a new one with --data, and start headrace on that");
  }
  if (error) return FolderError("read", data, error);
  return {};
}

Status ClearInterrupted(const fs::path& data) {
  std::error_code error;
  if (!fs::exists(data / kStaging, error)) return {};
  // The staging folder goes last: as long as it is there, nobody takes the rest for data.
  for (const fs::path& place : {data / kFilesName, data / kStaging}) {
    fs::remove_all(place, error);
    if (error) return FolderError("take away", place, error);
  }
  return {};
}

Status ExtractAll(ArchiveReader& archive, const Checked& checked, const fs::path& staging, const StepTold& told) {
  std::uint64_t done = 0;
  std::vector<fs::path> folders{staging};
  for (const ArchiveMember& member : checked.members) {
    const fs::path place = staging / member.name;
    std::error_code error;
    fs::create_directories(place.parent_path(), error);
    if (error) return FolderError("make", place.parent_path(), error);
    if (folders.back() != place.parent_path()) folders.push_back(place.parent_path());
    RETURN_IF_ERROR(archive.Extract(member, place.string(), [&](std::uint64_t bytes) { told("writing", done += bytes, checked.bytes); }));
  }
  // Each folder, and those above it, once its files are there.
  std::sort(folders.begin(), folders.end());
  folders.erase(std::unique(folders.begin(), folders.end()), folders.end());
  for (const fs::path& folder : folders) {
    for (fs::path at = folder;; at = at.parent_path()) {
      RETURN_IF_ERROR(SyncFolder(at));
      if (at == staging) break;
    }
  }
  return {};
}

Status Move(const fs::path& from, const fs::path& to) {
  std::error_code error;
  fs::rename(from, to, error);
  if (error) return FolderError("move to", to, error);
  return {};
}

// The store last: before that the folder counts as interrupted, and from then on all is there.
Status PutInPlace(const fs::path& staging, const fs::path& data) {
  std::error_code error;
  if (fs::exists(staging / kFilesName, error)) RETURN_IF_ERROR(Move(staging / kFilesName, data / kFilesName));
  RETURN_IF_ERROR(SyncFolder(data));
  RETURN_IF_ERROR(Move(staging / kStoreName, data / kStoreName));
  RETURN_IF_ERROR(SyncFolder(data));
  fs::remove_all(staging, error);
  return {};
}

}  // namespace

Result<BackupFacts> MakeBackup(const BackupOrder& order, const StepTold& told) {
  std::error_code error;
  if (fs::exists(order.file, error)) return Fail(Code::kAlreadyExists, order.file + " is there already: name another file, or take it away");
  RETURN_IF_ERROR(RefuseHalfRestored(order.data));
  BackupFacts facts{.made = FormatInstant(SystemClock().Now()), .version = kVersion};
  const Scrap copy(order.file + ".store-part");
  const Scrap part(order.file + ".part");
  // For its owner alone from the first byte on.
  const int own = open(copy.path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (own < 0) return FolderError("make", copy.path, std::error_code(errno, std::generic_category()));
  close(own);
  RETURN_IF_ERROR(store::CopySqlite((fs::path(order.data) / kStoreName).string(), copy.path.string(),
                                    [&](std::uint64_t done, std::uint64_t all) { told("copying the store", done, all); }));
  facts.store_bytes = fs::file_size(copy.path, error);
  ASSIGN_OR_RETURN(ArchiveWriter archive, ArchiveWriter::Create(part.path.string()));
  RETURN_IF_ERROR(archive.AddText(kAboutName, ToJson(About(facts)) + "\n"));
  std::uint64_t packed = 0;
  RETURN_IF_ERROR(archive.AddFile(kStoreName, copy.path.string(), [&](std::uint64_t bytes) { told("packing the store", packed += bytes, facts.store_bytes); }));
  RETURN_IF_ERROR(AddFiles(archive, order.storage.empty() ? fs::path(order.data) / kFilesName : fs::path(order.storage), told, facts));
  RETURN_IF_ERROR(archive.Finish());
  if (renameat2(AT_FDCWD, part.path.c_str(), AT_FDCWD, order.file.c_str(), RENAME_NOREPLACE) != 0) {
    return FolderError("make", order.file, std::error_code(errno, std::generic_category()));
  }
  RETURN_IF_ERROR(SyncFolder(fs::absolute(order.file).parent_path()));
  return facts;
}

Result<BackupFacts> RestoreBackup(const std::string& file, const std::string& data, const StepTold& told) {
  const fs::path folder = fs::absolute(data);
  RETURN_IF_ERROR(CheckEmpty(folder));
  ASSIGN_OR_RETURN(ArchiveReader archive, ArchiveReader::Open(file));
  ASSIGN_OR_RETURN(const Checked checked, CheckArchive(archive, file, told));
  NewFolder made(folder.string());
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) return FolderError("make", folder, error);
  ASSIGN_OR_RETURN(const store::FileLock lock, store::FileLock::Take((folder / kStoreName).string()));
  RETURN_IF_ERROR(CheckEmpty(folder));
  RETURN_IF_ERROR(ClearInterrupted(folder));
  const fs::path staging = folder / kStaging;
  fs::create_directory(staging, error);
  if (error) return FolderError("make", staging, error);
  const auto restored = [&]() -> Status {
    RETURN_IF_ERROR(ExtractAll(archive, checked, staging, told));
    told("checking the store", checked.bytes, checked.bytes);
    RETURN_IF_ERROR(store::PrepareRestored((staging / kStoreName).string()));
    return PutInPlace(staging, folder);
  }();
  if (!restored) {
    (void)ClearInterrupted(folder);
    return Fail(restored.error());
  }
  made.Keep();
  return checked.facts;
}

Status RefuseHalfRestored(const std::string& data) {
  std::error_code error;
  const fs::path folder(data);
  if (!fs::exists(folder / kStaging, error) || fs::exists(folder / kStoreName, error)) return {};
  return Fail(Code::kFailedPrecondition, "a restore into folder " + data + " was interrupted: run `headrace restore FILE --data " + data + "` again, or empty the folder");
}

}  // namespace headrace::cli
