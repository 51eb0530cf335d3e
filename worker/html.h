// Text inside HTML that others will open. Threads: pure.
#pragma once

#include <string>
#include <string_view>

namespace headrace::worker {

// For elements and quoted attributes.
std::string EscapeHtml(std::string_view text);

}  // namespace headrace::worker
