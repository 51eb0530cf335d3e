#include "worker/options.h"

#include <unistd.h>

#include <string_view>

namespace headrace::worker {

std::map<std::string, std::string> EnvironmentSnapshot() {
  std::map<std::string, std::string> all;
  for (char** variable = environ; *variable != nullptr; ++variable) {
    const std::string_view text = *variable;
    const std::size_t equals = text.find('=');
    if (equals != std::string_view::npos) all.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  return all;
}

std::string StorageFolder(const WorkerOptions& options) {
  return options.storage_dir.empty() ? options.tmp_dir + "/storage" : options.storage_dir;
}

}  // namespace headrace::worker
