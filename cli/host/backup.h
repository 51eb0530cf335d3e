// What rests in a data folder as one file, and back: the store, and the files of tasks, keys and namespaces.
// Shapes: docs/operations.md. The store is copied first, so that every file which it names is among those copied after it.
// Laws: a backup is under its name only when it is whole. A restore checks all of it before it writes, and puts the store in place last:
//   a folder in which it was interrupted is no data folder until it is run again.
// Errors: a folder in use, one that is not empty, a damaged or newer backup, a full disk: each names the place and the remedy.
// Threads: the caller's.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "common/base/error.h"

namespace headrace::cli {

// What is done now ("copying the store"), and how far.
using StepTold = std::function<void(const std::string& step, std::uint64_t bytes_done, std::uint64_t bytes_all /* 0: not known */)>;

struct BackupOrder {
  std::string data{};
  std::string storage{};  // the folder of files; empty: DATA/storage
  std::string file{};     // is made
};

struct BackupFacts {
  std::uint64_t store_bytes = 0;
  std::uint64_t files = 0;
  std::uint64_t file_bytes = 0;
  std::string made{};     // when, as ISO-8601
  std::string version{};  // of the headrace that made it
};

Result<BackupFacts> MakeBackup(const BackupOrder& order, const StepTold& told);
// The files come to DATA/storage.
Result<BackupFacts> RestoreBackup(const std::string& file, const std::string& data, const StepTold& told);
// FAILED_PRECONDITION for a data folder in which a restore was interrupted.
Status RefuseHalfRestored(const std::string& data);

}  // namespace headrace::cli
