// The whole command line: every verb, the global options, the exit code of what was asked for.
// Errors: usage errors are kExitUsage with the nearest verb or option.
// Threads: main's.
#pragma once

#include <iosfwd>

namespace headrace::cli {

int RunCommandLine(int argc, char** argv, std::istream& in, std::ostream& out, std::ostream& err);

}  // namespace headrace::cli
