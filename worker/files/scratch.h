// A nameless file that a task writes and then stores, and a reader of lines that holds one line.
// Errors: a full disk; a line longer than kLineBytesMax is RESOURCE_EXHAUSTED.
// Threads: one owner.
#pragma once

#include <string>
#include <string_view>

#include "worker/files/beneath.h"

namespace headrace::worker {

class ScratchFile {
 public:
  // In a folder on the disk of the working directories.
  static Result<ScratchFile> Make(const std::string& folder);

  Status Write(std::string_view bytes);
  // Writes what is buffered and goes back to the beginning.
  Status Rewind();
  int fd() const { return fd_.get(); }
  std::uint64_t bytes() const { return bytes_; }

 private:
  explicit ScratchFile(UniqueFd fd) : fd_(std::move(fd)) {}
  UniqueFd fd_;
  std::string buffer_{};
  std::uint64_t bytes_ = 0;
};

class LineReader {
 public:
  static constexpr std::size_t kLineBytesMax = 64U * 1024 * 1024;
  // `separator` is not empty.
  explicit LineReader(int fd, std::string separator = "\n") : fd_(fd), separator_(std::move(separator)) {}
  // False at the end. The separator is not part of the line; nothing follows a last separator.
  Result<bool> Next(std::string& line);

 private:
  int fd_;
  std::string separator_;
  std::string buffer_{};
  std::size_t head_ = 0;
  bool ended_ = false;
};

}  // namespace headrace::worker
