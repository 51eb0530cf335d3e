// Executions and workers of a server. Watching has its own room, cli/watch.
// Errors: as connection.h.
// Threads: shared.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "cli/client/connection.h"
#include "headrace/api/v1/execution_service.pb.h"
#include "headrace/api/v1/worker_service.pb.h"

namespace headrace::cli {

namespace v1 = api::v1;

class ExecClient {
 public:
  explicit ExecClient(std::shared_ptr<const Connection> connection);
  ~ExecClient();

  // Without a request id it gets a new one, so that a retry on the way starts nothing twice.
  Result<v1::SubmitExecutionResponse> Submit(v1::SubmitExecutionRequest request);
  // The whole, however large: read as a watch's first part.
  struct Whole {
    v1::Execution execution;
    v1::Flow flow;  // the revision it runs; empty when that cannot be read any more
  };
  Result<Whole> GetWhole(const std::string& id);
  Result<v1::Execution> Get(const std::string& id);
  // Without its task runs.
  Result<v1::Execution> GetHead(const std::string& id);
  Result<v1::ListExecutionsResponse> List(const v1::ListExecutionsRequest& request);
  Result<v1::CountExecutionsResponse> Count(const v1::CountExecutionsRequest& request);
  Result<v1::PurgeExecutionsResponse> Purge(const v1::PurgeExecutionsRequest& request);
  Result<v1::PurgeLogsResponse> PurgeLogs(const v1::PurgeLogsRequest& request);
  // Calls `line` for each entry until it returns false. While following, a server that went away is waited for, and
  // reading goes on behind the last line.
  Status FollowLogs(v1::FollowLogsRequest request, const std::function<bool(const v1::LogEntry&)>& line);
  Status Kill(const std::string& id, const std::string& reason);
  Status Restart(const std::string& id);
  Status Pause(const std::string& id);
  Status Resume(const v1::ResumeExecutionRequest& request);
  Result<v1::SubmitExecutionResponse> Replay(const v1::ReplayExecutionRequest& request);
  Status Mark(const v1::MarkTaskRunRequest& request);
  Status ChangeStatus(const v1::ChangeExecutionStatusRequest& request);
  Status SetLabels(const v1::SetExecutionLabelsRequest& request);
  Status Unqueue(const v1::UnqueueExecutionRequest& request);
  // "@latest" as the id of the newest execution; any other text is itself.
  Result<std::string> ResolveId(const std::string& id);

  Result<std::vector<v1::Worker>> ListWorkers();
  Status DrainWorker(const std::string& id);
  Result<v1::ShareResponse> Share(const v1::ShareRequest& request);

 private:
  struct Stubs;
  std::shared_ptr<const Connection> connection_;
  std::unique_ptr<Stubs> stubs_;
};

}  // namespace headrace::cli
