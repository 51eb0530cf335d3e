// Small text tools shared by every room.
// Threads: pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace headrace {

bool IsValidUtf8(std::string_view bytes);
// The candidate nearest to `word` by edit distance, if near enough to be meant.
std::optional<std::string> Nearest(std::string_view word, const std::vector<std::string>& candidates);
std::string_view Trim(std::string_view text);
// Kestra's truthiness: "", "0", "-0" and "false" (trimmed) are false (FLOWS 1.5).
bool IsTruthy(std::string_view text);

}  // namespace headrace
