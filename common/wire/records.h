// Records at rest: executions, task runs and outbox items as checksummed protobuf.
// Shapes: a record is CRC-32C of the rest, then headrace.store.v1; unknown fields are kept out, known ones for ever.
// Errors: a bad checksum or an impossible value is DATA_LOSS; the caller quarantines that execution.
// Threads: pure. Source: proto/headrace/store/v1/store.proto.
#pragma once

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "common/model/command.h"
#include "common/model/event.h"
#include "common/model/execution.h"

namespace headrace::wire {

// The execution without its task runs.
std::string EncodeExecution(const model::Execution& execution);
Result<model::Execution> DecodeExecution(std::string_view record);
std::string EncodeTaskRun(const model::TaskRun& task_run);
Result<model::TaskRun> DecodeTaskRun(std::string_view record);

// Its child was created; the parent keeps the warnings in its log.
struct ChildBegun {
  model::ChildStarted event;
  std::vector<std::string> warnings{};
};

// `from` has come to a new state, for which flow triggers of this place may wait.
struct StateTold {
  Place place = 0;
  std::uint64_t change = 0;  // its place in the history
};

// What one execution owes another. `from` is who owes it.
struct OutboxItem {
  ExecutionId from;
  std::variant<model::StartChild, model::KillChild, model::RestartChild,
               // tell the parent
               model::ChildEnded, model::ChildRestarted, model::StartReplacement, ChildBegun, model::ChildRejected, StateTold>
      body;
  // The parent of what speaks of a child, else the child or the replacement; of StateTold nobody.
  ExecutionId to{};
};
std::string EncodeOutbox(const OutboxItem& item);
Result<OutboxItem> DecodeOutbox(std::string_view record);

// What tasks share (common/model/shared.h), without its key.
struct SharedNote {
  std::uint64_t version = 0;
  Timestamp expires{};
  std::string value{};
  bool operator==(const SharedNote&) const = default;
};
std::string EncodeShared(const SharedNote& note);
Result<SharedNote> DecodeShared(std::string_view record);

}  // namespace headrace::wire
