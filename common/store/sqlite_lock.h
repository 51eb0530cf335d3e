// One process at a time: a lock on FILE.lock that ends with the process, however it ends.
// Errors: FAILED_PRECONDITION naming the file, the process that holds it and the remedy.
// Threads: a value. Source: flock(2).
#pragma once

#include <string>

#include "common/base/error.h"

namespace headrace::store {

class FileLock {
 public:
  static Result<FileLock> Take(const std::string& path);
  FileLock(FileLock&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  FileLock& operator=(FileLock&&) = delete;
  ~FileLock();

 private:
  explicit FileLock(int descriptor) : descriptor_(descriptor) {}
  int descriptor_;
};

}  // namespace headrace::store
