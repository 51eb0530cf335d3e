// Answering unary calls: the work makes its own response, which is handed to gRPC only by the one who claimed the call,
// so that work that ends late touches nothing that is gone.
// Threads: work runs on the pool; Reply from any thread.
#pragma once

#include <grpcpp/server_context.h>
#include <grpcpp/support/server_callback.h>

#include <memory>
#include <utility>

#include "api/serving.h"
#include "api/status.h"

namespace headrace::api {

template <typename Response>
class Unary {
 public:
  Unary(Serving& serving, grpc::CallbackServerContext* context, Response* response)
      : reactor_(context->DefaultReactor()), response_(response) {
    call_ = serving.calls.Begin([reactor = reactor_](const Error& error) { reactor->Finish(ToGrpcStatus(error)); });
  }

  grpc::ServerUnaryReactor* reactor() const { return reactor_; }
  void Reply(Result<Response> result) const {
    if (!result) return call_->Fail(result.error());
    if (!call_->Claim()) return;
    *response_ = std::move(*result);
    reactor_->Finish(grpc::Status::OK);
  }

 private:
  grpc::ServerUnaryReactor* reactor_;
  Response* response_;
  std::shared_ptr<Call> call_;
};

// Runs `work` (a Result<Response>()) on the pool. It must own what it needs: the request is gone by then.
template <typename Response, typename Work>
grpc::ServerUnaryReactor* AnswerOnPool(Serving& serving, grpc::CallbackServerContext* context, Response* response,
                                       Work work) {
  Unary<Response> unary(serving, context, response);
  const bool posted = serving.pool.Post([unary, work = std::move(work)]() mutable { unary.Reply(work()); });
  if (!posted) unary.Reply(Fail(Code::kResourceExhausted, "the server has too many requests waiting; try again"));
  return unary.reactor();
}

template <typename Response>
grpc::ServerUnaryReactor* Refuse(Serving& serving, grpc::CallbackServerContext* context, Response* response,
                                 Error error) {
  Unary<Response> unary(serving, context, response);
  unary.Reply(tl::unexpected<Error>(std::move(error)));
  return unary.reactor();
}

}  // namespace headrace::api
