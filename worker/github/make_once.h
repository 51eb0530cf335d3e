// A POST that makes something which GitHub would make twice, such as an issue: after a lost answer it is looked for, never sent again.
// Shapes: the memo's `sentAt` says that it may have been sent.
// Errors: as the client's; FAILED_PRECONDITION for a refusal, and when what may have been made does not show up. Threads: the task's.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "worker/github/write.h"

namespace headrace::worker::github {

struct Making {
  Ask ask{};
  Value pretend{};   // of a dry run
  std::string list_path{};  // where it would be seen, the newest first or all of it
  std::function<bool(const Value&)> is_it{};
};

// Nothing: look again after a while.
Result<std::optional<Value>> MakeOnce(Look& look, Writer& writer, const Making& making);

}  // namespace headrace::worker::github
