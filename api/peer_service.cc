#include <utility>

#include "api/peer_reply.h"
#include "api/services.h"
#include "api/unary.h"

namespace headrace::api {
namespace {

class PeerService final : public wire::v1::PeerService::CallbackService {
 public:
  explicit PeerService(Serving& serving) : serving_(serving) {}

  grpc::ServerUnaryReactor* Call(grpc::CallbackServerContext* context, const wire::v1::PeerRequest* request,
                                 wire::v1::PeerReply* response) override {
    const Unary<wire::v1::PeerReply> unary(serving_, context, response);
    const bool posted = serving_.pool.Post([unary, &engine = serving_.engine, body = request->body()]() mutable {
      engine.OnPeerCall(std::move(body), [unary](Result<std::string> result) { unary.Reply(ToReply(std::move(result))); });
    });
    if (!posted) unary.Reply(Fail(Code::kResourceExhausted, "it has too many calls of other schedulers waiting"));
    return unary.reactor();
  }

 private:
  Serving& serving_;
};

}  // namespace

std::unique_ptr<grpc::Service> MakePeerService(Serving& serving) { return std::make_unique<PeerService>(serving); }

}  // namespace headrace::api
