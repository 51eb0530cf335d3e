// The services of headrace.api.v1, the one for other schedulers and KEDA's scaler, one class each, made behind their gRPC base so that no other
// file pays for the headers.
// Threads: gRPC's own; handlers translate, hand over to the pool or the engine, and return.
#pragma once

#include <memory>

#include "api/serving.h"

namespace grpc {
class Service;
}

namespace headrace::api {

namespace http {
class Authenticator;
}

// REQUIRES: `serving` outlives the service.
std::unique_ptr<grpc::Service> MakeFlowService(Serving& serving);
std::unique_ptr<grpc::Service> MakeExecutionService(Serving& serving);
std::unique_ptr<grpc::Service> MakeTriggerService(Serving& serving);
std::unique_ptr<grpc::Service> MakeWorkerService(Serving& serving);
std::unique_ptr<grpc::Service> MakeSystemService(Serving& serving);
std::unique_ptr<grpc::Service> MakePeerService(Serving& serving);
// `tokens`: asked by the service itself; null: everybody may.
std::unique_ptr<grpc::Service> MakeScalerService(Serving& serving, std::shared_ptr<const http::Authenticator> tokens);

}  // namespace headrace::api
