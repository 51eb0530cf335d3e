#include "common/base/failpoint.h"

#include <signal.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <charconv>
#include <cstdlib>
#include <optional>
#include <string_view>

namespace headrace {
namespace {

constexpr std::array<std::string_view, 12> kNames{"submit", "reply",     "dispatch", "begun",   "result",       "ack",
                                                  "commit", "committed", "timer",    "trigger", "child_begins", "child_ends"};

struct Armed {
  Failpoint point{};
  int at = 0;
};

std::optional<Armed> ReadArmed() {
  const char* set = std::getenv("HEADRACE_FAILPOINT");
  if (set == nullptr || *set == '\0') return std::nullopt;
  const std::string_view text(set);
  const std::size_t colon = text.find(':');
  for (std::size_t i = 0; colon != std::string_view::npos && i < kNames.size(); ++i) {
    if (text.substr(0, colon) != kNames[i]) continue;
    Armed armed{static_cast<Failpoint>(i)};
    const auto [end, error] = std::from_chars(text.data() + colon + 1, text.data() + text.size(), armed.at);
    if (error != std::errc() || end != text.data() + text.size() || armed.at < 1) break;
    spdlog::warn("HEADRACE_FAILPOINT={}: this process will be killed", text);
    return armed;
  }
  spdlog::error("HEADRACE_FAILPOINT={} is none: it is NAME:N, as in commit:3", text);
  return std::nullopt;
}

}  // namespace

void PassFailpoint(Failpoint point) {
  static const std::optional<Armed> kArmed = ReadArmed();
  if (!kArmed || kArmed->point != point) return;
  static std::atomic<int> passed{0};
  if (++passed == kArmed->at) kill(getpid(), SIGKILL);
}

}  // namespace headrace
