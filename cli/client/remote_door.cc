#include "cli/client/remote_door.h"

#include <utility>

#include "api/translate.h"
#include "cli/client/exec_client.h"
#include "cli/client/trigger_client.h"
#include "common/model/for_each_item.h"

namespace headrace::cli {
namespace {

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

  Status Resume(const ExecutionId& id, const Object& inputs) override {
    v1::ResumeExecutionRequest request;
    request.set_id(id.str());
    if (!inputs.empty()) request.set_inputs_json(json::serialize(inputs));
    return client_.Resume(request);
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
};

}  // namespace

std::unique_ptr<worker::EngineDoor> MakeRemoteDoor(std::shared_ptr<const Connection> connection) {
  return std::make_unique<RemoteDoor>(std::move(connection));
}

}  // namespace headrace::cli
  Status SetTriggerEnabled(const std::string& ns, const std::string& flow_id, const std::string& trigger, bool enabled) override {
    v1::TriggerName name;
    name.set_namespace_(ns);
    name.set_flow_id(flow_id);
    name.set_trigger_id(trigger);
    return triggers_.SetDisabled(name, !enabled);
  }

  TriggerClient triggers_;
