#include <chrono>
#include <utility>

#include "api/services.h"
#include "api/unary.h"
#include "headrace/api/v1/system_service.grpc.pb.h"

namespace headrace::api {
namespace {

class SystemService final : public v1::SystemService::CallbackService {
 public:
  explicit SystemService(Serving& serving) : serving_(serving), started_(std::chrono::steady_clock::now()) {}

  grpc::ServerUnaryReactor* GetServerInfo(grpc::CallbackServerContext* context, const v1::GetServerInfoRequest*,
                                          v1::GetServerInfoResponse* response) override {
    v1::GetServerInfoResponse info;
    info.set_version(serving_.version);
    info.set_worker_endpoint(serving_.engine.worker_endpoint());
    const auto uptime = std::chrono::steady_clock::now() - started_;
    info.mutable_uptime()->set_seconds(std::chrono::duration_cast<std::chrono::seconds>(uptime).count());
    const Unary<v1::GetServerInfoResponse> unary(serving_, context, response);
    unary.Reply(std::move(info));
    return unary.reactor();
  }

 private:
  Serving& serving_;
  const std::chrono::steady_clock::time_point started_;
};

}  // namespace

std::unique_ptr<grpc::Service> MakeSystemService(Serving& serving) { return std::make_unique<SystemService>(serving); }

}  // namespace headrace::api
