#include "cli/commands/follow.h"

#include "cli/commands/outcome.h"
#include "cli/output/json.h"
#include "cli/watch/watch.h"

namespace headrace::cli {

int FollowExecution(Context& context, const FollowRequest& request) {
  constexpr Duration kPatience = std::chrono::seconds(60);
  const SystemClock clock;
  Result<Signals> signals = Signals::Catch();
  if (!signals) return PrintError(context, signals.error());
  const auto feed = MakeGrpcFeed(request.channel, kPatience);
  const std::string resume = context.program + " exec watch " + request.execution_id + " --server " + context.server;
  const WatchOutcome outcome = WatchExecution(
      context, *feed, *signals, request.execution_id,
      {.clock = &clock, .silent = request.silent, .timeout = request.timeout, .resume = resume});
  if (!request.silent || WantsData(context)) PrintOutcome(context, outcome.model, clock.Now());
  return outcome.exit_code;
}

}  // namespace headrace::cli
