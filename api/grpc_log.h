// gRPC's own log lines go to ours at debug level: what matters to people comes back as an Error.
// Threads: call before the first use of gRPC in the process; once is enough.
#pragma once

namespace headrace::api {

void RouteGrpcLog();

}  // namespace headrace::api
