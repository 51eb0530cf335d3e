#include "common/expr/environment.h"

#include <algorithm>

namespace headrace::expr {

const std::vector<std::string>& EnvironmentFunctionNames() {
  static const std::vector<std::string> names = {
      "errorLogs", "fileExists", "fileSize", "fileURI", "http", "isFileEmpty", "kv", "read", "secret", "subflow"};
  return names;
}

Result<Value> Environment::Call(std::string_view function, const Array&, const Object&, const Value&) {
  return Fail(Code::kFailedPrecondition, "function `" + std::string(function) + "` is not available here");
}

bool Environment::KnowsFunction(std::string_view name) const {
  const auto& names = EnvironmentFunctionNames();
  return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace headrace::expr
