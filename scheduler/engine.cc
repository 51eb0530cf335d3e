#include "scheduler/engine.h"

#include <utility>

#include "scheduler/cluster_engine.h"
#include "scheduler/local_engine.h"

namespace headrace::scheduler {

Result<std::unique_ptr<Engine>> Engine::Start(EngineOptions options) {
  if (options.cluster) return StartClusterEngine(std::move(options));
  auto engine = std::make_unique<LocalEngine>(std::move(options));
  RETURN_IF_ERROR(engine->Begin());
  return std::unique_ptr<Engine>(std::move(engine));
}

}  // namespace headrace::scheduler
