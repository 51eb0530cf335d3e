// Errors as gRPC statuses with google.rpc details, and back.
// Shapes: ErrorInfo {reason, domain "headrace", metadata.violations = how many}; BadRequest with field paths, and our
//   SourceLocations one for one beside it; RetryInfo for RESOURCE_EXHAUSTED and UNAVAILABLE.
// Units: details are cut to 5 KiB and messages to 1 KiB, as clients refuse trailers over 8 KiB.
// Threads: pure.
#pragma once

#include <string>

#include "common/base/error.h"

namespace google::rpc {
class Status;
}
namespace grpc {
class Status;
}

namespace headrace::api {

inline constexpr char kErrorDomain[] = "headrace";

// FLOW_INVALID for errors with places in a source, INPUTS_INVALID for errors of inputs, else the code's name.
std::string ReasonOf(const Error& error);

void ToRpcStatus(const Error& error, google::rpc::Status* out);
grpc::Status ToGrpcStatus(const Error& error);
// REQUIRES: `status` is not OK. A status of another server, without our details, keeps its code and message.
Error FromRpcStatus(const google::rpc::Status& status);
Error FromGrpcStatus(const grpc::Status& status);

}  // namespace headrace::api
