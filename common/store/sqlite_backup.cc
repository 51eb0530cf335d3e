#include "common/store/sqlite_backup.h"

#include <filesystem>
#include <memory>

#include "common/store/sqlite_schema.h"

namespace headrace::store {
namespace {

constexpr int kPagesAtOnce = 1024;
constexpr std::string_view kMagic("SQLite format 3\0", 16);
constexpr std::size_t kVersionAt = 60;
constexpr std::size_t kApplicationAt = 68;
// More owners than a partition can have had between a backup and its restore (redis_functions.lua does so after a failover).
constexpr const char* kBeyondLostEpochs = "UPDATE partitions SET epoch = epoch + 1048576";

struct FinishBackup {
  void operator()(sqlite3_backup* backup) const { sqlite3_backup_finish(backup); }
};

std::uint32_t BigEndian(std::string_view head, std::size_t at) {
  std::uint32_t number = 0;
  for (std::size_t i = at; i < at + 4; ++i) number = number << 8U | static_cast<unsigned char>(head[i]);
  return number;
}

// Every page and every index.
Status CheckPages(Database& database) {
  ASSIGN_OR_RETURN(Statement check, Statement::Prepare(database, "PRAGMA integrity_check(1)"));
  ASSIGN_OR_RETURN(const bool row, check.Step());
  const std::string verdict = row ? check.Text(0) : "no answer";
  if (verdict == "ok") return {};
  return Fail(Code::kDataLoss, "store file " + database.path() + " is damaged (" + verdict + "): use another backup, or recover what can be read with: sqlite3 " +
                                   database.path() + " .recover | sqlite3 recovered.db");
}

// One state of the source is held, so that what a scheduler commits meanwhile does not begin the copy anew.
Status CopyPages(Database& source, Database& target, const CopyTold& told) {
  ASSIGN_OR_RETURN(Statement pages, Statement::Prepare(source, "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()"));
  RETURN_IF_ERROR(pages.Step());
  const auto bytes = static_cast<std::uint64_t>(pages.Integer(0));
  pages.Reset();
  const std::unique_ptr<sqlite3_backup, FinishBackup> backup(sqlite3_backup_init(target.handle(), "main", source.handle(), "main"));
  if (!backup) return Fail(target.LastError(sqlite3_errcode(target.handle())));
  while (true) {
    const int code = sqlite3_backup_step(backup.get(), kPagesAtOnce);
    if (code != SQLITE_OK && code != SQLITE_DONE) return Fail(target.LastError(code).Wrap("copy of " + source.path()));
    const auto all = static_cast<std::uint64_t>(sqlite3_backup_pagecount(backup.get()));
    const auto left = static_cast<std::uint64_t>(sqlite3_backup_remaining(backup.get()));
    if (all != 0) told(bytes / all * (all - left), bytes);
    if (code == SQLITE_DONE) return {};
  }
}

Status CheckOwner(Database& source) {
  ASSIGN_OR_RETURN(Statement owner, Statement::Prepare(source, "SELECT application_id FROM pragma_application_id()"));
  ASSIGN_OR_RETURN(const bool row, owner.Step());
  if (row && owner.Integer(0) == kApplicationId) return {};
  return Fail(Code::kFailedPrecondition, "file " + source.path() + " belongs to another program: name the data folder of a scheduler with --data");
}

}  // namespace

Status CopySqlite(const std::string& from, const std::string& to, const CopyTold& told) {
  std::error_code error;
  if (!std::filesystem::exists(from, error)) {
    return NotFound("there is no store file " + from + ": name the data folder of a scheduler with --data (one with --store keeps its truth in Redis)");
  }
  ASSIGN_OR_RETURN(Database source, OpenForReading(from));
  RETURN_IF_ERROR(CheckOwner(source));
  RETURN_IF_ERROR(source.Execute("BEGIN; SELECT count(*) FROM sqlite_schema"));
  ASSIGN_OR_RETURN(Database target, Database::Open(to, Database::Mode::kWrite));
  // Who makes the copy makes it durable, or throws it away.
  RETURN_IF_ERROR(target.Execute("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF"));
  RETURN_IF_ERROR(CopyPages(source, target, told));
  // One file, without a log beside it.
  RETURN_IF_ERROR(target.Execute("PRAGMA journal_mode = DELETE"));
  return CheckPages(target);
}

Status CheckSqliteHead(std::string_view head, const std::string& place) {
  if (head.size() < kSqliteHeadBytes || !head.starts_with(kMagic)) return Fail(Code::kDataLoss, place + " is no store file: use another backup");
  if (BigEndian(head, kApplicationAt) != kApplicationId) {
    return Fail(Code::kFailedPrecondition, place + " belongs to another program: use a backup that headrace made");
  }
  const std::uint32_t version = BigEndian(head, kVersionAt);
  if (version <= kSchemaVersion) return {};
  return Fail(Code::kFailedPrecondition, place + " has schema version " + std::to_string(version) + ", this headrace knows up to " +
                                             std::to_string(kSchemaVersion) + ": restore it with the newer headrace that wrote it");
}

Status PrepareRestored(const std::string& path) {
  ASSIGN_OR_RETURN(Database database, Database::Open(path, Database::Mode::kWrite));
  RETURN_IF_ERROR(CheckPages(database));
  RETURN_IF_ERROR(database.Execute("PRAGMA synchronous = FULL"));
  return database.Execute(kBeyondLostEpochs);
}

}  // namespace headrace::store
