// Files below a folder, and nowhere else: every path of a user goes through here.
// Shapes: names are relative; neither "..", nor a link, nor a magic link leads out (openat2).
// Errors: INVALID_ARGUMENT names the path and why it is refused; others name the path and the system's reason.
// Threads: any. Source: FAILURES rows 67 and 68.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "common/base/error.h"

namespace headrace::worker {

class UniqueFd {
 public:
  UniqueFd() = default;
  explicit UniqueFd(int fd) : fd_(fd) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~UniqueFd();
  int get() const { return fd_; }

 private:
  int fd_ = -1;
};

// Whether `name` may name a file of a task: relative, without "..", control characters and backslashes.
Status CheckRelativeName(std::string_view name);

Result<UniqueFd> OpenFolder(const std::string& path);
// Links are not followed. REQUIRES: CheckRelativeName(name).
Result<UniqueFd> OpenBeneath(int folder, const std::string& name, int flags, mode_t mode = 0);
// For reading; only a regular file.
Result<UniqueFd> OpenRegular(int folder, const std::string& name);
// A new or emptied file for writing; its folders are made.
Result<UniqueFd> CreateBeneath(int folder, const std::string& name);
Status MakeFolders(int folder, std::string_view name);

Status WriteAll(int fd, std::string_view bytes);
// Copies what is left of `from`, at most `most` bytes; more is RESOURCE_EXHAUSTED. Returns the bytes.
Result<std::uint64_t> CopyAll(int from, int to, std::uint64_t most);

}  // namespace headrace::worker
