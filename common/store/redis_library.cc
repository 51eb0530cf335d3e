#include "common/store/redis_library.h"

#include <map>

#include "common/base/check.h"
#include "common/base/hash.h"
#include "common/store/redis_errors.h"
#include "common/store/redis_functions_text.h"

namespace headrace::store {
namespace {

constexpr std::string_view kMark = "__VERSION__";

const std::string& Version() {
  static const std::string version = Sha256Hex(kRedisFunctionsText).substr(0, 8);
  return version;
}

std::string Text() {
  std::string text(kRedisFunctionsText);
  for (std::size_t at = text.find(kMark); at != std::string::npos; at = text.find(kMark, at)) {
    text.replace(at, kMark.size(), Version());
  }
  return text;
}

}  // namespace

const std::string& FunctionName(std::string_view verb) {
  static const std::map<std::string, std::string, std::less<>> names = [] {
    std::map<std::string, std::string, std::less<>> made;
    for (const char* one : {"commit", "acquire", "renew", "release", "holder", "read", "put_flow", "append_log", "read_log",
                            "swap_log", "announce", "leave", "members"}) {
      made[one] = "headrace_" + std::string(one) + "_" + Version();
    }
    return made;
  }();
  const auto found = names.find(verb);
  CHECK(found != names.end());
  return found->second;
}

Status LoadFunctions(RedisLink& link, Duration timeout) {
  ASSIGN_OR_RETURN(const Reply reply, link.Call({"FUNCTION", "LOAD", Text()}, timeout));
  if (!reply.error() || reply.text.find("already exists") != std::string::npos) return {};
  Error error = ConnectErrorOf(reply.text, link.place());
  return Fail(std::move(error).Wrap("headrace's functions cannot be loaded"));
}

Command GuardedCall(std::string_view verb, std::string_view key) {
  return Command{"FCALL", FunctionName(verb), "2", key, std::string(key.substr(0, key.find('}') + 1)) + ":!"};
}

Command FunctionCall(std::string_view verb, std::string_view key) { return Command{"FCALL", FunctionName(verb), "1", key}; }

}  // namespace headrace::store
