#include "cli/host/local_door.h"

#include <future>
#include <utility>

#include "common/model/for_each_item.h"

namespace headrace::cli {
namespace {

constexpr std::chrono::seconds kPatience(30);
constexpr std::size_t kLines = 1000;

store::ExecutionQuery QueryOf(const worker::ExecutionFilter& filter) {
  return {.ns = filter.ns, .ns_prefix = filter.ns_prefix, .flow_id = filter.flow_id, .states = filter.states,
          .created_from = filter.created_from, .created_before = filter.created_before};
}

worker::SeenExecution SeenOf(const model::Execution& execution) {
  return {execution.id, execution.ns, execution.flow_id, execution.closed};
}

worker::SeenWhole WholeOf(const scheduler::ExecutionView& view) {
  const model::Execution& execution = view.execution;
  worker::SeenWhole whole{.seen = SeenOf(execution), .state = execution.state.current(), .started = execution.state.started(),
                          .changed = execution.state.last_changed(), .message = execution.message};
  for (const auto& [key, value] : execution.labels) whole.labels.emplace_back(key, value);
  if (view.flow == nullptr) return whole;
  for (const model::TaskRun& run : execution.task_runs) {
    const std::string& task_id = view.flow->task(run.task).id;
    if (run.superseded || model::IsInnerTask(task_id)) continue;
    whole.task_runs.push_back({run.id.str(), task_id, run.parent ? execution.task_runs[*run.parent].id.str() : std::string(),
                               run.value.value_or(""), run.state.current(), run.state.started(), run.state.last_changed()});
  }
  return whole;
}

class LocalDoor final : public worker::EngineDoor {
 public:
  explicit LocalDoor(scheduler::Engine& engine) : engine_(engine) {}

  Result<std::vector<FlowCount>> Count(const worker::ExecutionFilter& filter) override {
    ASSIGN_OR_RETURN(std::vector<store::FlowCount> found, engine_.CountExecutions(QueryOf(filter)));
    std::vector<FlowCount> counts;
    for (store::FlowCount& count : found) counts.push_back({std::move(count.ns), std::move(count.flow_id), count.count});
    return counts;
  }

  Result<Page> List(const worker::ExecutionFilter& filter, std::size_t most, const std::string& page) override {
    store::ExecutionQuery query = QueryOf(filter);
    query.limit = most;
    query.page_token = page;
    ASSIGN_OR_RETURN(scheduler::ExecutionList list, engine_.ListExecutions(query));
    Page found{.next = std::move(list.next_page_token)};
    for (const model::Execution& execution : list.executions) found.executions.push_back(SeenOf(execution));
    return found;
  }

  Result<worker::SeenExecution> Find(const ExecutionId& id) override {
    ASSIGN_OR_RETURN(const model::Execution execution, engine_.GetExecutionHead(id));
    return SeenOf(execution);
  }

  Result<worker::SeenWhole> FindWhole(const ExecutionId& id) override {
    ASSIGN_OR_RETURN(const scheduler::ExecutionView view, engine_.GetExecution(id));
    return WholeOf(view);
  }

  Status Resume(const ExecutionId& id, const Object& inputs) override {
    const auto promise = std::make_shared<std::promise<Status>>();
    std::future<Status> answer = promise->get_future();
    engine_.Resume(id, {.inputs = inputs}, [promise](Status status) { promise->set_value(std::move(status)); });
    if (answer.wait_for(kPatience) != std::future_status::ready) {
      return Fail(Code::kDeadlineExceeded, "the scheduler did not answer within 30 s");
    }
    return answer.get();
  }

  Result<model::ShareReply> Share(const model::ShareRequest& request) override {
    const auto promise = std::make_shared<std::promise<Result<model::ShareReply>>>();
    std::future<Result<model::ShareReply>> answer = promise->get_future();
    engine_.Share(request, [promise](Result<model::ShareReply> reply) { promise->set_value(std::move(reply)); });
    if (answer.wait_for(kPatience) != std::future_status::ready) {
      return Fail(Code::kDeadlineExceeded, "the scheduler did not answer within 30 s");
    }
    return answer.get();
  }

  Status SetTriggerEnabled(const std::string& ns, const std::string& flow_id, const std::string& trigger, bool enabled) override {
    return engine_.triggers().SetDisabled({ns, flow_id, trigger}, !enabled);
  }

  Status ReadLogs(const LogFilter& filter, const std::function<Status(const worker::SeenLog&)>& line) override {
    ASSIGN_OR_RETURN(const scheduler::ExecutionView view, engine_.GetExecution(filter.execution));
    // What was logged before is with the log store then.
    RETURN_IF_ERROR(engine_.Settle());
    store::LogQuery query{.execution = filter.execution, .task_id = filter.task_id, .level_min = filter.level_min, .limit = kLines};
    while (true) {
      ASSIGN_OR_RETURN(const store::LogPage page, engine_.ReadLogs(query));
      if (page.rows.empty()) return {};
      for (const store::LogRow& row : page.rows) {
        worker::SeenLog seen{row.at, row.level, row.message, row.task_id, {}, row.attempt};
        const auto& runs = view.execution.task_runs;
        if (row.task_run && *row.task_run < runs.size()) seen.task_run_id = runs[*row.task_run].id.str();
        RETURN_IF_ERROR(line(seen));
      }
      query.after = page.offsets.back();
    }
  }

  Result<Purged> PurgeExecutions(const std::vector<ExecutionId>& ids) override {
    ASSIGN_OR_RETURN(const scheduler::PurgeReply purged, engine_.PurgeExecutions(ids, false));
    return Purged{purged.executions, purged.logs};
  }

  Result<std::uint64_t> PurgeLogs(const LogPurge& purge) override {
    return engine_.PurgeLogs({purge.executions, purge.levels, purge.from, purge.before});
  }

 private:
  scheduler::Engine& engine_;
};

}  // namespace

std::unique_ptr<worker::EngineDoor> MakeLocalDoor(scheduler::Engine& engine) { return std::make_unique<LocalDoor>(engine); }

}  // namespace headrace::cli
