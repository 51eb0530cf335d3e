#include "cli/host/surroundings.h"

#include <algorithm>
#include <cctype>
#include <map>
#include <string>
#include <string_view>

#include "worker/options.h"

namespace headrace::cli {

Object Surroundings() {
  constexpr std::string_view kPrefix = "ENV_";
  const std::map<std::string, std::string> environment = worker::EnvironmentSnapshot();
  Object envs;
  for (const auto& [name, value] : environment) {
    if (!name.starts_with(kPrefix)) continue;
    std::string key = name.substr(kPrefix.size());
    std::transform(key.begin(), key.end(), key.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    envs[key] = value;
  }
  const auto url = environment.find("HEADRACE_URL");
  return {{"envs", std::move(envs)},
          {"globals", Object()},
          {"kestra", Object{{"environment", Object()}, {"url", url == environment.end() ? std::string() : url->second}}}};
}

}  // namespace headrace::cli
