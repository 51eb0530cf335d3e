// The version of this build.
#pragma once

namespace headrace::cli {

#ifndef HEADRACE_VERSION
#define HEADRACE_VERSION "unknown"  // outside the build
#endif

inline constexpr char kVersion[] = HEADRACE_VERSION;

}  // namespace headrace::cli
