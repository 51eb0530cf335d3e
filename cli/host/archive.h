// Many files as one, with a checksum of each: what a backup is. `tar tf` lists it, too.
// Shapes: GNU tar of regular files under relative names; the last one, kSumsName, has a line "CRC32C SIZE NAME" of every other and
//   ends with "end N CRC32C", the checksum of the lines before it.
// Errors: a file that is cut off or was changed DATA_LOSS; a full disk UNAVAILABLE; each names the file and the remedy.
// Threads: one owner.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/error.h"

namespace headrace::cli {

inline constexpr std::string_view kSumsName = "headrace-backup.sums";

// Bytes of members so far.
using BytesTold = std::function<void(std::uint64_t bytes)>;

class ArchiveWriter {
 public:
  // Makes the file, for its owner alone; it is there for good only after Finish. ALREADY_EXISTS if it is there.
  static Result<ArchiveWriter> Create(const std::string& path);
  ArchiveWriter(ArchiveWriter&& other) noexcept;
  ArchiveWriter& operator=(ArchiveWriter&&) = delete;
  ~ArchiveWriter();  // takes an unfinished file away

  // NOT_FOUND if the file is gone.
  Status AddFile(const std::string& name, const std::string& from, const BytesTold& told);
  Status AddText(const std::string& name, std::string_view text);
  // Everything is on the disk when it returns.
  Status Finish();
  std::uint64_t members() const { return members_; }

 private:
  ArchiveWriter(std::string path, int fd) : path_(std::move(path)), fd_(fd) {}
  Status Write(std::string_view bytes);
  Status Pad(std::uint64_t size);
  Status Head(const std::string& name, std::uint64_t size, std::int64_t modified_s, unsigned mode);
  void Note(const std::string& name, std::uint64_t size, std::uint32_t crc);

  std::string path_;
  int fd_;
  std::string sums_;
  std::uint64_t members_ = 0;
};

struct ArchiveMember {
  std::string name;
  std::uint64_t size = 0;
  std::int64_t modified_s = 0;
  unsigned mode = 0;
  std::uint64_t at = 0;  // where its bytes begin
  std::uint32_t crc = 0;
};

class ArchiveReader {
 public:
  static Result<ArchiveReader> Open(const std::string& path);
  ArchiveReader(ArchiveReader&& other) noexcept;
  ArchiveReader& operator=(ArchiveReader&&) = delete;
  ~ArchiveReader();

  // Reads all of it: every member is whole, has its checksum, and has a name that stays below a folder. kSumsName is left out.
  Result<std::vector<ArchiveMember>> Check(const BytesTold& told);
  // The first bytes of a member, at most so many.
  Result<std::string> Front(const ArchiveMember& member, std::size_t most);
  // Into a new file, on the disk when it returns. Its bytes are held against the checksum once more.
  Status Extract(const ArchiveMember& member, const std::string& to, const BytesTold& told);

 private:
  ArchiveReader(std::string path, int fd, std::uint64_t size) : path_(std::move(path)), fd_(fd), size_(size) {}
  Status ReadAt(std::uint64_t at, char* to, std::size_t size);
  Result<std::uint32_t> Sum(const ArchiveMember& member, const std::function<Status(std::string_view)>& each, const BytesTold& told);
  Result<std::vector<ArchiveMember>> Walk();
  Status HoldAgainst(std::vector<ArchiveMember>& members, const ArchiveMember& sums);
  tl::unexpected<Error> Damaged(const std::string& why) const;

  std::string path_;
  int fd_;
  std::uint64_t size_;
};

}  // namespace headrace::cli
