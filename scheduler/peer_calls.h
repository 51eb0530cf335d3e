// What schedulers say to one another: requests and replies as JSON objects, named by `call`.
// Shapes: bytes (records, shared values) are base64 in it. An unknown call is UNIMPLEMENTED: a newer scheduler asked.
// Errors: INVALID_ARGUMENT names what is missing. Threads: pure.
#pragma once

#include <string>
#include <vector>

#include "common/model/value.h"
#include "common/wire/records.h"
#include "scheduler/engine.h"

namespace headrace::scheduler::peer {

Object FromSubmit(const SubmitRequest& request);
SubmitRequest ToSubmit(const Object& call);
Object FromReply(const SubmitReply& reply);
Result<SubmitReply> ToReply(const Value& reply);

Object FromResume(const ExecutionId& id, const ResumeRequest& request);
ResumeRequest ToResume(const Object& call);
Object FromReplay(const ExecutionId& id, const ReplayRequest& request);
ReplayRequest ToReplay(const Object& call);

Object FromShare(const model::ShareRequest& request);
Result<model::ShareRequest> ToShare(const Object& call);
Object FromShared(const model::ShareReply& reply);
Result<model::ShareReply> ToShared(const Value& reply);

Object FromNews(const model::SharedNews& news);
model::SharedNews ToNews(const Object& call);

Object FromItem(const std::string& name, const wire::OutboxItem& item);
Result<wire::OutboxItem> ToItem(const Object& call);

Object FromQueues(const std::vector<QueueView>& queues);
// Those of another scheduler, added to ours by group.
void AddQueues(const Value& reply, std::vector<QueueView>& queues);

Array FromLabels(const std::vector<model::Label>& labels);
std::vector<model::Label> ToLabels(const Object& call, std::string_view name);
Array FromTexts(const std::vector<std::string>& texts);
std::vector<std::string> ToTexts(const Object& call, std::string_view name);
std::string Text(const Object& call, std::string_view name);
std::int64_t Number(const Object& call, std::string_view name);
bool Flag(const Object& call, std::string_view name);
ExecutionId Id(const Object& call);

}  // namespace headrace::scheduler::peer
