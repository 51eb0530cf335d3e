// Names of environment variables that a task asks for.
// Whoever writes a flow writes its commands too and may set what it likes; whoever only starts it may not choose, by a name
// that comes out of an expression, which code runs.
// Threads: pure.
#pragma once

#include <string_view>

namespace headrace::worker {

// Letters, digits and _, no digit first.
bool IsVariableName(std::string_view name);
// The loader, a shell or an interpreter runs or loads something else because of it. No such list is ever complete.
bool ChangesWhatRuns(std::string_view name);

}  // namespace headrace::worker
