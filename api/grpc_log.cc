#include "api/grpc_log.h"

#include <grpc/support/log.h>

#include "common/base/log.h"

namespace headrace::api {

void RouteGrpcLog() {
  gpr_set_log_function([](gpr_log_func_args* line) {
    const auto level = line->severity == GPR_LOG_SEVERITY_ERROR ? spdlog::level::debug : spdlog::level::trace;
    spdlog::log(level, "grpc: {}", line->message);
  });
}

}  // namespace headrace::api
