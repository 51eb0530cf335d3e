// A folder that a start may make, and that goes away again if the start fails.
// Threads: the owner's.
#pragma once

#include <filesystem>
#include <string>

namespace headrace::cli {

class NewFolder {
 public:
  // Before anybody makes it. An empty path, or one that is there already, is left alone.
  explicit NewFolder(const std::string& path);
  ~NewFolder();
  NewFolder(const NewFolder&) = delete;
  NewFolder& operator=(const NewFolder&) = delete;

  // The start has succeeded.
  void Keep() { first_.clear(); }

 private:
  std::filesystem::path path_;
  std::filesystem::path first_;  // the outermost one that was not there; empty: nothing to undo
};

}  // namespace headrace::cli
