#include <chrono>
#include <utility>

#include "api/mend_utf8.h"
#include "api/caller_engine.h"
#include "api/services.h"
#include "api/unary.h"
#include "headrace/api/v1/system_service.grpc.pb.h"

namespace headrace::api {
namespace {

Result<v1::ListSchedulersResponse> List(scheduler::Engine& engine) {
  ASSIGN_OR_RETURN(const std::vector<scheduler::SchedulerView> schedulers, engine.ListSchedulers());
  v1::ListSchedulersResponse response;
  for (const scheduler::SchedulerView& from : schedulers) {
    v1::Scheduler& to = *response.add_schedulers();
    to.set_id(MendUtf8(from.id));
    to.set_api_address(MendUtf8(from.api_address));
    to.set_worker_endpoint(MendUtf8(from.worker_endpoint));
    to.set_build(MendUtf8(from.build));
    to.set_partitions(from.partitions);
    to.set_self(from.self);
  }
  return response;
}

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

  grpc::ServerUnaryReactor* ListSchedulers(grpc::CallbackServerContext* context, const v1::ListSchedulersRequest*,
                                           v1::ListSchedulersResponse* response) override {
    return AnswerOnPool(serving_, context, response, [engine = EngineFor(serving_, *context)] { return List(*engine); });
  }

 private:
  Serving& serving_;
  const std::chrono::steady_clock::time_point started_;
};

}  // namespace

std::unique_ptr<grpc::Service> MakeSystemService(Serving& serving) { return std::make_unique<SystemService>(serving); }

}  // namespace headrace::api
