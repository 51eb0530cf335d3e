// The commands that speak to a server, and the offline ones about flows.
// Laws: Register adds the verbs; when one is chosen it leaves what to do in context.action (cli/context.h).
// Threads: main's.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "cli/context.h"
#include "common/base/time.h"

namespace CLI {
class App;
}
namespace grpc {
class Channel;
}

namespace headrace::cli {

// Follows an execution until it ends, and returns the exit code of how it did: cli/watch's live tree, given by main.
struct FollowRequest {
  std::shared_ptr<grpc::Channel> channel;
  std::string execution_id;
  bool silent = false;                // --wait: show nothing
  std::optional<Duration> timeout{};  // then kExitTimeout, and the run goes on
};
using Follow = std::function<int(Context&, const FollowRequest&)>;

// flow validate|apply|list|get|graph|render|docs|schema
void RegisterFlow(CLI::App& app, Context& context);
// exec start|list|get|watch|logs|kill|restart|purge …
void RegisterExec(CLI::App& app, Context& context, Follow follow);
// trigger list|get|next|enable|disable|unlock, backfill create|list|pause|resume|cancel
void RegisterTrigger(CLI::App& app, Context& context);
// worker-pool list|drain
void RegisterWorkerPool(CLI::App& app, Context& context);
// list, below the verb scheduler
void RegisterSchedulerList(CLI::App& scheduler, Context& context);

}  // namespace headrace::cli
