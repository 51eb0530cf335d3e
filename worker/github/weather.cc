#include "worker/github/weather.h"

#include <algorithm>
#include <cctype>
#include <charconv>

#include "common/base/text.h"

namespace headrace::worker::github {
namespace {

constexpr std::size_t kWordsMax = 500;

std::optional<std::int64_t> NumberOf(std::string_view text) {
  const std::string_view digits = Trim(text);
  std::int64_t number = 0;
  const auto [end, problem] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (digits.empty() || problem != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return number;
}

std::string Lower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return lower;
}

bool SpeaksOfLimits(const HttpAnswer& answer) {
  const std::string words = Lower(MessageOf(answer));
  return words.find("rate limit") != std::string::npos || words.find("abuse detection") != std::string::npos;
}

}  // namespace

std::optional<Quota> QuotaOf(const HttpAnswer& answer) {
  const auto limit = NumberOf(answer.Header("x-ratelimit-limit"));
  const auto remaining = NumberOf(answer.Header("x-ratelimit-remaining"));
  const auto reset = NumberOf(answer.Header("x-ratelimit-reset"));
  if (!limit || !remaining || !reset) return std::nullopt;
  const std::string_view resource = answer.Header("x-ratelimit-resource");
  return Quota{resource.empty() ? "core" : std::string(resource), *limit, *remaining, *reset};
}

std::optional<Duration> RetryAfterOf(const HttpAnswer& answer) {
  const auto seconds = NumberOf(answer.Header("retry-after"));
  if (!seconds || *seconds < 0) return std::nullopt;
  return std::chrono::seconds(std::min<std::int64_t>(*seconds, 24 * 3600));
}

// Secondary limits come with plenty left of the quota, so the words count, not the rest.
Meaning MeaningOf(const HttpAnswer& answer) {
  if (answer.code >= 500 || answer.code == 408 || answer.code == 425) return Meaning::kTrouble;
  if (answer.code != 403 && answer.code != 429) return Meaning::kWord;
  const bool waits = RetryAfterOf(answer).has_value();
  const bool spent = answer.Header("x-ratelimit-remaining") == "0";
  if (answer.code == 403 && !waits && !SpeaksOfLimits(answer)) return Meaning::kWord;
  return spent && !waits ? Meaning::kPrimary : Meaning::kSecondary;
}

std::string MessageOf(const HttpAnswer& answer) {
  std::string words;
  if (const auto body = ParseJson(answer.body); body && body->is_object()) {
    if (const Value* message = Member(*body, "message")) words = ToText(*message);
    const Value* errors = Member(*body, "errors");
    if (errors != nullptr && errors->is_array()) {
      for (const Value& error : errors->get_array()) {
        const Value* message = Member(error, "message");
        const Value* code = Member(error, "code");
        const std::string more = message != nullptr ? ToText(*message) : code != nullptr ? ToText(*code) : ToText(error);
        if (!more.empty() && words.find(more) == std::string::npos) words += (words.empty() ? "" : "; ") + more;
      }
    } else if (errors != nullptr && errors->is_string()) {
      words += (words.empty() ? "" : "; ") + ToText(*errors);
    }
  }
  std::replace(words.begin(), words.end(), '\n', ' ');
  if (words.size() > kWordsMax) words.resize(kWordsMax);
  return words.empty() ? "HTTP status " + std::to_string(answer.code) : words;
}

}  // namespace headrace::worker::github
