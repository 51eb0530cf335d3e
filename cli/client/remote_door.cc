#include "cli/client/remote_door.h"

#include <utility>

#include "api/translate.h"
#include "cli/client/exec_client.h"
#include "cli/client/trigger_client.h"
#include "common/model/for_each_item.h"

namespace headrace::cli {
namespace {

constexpr std::int64_t kMicrosPerSecond = 1'000'000;

// What listing and counting ask alike.
template <typename Request>
Request RequestOf(const worker::ExecutionFilter& filter) {
  Request request;
  request.set_namespace_(filter.ns);
  request.set_namespace_prefix(filter.ns_prefix);
  request.set_flow_id(filter.flow_id);
  for (const model::State state : filter.states) request.add_states(api::ToProto(state));
  if (filter.created_from) api::ToProto(*filter.created_from, request.mutable_created_from());
  if (filter.created_before) api::ToProto(*filter.created_before, request.mutable_created_before());
  return request;
}

worker::SeenExecution SeenOf(const v1::Execution& execution) {
  return {ExecutionId(execution.id()), execution.namespace_(), execution.flow_id(), execution.closed()};
}

model::State StateOf(const v1::StateHistory& history) {
  return api::FromProto(history.current(), "state").value_or(model::State::kCreated);
}

Timestamp Began(const v1::StateHistory& history) {
  return history.changes().empty() ? Timestamp{} : api::FromProto(history.changes(0).at());
}

Timestamp Changed(const v1::StateHistory& history) {
  return history.changes().empty() ? Timestamp{} : api::FromProto(history.changes().rbegin()->at());
}

worker::SeenWhole WholeOf(const v1::Execution& execution) {
  worker::SeenWhole whole{.seen = SeenOf(execution), .state = StateOf(execution.state()), .started = Began(execution.state()),
                          .changed = Changed(execution.state()), .message = execution.message()};
  for (const v1::Label& label : execution.labels()) whole.labels.emplace_back(label.key(), label.value());
  for (const v1::TaskRun& run : execution.task_runs()) {
    if (run.superseded() || model::IsInnerTask(run.task_id())) continue;
    whole.task_runs.push_back({run.id(), run.task_id(), run.parent_task_run_id(), run.value(), StateOf(run.state()),
                               Began(run.state()), Changed(run.state())});
  }
  return whole;
}

class RemoteDoor final : public worker::EngineDoor {
 public:
  explicit RemoteDoor(std::shared_ptr<const Connection> connection) : client_(connection), triggers_(std::move(connection)) {}

  Result<std::vector<FlowCount>> Count(const worker::ExecutionFilter& filter) override {
    ASSIGN_OR_RETURN(const v1::CountExecutionsResponse response, client_.Count(RequestOf<v1::CountExecutionsRequest>(filter)));
    std::vector<FlowCount> counts;
    for (const v1::FlowCount& count : response.counts()) counts.push_back({count.namespace_(), count.flow_id(), count.count()});
    return counts;
  }

  Result<Page> List(const worker::ExecutionFilter& filter, std::size_t most, const std::string& page) override {
    auto request = RequestOf<v1::ListExecutionsRequest>(filter);
    request.set_page_size(static_cast<int>(most));
    request.set_page_token(page);
    ASSIGN_OR_RETURN(const v1::ListExecutionsResponse response, client_.List(request));
    Page found{.next = response.next_page_token()};
    for (const v1::Execution& execution : response.executions()) found.executions.push_back(SeenOf(execution));
    return found;
  }

  Result<worker::SeenExecution> Find(const ExecutionId& id) override {
    ASSIGN_OR_RETURN(const v1::Execution execution, client_.GetHead(id.str()));
    return SeenOf(execution);
  }

  Result<worker::SeenWhole> FindWhole(const ExecutionId& id) override {
    ASSIGN_OR_RETURN(const ExecClient::Whole found, client_.GetWhole(id.str()));
    return WholeOf(found.execution);
  }

  Result<model::ShareReply> Share(const model::ShareRequest& request) override {
    v1::ShareRequest asked;
    for (const std::string& key : request.read) asked.add_read(key);
    for (const model::SharedPut& put : request.put) {
      v1::SharedPut& out = *asked.add_put();
      out.set_key(put.key);
      if (put.if_version) out.set_if_version(*put.if_version);
      out.set_value(put.value);
      out.mutable_keep()->set_seconds(put.keep.count() / kMicrosPerSecond);
      out.mutable_keep()->set_nanos(static_cast<std::int32_t>(put.keep.count() % kMicrosPerSecond * 1000));
    }
    for (const model::SharedNews& news : request.news) {
      v1::SharedNews& out = *asked.add_news();
      out.set_topic(news.topic);
      for (const std::string& key : news.keys) out.add_keys(key);
    }
    ASSIGN_OR_RETURN(const v1::ShareResponse answer, client_.Share(asked));
    model::ShareReply reply{.applied = answer.applied()};
    for (const v1::SharedRecord& record : answer.records()) {
      reply.records.push_back({record.key(), record.version(), record.value()});
    }
    return reply;
  }

  Status Resume(const ExecutionId& id, const Object& inputs) override {
    v1::ResumeExecutionRequest request;
    request.set_id(id.str());
    if (!inputs.empty()) request.set_inputs_json(json::serialize(inputs));
    return client_.Resume(request);
  }

  Status SetTriggerEnabled(const std::string& ns, const std::string& flow_id, const std::string& trigger, bool enabled) override {
    v1::TriggerName name;
    name.set_namespace_(ns);
    name.set_flow_id(flow_id);
    name.set_trigger_id(trigger);
    return triggers_.SetDisabled(name, !enabled);
  }

  Status ReadLogs(const LogFilter& filter, const std::function<Status(const worker::SeenLog&)>& line) override {
    v1::FollowLogsRequest request;
    request.set_execution_id(filter.execution.str());
    request.set_task_id(filter.task_id);
    request.set_level_min(api::ParseLevel(filter.level_min));
    Status taken;
    RETURN_IF_ERROR(client_.FollowLogs(request, [&](const v1::LogEntry& entry) {
      taken = line({api::FromProto(entry.time()), api::LevelName(entry.level()).value_or(""), entry.message(), entry.task_id(),
                    entry.task_run_id(), entry.attempt()});
      return taken.has_value();
    }));
    return taken;
  }

  Result<Purged> PurgeExecutions(const std::vector<ExecutionId>& ids) override {
    v1::PurgeExecutionsRequest request;
    for (const ExecutionId& id : ids) request.add_ids(id.str());
    request.set_keep_files(true);
    ASSIGN_OR_RETURN(const v1::PurgeExecutionsResponse response, client_.Purge(request));
    return Purged{response.executions(), response.log_lines()};
  }

  Result<std::uint64_t> PurgeLogs(const LogPurge& purge) override {
    v1::PurgeLogsRequest request;
    for (const ExecutionId& id : purge.executions) request.add_execution_ids(id.str());
    for (const std::string& level : purge.levels) request.add_levels(api::ParseLevel(level));
    if (purge.from) api::ToProto(*purge.from, request.mutable_from());
    if (purge.before) api::ToProto(*purge.before, request.mutable_before());
    ASSIGN_OR_RETURN(const v1::PurgeLogsResponse response, client_.PurgeLogs(request));
    return response.log_lines();
  }

 private:
  ExecClient client_;
  TriggerClient triggers_;
};

}  // namespace

std::unique_ptr<worker::EngineDoor> MakeRemoteDoor(std::shared_ptr<const Connection> connection) {
  return std::make_unique<RemoteDoor>(std::move(connection));
}

}  // namespace headrace::cli
