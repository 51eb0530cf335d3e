// The seam to where files of tasks rest: bytes under a place, which is a relative name such as "a/b/_files/x.txt".
// Shapes: a place is what follows kestra:/// in a URI (places.h); a put file is whole or not there.
// Errors: NOT_FOUND names the place; RESOURCE_EXHAUSTED past a quota or on a full disk; INVALID_ARGUMENT for a bad place.
// Threads: any; Lock also holds between processes that share the storage. Cost: files stream, nothing is held in memory.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/time.h"
#include "worker/files/beneath.h"

namespace headrace::worker {

struct StoredFile {
  std::string place;
  std::uint64_t bytes = 0;
  Timestamp modified{};
};

class Storage {
 public:
  static constexpr std::size_t kListedMax = 1'000'000;

  // Held until it is destroyed.
  class Lock {
   public:
    virtual ~Lock() = default;
  };

  virtual ~Storage() = default;
  // Puts what is left of `file`, at most `bytes_max`; replaces what was there. Returns the bytes.
  virtual Result<std::uint64_t> Put(const std::string& place, int file, std::uint64_t bytes_max) const = 0;
  virtual Status Write(const std::string& place, std::string_view content) const = 0;
  virtual Result<UniqueFd> Open(const std::string& place) const = 0;
  // Of a file, not of a folder.
  virtual Result<StoredFile> Stat(const std::string& place) const = 0;
  // A file, or a folder with everything in it; false when nothing was there.
  virtual Result<bool> Delete(const std::string& place) const = 0;
  // All files below the folder, by place; none when it is not there. An empty name is the whole storage.
  virtual Result<std::vector<StoredFile>> List(const std::string& folder, std::size_t most = kListedMax) const = 0;
  virtual Result<std::unique_ptr<Lock>> Guard(const std::string& folder) const = 0;

  bool Exists(const std::string& place) const { return Stat(place).has_value(); }
};

// At most `bytes_max` bytes of what is left of `file`; more is RESOURCE_EXHAUSTED naming `what`.
Result<std::string> ReadText(int file, std::size_t bytes_max, std::string_view what);

// Over one folder, which is made.
Result<std::unique_ptr<Storage>> OpenLocalStorage(const std::string& folder);

}  // namespace headrace::worker
