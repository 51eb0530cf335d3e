#include "cli/host/new_folder.h"

#include <system_error>

namespace headrace::cli {

NewFolder::NewFolder(const std::string& path) {
  if (path.empty()) return;
  std::error_code error;
  path_ = std::filesystem::absolute(path, error).lexically_normal();
  if (error) return;
  for (std::filesystem::path at = path_; !std::filesystem::exists(at, error) && !error && at != at.root_path(); at = at.parent_path()) {
    first_ = at;
  }
}

NewFolder::~NewFolder() {
  if (first_.empty()) return;
  std::error_code error;
  std::filesystem::remove_all(path_, error);
  // Folders above it only while nothing else came into them.
  for (std::filesystem::path at = path_; at != first_;) {
    at = at.parent_path();
    if (!std::filesystem::remove(at, error)) return;
  }
}

}  // namespace headrace::cli
