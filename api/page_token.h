// Page tokens that are opaque and bound to their filter, so that a token of another question is refused, not misread.
// Errors: INVALID_ARGUMENT, field page_token.
// Threads: pure.
#pragma once

#include <string>
#include <string_view>

#include "common/base/error.h"

namespace headrace::api {

inline constexpr int kPageSizeDefault = 50;
inline constexpr int kPageSizeMax = 1000;

// 0 is the default; larger than the maximum is the maximum; negative is INVALID_ARGUMENT.
Result<int> PageSize(int asked);
// `filter` is any text that is the same for the same question. Empty for an empty position.
std::string MakePageToken(std::string_view filter, std::string_view position);
// The position in `token`; empty for an empty token.
Result<std::string> ReadPageToken(std::string_view filter, std::string_view token);

}  // namespace headrace::api
