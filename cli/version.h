// The version of this build.
#pragma once

namespace headrace::cli {

inline constexpr char kVersion[] = HEADRACE_VERSION;

}  // namespace headrace::cli
