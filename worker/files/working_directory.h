// One folder a run of a task, gone when the run is over; folders of workers that died are swept at start.
// Shapes: <tmp_dir>/<worker process>/<task run>-<attempt>-<delivery>, readable by nobody else.
// Errors: UNAVAILABLE naming the folder, as on a full disk.
// Threads: Make from any; a WorkingDirectory has one owner.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "worker/files/beneath.h"

namespace headrace::worker {

class WorkingDirectory {
 public:
  WorkingDirectory(std::string path, UniqueFd fd) : path_(std::move(path)), fd_(std::move(fd)) {}
  ~WorkingDirectory();
  WorkingDirectory(const WorkingDirectory&) = delete;
  WorkingDirectory& operator=(const WorkingDirectory&) = delete;

  const std::string& path() const { return path_; }
  int fd() const { return fd_.get(); }
  // Names of regular files below, sorted, at most `most`; links are not followed and not listed.
  Result<std::vector<std::string>> Files(std::size_t most) const;

 private:
  std::string path_;
  UniqueFd fd_;
};

class WorkingDirectories {
 public:
  // Makes this worker's own folder and sweeps those whose worker is gone.
  static Result<std::unique_ptr<WorkingDirectories>> Open(const std::string& tmp_dir, const std::string& worker);
  ~WorkingDirectories();
  WorkingDirectories(const WorkingDirectories&) = delete;
  WorkingDirectories& operator=(const WorkingDirectories&) = delete;

  Result<std::unique_ptr<WorkingDirectory>> Make(const std::string& name);
  const std::string& path() const { return path_; }

 private:
  WorkingDirectories(std::string path, UniqueFd lock) : path_(std::move(path)), lock_(std::move(lock)) {}
  std::string path_;
  UniqueFd lock_;
};

}  // namespace headrace::worker
