// Secrets as the worker's environment holds them.
// Shapes: SECRET_<NAME> is base64 (newlines in it do not count), HEADRACE_SECRET_<NAME> is plain and wins.
// Errors: NOT_FOUND "Cannot find secret for key 'k'." and the remedy; INVALID_ARGUMENT when the base64 is none.
// Threads: immutable. Source: Kestra's convention, FLOWS 2.5.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "common/base/error.h"

namespace headrace::worker {

class SecretStore {
 public:
  explicit SecretStore(const std::map<std::string, std::string>& environment);

  Result<std::string> Find(std::string_view key) const;

 private:
  std::map<std::string, std::string> plain_;    // by upper-case name
  std::map<std::string, std::string> encoded_;
};

// Whether a variable of the worker's environment is for the worker only and must not reach a task.
bool IsWorkerOnly(std::string_view variable);

// Standard base64; white space is skipped, padding may be missing.
Result<std::string> Base64Decode(std::string_view text);

}  // namespace headrace::worker
