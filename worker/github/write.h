// How these tasks read and write beyond one request: refusals become errors, each write leaves a line that can be audited, and
// in a dry run nothing is written, only what would have been sent is logged.
// Shapes: a run is dry by the task's `dryRun`, or else by the execution's label `dryRun: "true"`.
// Errors: the client's; FAILED_PRECONDITION with GitHub's words for a refusal. Threads: the task's. Source: GITHUB 5(g).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "worker/github/json_parts.h"
#include "worker/github/look.h"

namespace headrace::worker::github {

class Writer {
 public:
  // `look` outlives it.
  static Result<Writer> Of(Look& look);

  bool dry() const { return dry_; }
  // In a dry run `pretend` is the answer, with the status 200.
  Result<Answer> Send(const Ask& ask, Value pretend = {});
  // A refusal is an error.
  Result<Answer> Must(const Ask& ask, Value pretend = {});

 private:
  Writer(Look& look, bool dry) : look_(look), dry_(dry) {}
  Look& look_;
  bool dry_;
};

// What stands for an id in the outputs of a dry run.
inline constexpr std::string_view kDryId = "0000000000000000000000000000000000000000";

Result<Answer> Read(Look& look, std::string path);
// Nothing when GitHub answers 404.
Result<std::optional<Answer>> ReadIfThere(Look& look, std::string path);
// All pages; see Client::GetAll.
Result<Array> ReadList(Look& look, std::string path, std::string_view list, std::size_t most = 1000);

// For tasks that look before they write: a write whose answer was lost is looked after, in another look.
Result<TaskOutcome> LookAfterLost(Look& look, Result<TaskOutcome> outcome);

// A text property without the spaces around it; empty when it is absent.
Result<std::string> TrimmedText(TaskContext& context, std::string_view property);

// Adds `dryRun` and the connection's properties.
std::vector<model::PropertySpec> WithWrites(std::vector<model::PropertySpec> properties);
// Adds `dryRun` to the outputs.
std::vector<model::PropertySpec> WithDryRun(std::vector<model::PropertySpec> outputs);

}  // namespace headrace::worker::github
