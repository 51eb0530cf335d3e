#include "api/grpc_meter.h"

#include <grpcpp/server_builder.h>
#include <grpcpp/support/server_interceptor.h>

#include <memory>
#include <utility>
#include <vector>

#include "api/access.h"
#include "common/base/error.h"

namespace headrace::api {
namespace {

namespace experimental = grpc::experimental;

class Meter final : public experimental::Interceptor {
 public:
  Meter(std::string method, std::shared_ptr<const CallTold> told) : method_(std::move(method)), told_(std::move(told)) {}

  void Intercept(experimental::InterceptorBatchMethods* methods) override {
    if (methods->QueryInterceptionHookPoint(experimental::InterceptionHookPoints::PRE_SEND_STATUS)) {
      (*told_)(method_, CountedCode(methods->GetSendStatus().error_code()));
    }
    methods->Proceed();
  }

 private:
  const std::string method_;
  const std::shared_ptr<const CallTold> told_;
};

class MeterFactory final : public experimental::ServerInterceptorFactoryInterface {
 public:
  explicit MeterFactory(CallTold told) : told_(std::make_shared<const CallTold>(std::move(told))) {}
  experimental::Interceptor* CreateServerInterceptor(experimental::ServerRpcInfo* call) override {
    return new Meter(CountedMethod(call->method()), told_);
  }

 private:
  const std::shared_ptr<const CallTold> told_;
};

}  // namespace

std::string CountedMethod(std::string_view method) {
  if (!AccessOf(method)) return "other";
  // Of health and reflection a caller may name any method.
  return std::string(!method.starts_with("/grpc.") ? method.substr(1) : method.substr(1, method.find('/', 1) - 1));
}

std::string CountedCode(int code) {
  return std::string(CodeName(static_cast<Code>(code)));
}

void AddMeter(grpc::ServerBuilder& builder, CallTold told) {
  std::vector<std::unique_ptr<experimental::ServerInterceptorFactoryInterface>> factories;
  factories.push_back(std::make_unique<MeterFactory>(std::move(told)));
  builder.experimental().SetInterceptorCreators(std::move(factories));
}

}  // namespace headrace::api
