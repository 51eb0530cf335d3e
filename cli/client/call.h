// One unary call as a Result. For the .cc files of this folder only: it needs grpc's headers.
#pragma once

#include <grpcpp/client_context.h>

#include <memory>

#include "cli/client/connection.h"
#include "common/trace/trace_context.h"

namespace headrace::cli {

template <typename Stub, typename Request, typename Response>
Result<Response> CallUnary(const Connection& connection, Stub& stub,
                           grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*),
                           const Request& request, std::chrono::milliseconds timeout = kCallTimeout,
                           const std::string& trace_parent = {}) {
  grpc::ClientContext context;
  Connection::Prepare(context, timeout);
  if (trace::ParseTraceParent(trace_parent)) context.AddMetadata("traceparent", trace_parent);
  Response response;
  const grpc::Status status = (stub.*method)(&context, request, &response);
  if (!status.ok()) return tl::unexpected<Error>(connection.ToError(status));
  return response;
}

}  // namespace headrace::cli
