#include "scheduler/purge.h"

#include <algorithm>
#include <iterator>
#include <span>

#include "common/wire/records.h"

namespace headrace::scheduler {
namespace {

// What one turn of the loop looks at, and one commit deletes.
constexpr std::size_t kAtOnce = 100;

// Which of them may go now. The loop looks again: one that is restarted in between loses the log of its past, no more.
Result<std::vector<model::Execution>> Ended(store::Store& store, std::span<const ExecutionId> ids, PurgeReply& reply) {
  std::vector<model::Execution> ended;
  for (const ExecutionId& id : ids) {
    auto record = store.ReadRecord(id);
    if (!record && record.error().code == Code::kNotFound) continue;
    if (!record) return Fail(std::move(record.error()));
    ASSIGN_OR_RETURN(model::Execution execution, wire::DecodeExecution(*record));
    if (execution.closed) ended.push_back(std::move(execution));
    else reply.kept.push_back(id);
  }
  return ended;
}

Status PurgeSome(const PurgeParts& parts, std::span<const ExecutionId> ids, bool files, PurgeReply& reply) {
  ASSIGN_OR_RETURN(const std::vector<model::Execution> ended, Ended(parts.store, ids, reply));
  std::vector<ExecutionId> names;
  for (const model::Execution& execution : ended) {
    names.push_back(execution.id);
    if (!files || !parts.forget_files) continue;
    ASSIGN_OR_RETURN(const std::uint64_t gone, parts.forget_files(execution.ns, execution.flow_id, execution.id));
    reply.files += gone;
  }
  if (names.empty()) return {};
  ASSIGN_OR_RETURN(const std::uint64_t lines, parts.logs.Purge({.executions = names}));
  reply.logs += lines;
  ASSIGN_OR_RETURN(const std::vector<ExecutionId> gone, parts.forget(names));
  reply.executions += gone.size();
  std::copy_if(names.begin(), names.end(), std::back_inserter(reply.kept),
               [&](const ExecutionId& id) { return std::find(gone.begin(), gone.end(), id) == gone.end(); });
  return {};
}

}  // namespace

Result<PurgeReply> Purge(const PurgeParts& parts, const std::vector<ExecutionId>& ids, bool files) {
  parts.logs.Flush();
  PurgeReply reply;
  for (std::size_t at = 0; at < ids.size(); at += kAtOnce) {
    const std::span<const ExecutionId> some(ids.data() + at, std::min(kAtOnce, ids.size() - at));
    RETURN_IF_ERROR(PurgeSome(parts, some, files, reply));
  }
  return reply;
}

}  // namespace headrace::scheduler
