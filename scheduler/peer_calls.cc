#include "scheduler/peer_calls.h"

#include <algorithm>

#include "common/expr/base64.h"

namespace headrace::scheduler::peer {
namespace {

tl::unexpected<Error> Missing(std::string_view what) {
  return InvalidArgument("what a scheduler asks or answers lacks `" + std::string(what) + "`");
}

const Value* Find(const Object& call, std::string_view name) { return call.if_contains(json::string_view(name.data(), name.size())); }

Object ObjectOf(const Object& call, std::string_view name) {
  const Value* value = Find(call, name);
  return value != nullptr && value->is_object() ? value->get_object() : Object();
}

const Array& ArrayOf(const Object& call, std::string_view name) {
  static const Array kNone;
  const Value* value = Find(call, name);
  return value != nullptr && value->is_array() ? value->get_array() : kNone;
}

Result<std::string> Bytes(const Object& call, std::string_view name) {
  auto bytes = expr::FromBase64(Text(call, name));
  if (!bytes) return Missing(name);
  return std::move(*bytes);
}

}  // namespace

std::string Text(const Object& call, std::string_view name) {
  const Value* value = Find(call, name);
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
}

std::int64_t Number(const Object& call, std::string_view name) {
  const Value* value = Find(call, name);
  if (value == nullptr) return 0;
  if (value->is_uint64()) return static_cast<std::int64_t>(value->get_uint64());
  return value->is_int64() ? value->get_int64() : 0;
}

bool Flag(const Object& call, std::string_view name) {
  const Value* value = Find(call, name);
  return value != nullptr && value->is_bool() && value->get_bool();
}

ExecutionId Id(const Object& call) { return ExecutionId(Text(call, "id")); }

Array FromTexts(const std::vector<std::string>& texts) {
  Array out;
  for (const std::string& text : texts) out.emplace_back(text);
  return out;
}

std::vector<std::string> ToTexts(const Object& call, std::string_view name) {
  std::vector<std::string> texts;
  for (const Value& text : ArrayOf(call, name)) {
    if (text.is_string()) texts.emplace_back(text.get_string());
  }
  return texts;
}

Array FromLabels(const std::vector<model::Label>& labels) {
  Array out;
  for (const auto& [key, value] : labels) out.push_back(Array{key, value});
  return out;
}

std::vector<model::Label> ToLabels(const Object& call, std::string_view name) {
  std::vector<model::Label> labels;
  for (const Value& label : ArrayOf(call, name)) {
    if (!label.is_array() || label.get_array().size() != 2) continue;
    const Array& pair = label.get_array();
    if (pair[0].is_string() && pair[1].is_string()) labels.emplace_back(pair[0].get_string(), pair[1].get_string());
  }
  return labels;
}

Object FromSubmit(const SubmitRequest& request) {
  Object call{{"call", "submit"},        {"ns", request.ns},         {"flow", request.flow_id},
              {"revision", request.revision}, {"inputs", request.inputs}, {"labels", FromLabels(request.labels)},
              {"request", request.request_id}, {"trigger", request.trigger}};
  if (request.scheduled) call["scheduled"] = ToMicros(*request.scheduled);
  return call;
}

SubmitRequest ToSubmit(const Object& call) {
  SubmitRequest request{.ns = Text(call, "ns"), .flow_id = Text(call, "flow"), .revision = static_cast<int>(Number(call, "revision")),
                        .inputs = ObjectOf(call, "inputs"), .labels = ToLabels(call, "labels"), .request_id = Text(call, "request")};
  if (const Value* trigger = Find(call, "trigger")) request.trigger = *trigger;
  if (Find(call, "scheduled") != nullptr) request.scheduled = FromMicros(Number(call, "scheduled"));
  return request;
}

Object FromReply(const SubmitReply& reply) {
  return {{"id", reply.id.str()}, {"existed", reply.already_existed}, {"warnings", FromTexts(reply.warnings)}};
}

Result<SubmitReply> ToReply(const Value& reply) {
  if (!reply.is_object() || Text(reply.get_object(), "id").empty()) return Missing("id");
  const Object& from = reply.get_object();
  return SubmitReply{Id(from), Flag(from, "existed"), ToTexts(from, "warnings")};
}

Object FromResume(const ExecutionId& id, const ResumeRequest& request) {
  return {{"call", "resume"}, {"id", id.str()}, {"run", request.task_run.str()}, {"inputs", request.inputs}, {"by", request.by}};
}

ResumeRequest ToResume(const Object& call) { return {TaskRunId(Text(call, "run")), ObjectOf(call, "inputs"), Text(call, "by")}; }

Object FromReplay(const ExecutionId& id, const ReplayRequest& request) {
  Object call{{"call", "replay"}, {"id", id.str()}, {"run", request.task_run.str()}, {"revision", request.revision}};
  if (request.inputs) call["inputs"] = *request.inputs;
  return call;
}

ReplayRequest ToReplay(const Object& call) {
  ReplayRequest request{.task_run = TaskRunId(Text(call, "run")), .revision = static_cast<int>(Number(call, "revision"))};
  if (Find(call, "inputs") != nullptr) request.inputs = ObjectOf(call, "inputs");
  return request;
}

Object FromNews(const model::SharedNews& news) {
  return {{"call", "wake"}, {"topic", news.topic}, {"keys", FromTexts(news.keys)}};
}

model::SharedNews ToNews(const Object& call) { return {Text(call, "topic"), ToTexts(call, "keys")}; }

Object FromShare(const model::ShareRequest& request) {
  Array puts;
  for (const model::SharedPut& put : request.put) {
    Object one{{"key", put.key}, {"value", expr::ToBase64(put.value)}, {"keep", put.keep.count()}};
    if (put.if_version) one["version"] = *put.if_version;
    puts.push_back(std::move(one));
  }
  Array news;
  for (const model::SharedNews& one : request.news) news.push_back(FromNews(one));
  return {{"call", "share"}, {"read", FromTexts(request.read)}, {"put", std::move(puts)}, {"news", std::move(news)}};
}

Result<model::ShareRequest> ToShare(const Object& call) {
  model::ShareRequest request{.read = ToTexts(call, "read")};
  for (const Value& one : ArrayOf(call, "put")) {
    if (!one.is_object()) return Missing("put");
    const Object& from = one.get_object();
    model::SharedPut& put = request.put.emplace_back(model::SharedPut{.key = Text(from, "key"), .keep = Duration(Number(from, "keep"))});
    ASSIGN_OR_RETURN(put.value, Bytes(from, "value"));
    if (Find(from, "version") != nullptr) put.if_version = static_cast<std::uint64_t>(Number(from, "version"));
  }
  for (const Value& one : ArrayOf(call, "news")) {
    if (one.is_object()) request.news.push_back(ToNews(one.get_object()));
  }
  return request;
}

Object FromShared(const model::ShareReply& reply) {
  Array records;
  for (const model::SharedRecord& record : reply.records) {
    records.push_back(Object{{"key", record.key}, {"version", record.version}, {"value", expr::ToBase64(record.value)}});
  }
  return {{"applied", reply.applied}, {"records", std::move(records)}};
}

Result<model::ShareReply> ToShared(const Value& reply) {
  if (!reply.is_object()) return Missing("records");
  model::ShareReply out{.applied = Flag(reply.get_object(), "applied")};
  for (const Value& one : ArrayOf(reply.get_object(), "records")) {
    if (!one.is_object()) return Missing("records");
    const Object& from = one.get_object();
    ASSIGN_OR_RETURN(std::string value, Bytes(from, "value"));
    out.records.push_back({Text(from, "key"), static_cast<std::uint64_t>(Number(from, "version")), std::move(value)});
  }
  return out;
}

Object FromItem(const std::string& name, const wire::OutboxItem& item) {
  return {{"call", "outbox"}, {"name", name}, {"item", expr::ToBase64(wire::EncodeOutbox(item))}};
}

Result<wire::OutboxItem> ToItem(const Object& call) {
  ASSIGN_OR_RETURN(const std::string record, Bytes(call, "item"));
  return wire::DecodeOutbox(record);
}

Object FromQueues(const std::vector<QueueView>& queues) {
  Array out;
  for (const QueueView& queue : queues) {
    out.push_back(Object{{"group", queue.group}, {"waiting", queue.waiting}, {"running", queue.running}, {"oldest", queue.oldest.count()}});
  }
  return {{"queues", std::move(out)}};
}

void AddQueues(const Value& reply, std::vector<QueueView>& queues) {
  if (!reply.is_object()) return;
  for (const Value& one : ArrayOf(reply.get_object(), "queues")) {
    if (!one.is_object()) continue;
    const Object& from = one.get_object();
    const std::string group = Text(from, "group");
    auto at = std::find_if(queues.begin(), queues.end(), [&](const QueueView& queue) { return queue.group == group; });
    if (at == queues.end()) at = queues.insert(queues.end(), QueueView{.group = group});
    at->waiting += static_cast<std::uint64_t>(Number(from, "waiting"));
    at->running += static_cast<std::uint64_t>(Number(from, "running"));
    at->oldest = std::max(at->oldest, Duration(Number(from, "oldest")));
  }
}

}  // namespace headrace::scheduler::peer
