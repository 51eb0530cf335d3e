#include "cli/client/system_client.h"

#include <grpcpp/channel.h>

#include <utility>

#include "cli/client/call.h"
#include "headrace/api/v1/system_service.grpc.pb.h"

namespace headrace::cli {

SystemClient::SystemClient(std::shared_ptr<const Connection> connection) : connection_(std::move(connection)) {}

Result<std::vector<v1::Scheduler>> SystemClient::ListSchedulers() {
  const auto stub = v1::SystemService::NewStub(connection_->channel());
  ASSIGN_OR_RETURN(const v1::ListSchedulersResponse response,
                   CallUnary(*connection_, *stub, &v1::SystemService::Stub::ListSchedulers, v1::ListSchedulersRequest()));
  return std::vector<v1::Scheduler>(response.schedulers().begin(), response.schedulers().end());
}

}  // namespace headrace::cli
