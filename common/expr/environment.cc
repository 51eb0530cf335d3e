#include "common/expr/environment.h"

#include <algorithm>

namespace headrace::expr {

const std::vector<EnvironmentFunction>& EnvironmentFunctions() {
  static const std::vector<EnvironmentFunction> functions = {
      {"errorLogs", {}},
      {"fileExists", {"path", "namespace", "version"}, 1},
      {"fileSize", {"path", "namespace", "version"}, 1},
      {"fileURI", {"path", "namespace", "version"}, 1},
      {"http", {"uri", "method", "query", "body", "contentType", "headers", "options", "accept"}, 1},
      {"isFileEmpty", {"path", "namespace", "version"}, 1},
      {"kv", {"key", "namespace", "errorOnMissing"}, 1},
      {"read", {"path", "namespace", "version"}, 1},
      {"secret", {"key", "namespace", "subkey", "full"}, 1},
      {"subflow", {"namespace", "id", "inputs", "revision", "labels", "timeout"}, 2},
  };
  return functions;
}

const EnvironmentFunction* FindEnvironmentFunction(std::string_view name) {
  const auto& functions = EnvironmentFunctions();
  const auto found = std::find_if(functions.begin(), functions.end(), [&](const auto& one) { return one.name == name; });
  return found == functions.end() ? nullptr : &*found;
}

const std::vector<std::string>& EnvironmentFunctionNames() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> all;
    for (const EnvironmentFunction& function : EnvironmentFunctions()) all.emplace_back(function.name);
    return all;
  }();
  return names;
}

Result<Value> Environment::Call(std::string_view function, const Array&, const Object&, const Value&) {
  return Fail(Code::kFailedPrecondition, "function `" + std::string(function) + "` is not available here");
}

bool Environment::KnowsFunction(std::string_view name) const { return FindEnvironmentFunction(name) != nullptr; }

}  // namespace headrace::expr
