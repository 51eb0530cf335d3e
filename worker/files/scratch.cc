#include "worker/files/scratch.h"

#include <stdlib.h>
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace headrace::worker {
namespace {

constexpr std::size_t kBufferBytes = 128 * 1024;

}  // namespace

Result<ScratchFile> ScratchFile::Make(const std::string& folder) {
  std::string path = folder + "/.scratch-XXXXXX";
  UniqueFd fd(mkostemp(path.data(), O_CLOEXEC));
  if (fd.get() < 0) return Fail(Code::kUnavailable, "cannot make a file in '" + folder + "': " + std::strerror(errno));
  unlink(path.c_str());
  return ScratchFile(std::move(fd));
}

Status ScratchFile::Write(std::string_view bytes) {
  bytes_ += bytes.size();
  buffer_ += bytes;
  if (buffer_.size() < kBufferBytes) return {};
  RETURN_IF_ERROR(WriteAll(fd_.get(), buffer_));
  buffer_.clear();
  return {};
}

Status ScratchFile::Rewind() {
  RETURN_IF_ERROR(WriteAll(fd_.get(), buffer_));
  buffer_.clear();
  if (lseek(fd_.get(), 0, SEEK_SET) != 0) return Fail(Code::kUnavailable, std::string("lseek: ") + std::strerror(errno));
  return {};
}

Result<bool> LineReader::Next(std::string& line) {
  std::size_t searched = head_;
  for (;;) {
    const std::size_t end = buffer_.find(separator_, searched);
    if (end != std::string::npos) {
      line.assign(buffer_, head_, end - head_);
      head_ = end + separator_.size();
      return true;
    }
    if (ended_) {
      line.assign(buffer_, head_);
      head_ = buffer_.size();
      return !line.empty();
    }
    buffer_.erase(0, head_);
    head_ = 0;
    searched = buffer_.size() < separator_.size() ? 0 : buffer_.size() - separator_.size() + 1;
    if (buffer_.size() > kLineBytesMax)
      return Fail(Code::kResourceExhausted, "a line is longer than " + std::to_string(kLineBytesMax) + " bytes");
    const std::size_t held = buffer_.size();
    buffer_.resize(held + kBufferBytes);
    ssize_t n = 0;
    do n = read(fd_, buffer_.data() + held, kBufferBytes);
    while (n < 0 && errno == EINTR);
    if (n < 0) return Fail(Code::kUnavailable, std::string("reading: ") + std::strerror(errno));
    buffer_.resize(held + static_cast<std::size_t>(n));
    ended_ = n == 0;
  }
}

}  // namespace headrace::worker
