// Points and spans of time, and their text forms.
// Units: microseconds; a Timestamp is UTC since the Unix epoch.
// Errors: a text that is no duration or instant is INVALID_ARGUMENT naming the text and an example.
// Source: ISO-8601 as java.time prints it (FLOWS section 0, choice 7).
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "common/base/error.h"

namespace headrace {

using Duration = std::chrono::microseconds;
using Timestamp = std::chrono::sys_time<Duration>;

inline constexpr Timestamp FromMicros(std::int64_t micros) { return Timestamp(Duration(micros)); }
inline constexpr std::int64_t ToMicros(Timestamp t) { return t.time_since_epoch().count(); }

// "PT5M", "P1DT2H3.5S", "PT0.25S"; years and months are refused as they have no fixed length.
Result<Duration> ParseDuration(std::string_view text);
// As java.time.Duration prints it: "PT0S", "PT1M30S", "PT26H", "PT0.25S".
std::string FormatDuration(Duration duration);

// RFC 3339 with 'Z' or an offset; fraction optional: "2026-11-22T10:00:00.5Z".
Result<Timestamp> ParseInstant(std::string_view text);
// "2026-11-22T10:00:00.500000Z", always six digits.
std::string FormatInstant(Timestamp timestamp);

}  // namespace headrace
