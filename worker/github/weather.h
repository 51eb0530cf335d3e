// What an answer of GitHub's means: a word about what was asked, or weather: limits and outages that say nothing about it.
// Shapes: header names in any case. Units: seconds on the wire, Duration here.
// Threads: pure. Source: GITHUB 3.2 (403 or 429; Retry-After, then the reset, then a minute and longer).
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "common/base/time.h"
#include "common/model/value.h"
#include "worker/http_client/http_client.h"

namespace headrace::worker::github {

enum class Meaning {
  kWord,       // of the thing asked for: done, not modified, refused
  kPrimary,    // the quota of this resource is spent until its reset
  kSecondary,  // too fast, too much at once
  kTrouble,    // 5xx and their kin: whether it had an effect is not known
};

Meaning MeaningOf(const HttpAnswer& answer);

// x-ratelimit-*; nothing when a server has no limits.
struct Quota {
  std::string resource = "core";
  std::int64_t limit = 0;
  std::int64_t remaining = 0;
  std::int64_t reset_s = 0;  // since the epoch
};
std::optional<Quota> QuotaOf(const HttpAnswer& answer);
std::optional<Duration> RetryAfterOf(const HttpAnswer& answer);

// GitHub's own words, with what its list of errors adds; the status when there are none.
std::string MessageOf(const HttpAnswer& answer);

}  // namespace headrace::worker::github
