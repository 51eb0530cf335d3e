#include <algorithm>
#include <utility>

#include "api/caller_engine.h"
#include "api/services.h"
#include "api/translate.h"
#include "api/unary.h"
#include "headrace/api/v1/worker_service.grpc.pb.h"

namespace headrace::api {
namespace {

constexpr std::int64_t kMicrosPerSecond = 1'000'000;
constexpr std::int64_t kSecondsMax = 1'000'000'000;

void WorkerToProto(const scheduler::WorkerView& worker, v1::Worker* out) {
  out->set_id(MendUtf8(worker.id.str()));
  out->set_group(MendUtf8(worker.group));
  out->set_host(MendUtf8(worker.host));
  out->set_build(MendUtf8(worker.build));
  out->set_pid(worker.pid);
  out->set_capacity(worker.capacity);
  out->set_running(worker.running);
  out->set_draining(worker.draining);
  const std::int64_t micros = worker.since_heartbeat.count();
  out->mutable_since_heartbeat()->set_seconds(micros / kMicrosPerSecond);
  out->mutable_since_heartbeat()->set_nanos(static_cast<std::int32_t>(micros % kMicrosPerSecond * 1000));
  for (const auto& [key, value] : worker.tags) (*out->mutable_tags())[MendUtf8(key)] = MendUtf8(value);
}

Result<v1::ListWorkersResponse> List(scheduler::Engine& engine) {
  ASSIGN_OR_RETURN(const std::vector<scheduler::WorkerView> workers, engine.ListWorkers());
  v1::ListWorkersResponse response;
  for (const scheduler::WorkerView& worker : workers) WorkerToProto(worker, response.add_workers());
  return response;
}

Duration ToDuration(const google::protobuf::Duration& from) {
  // What is too long for the scheduler is so after the cut, too.
  const std::int64_t seconds = std::clamp<std::int64_t>(from.seconds(), -kSecondsMax, kSecondsMax);
  return Duration(seconds * kMicrosPerSecond + from.nanos() / 1000);
}

model::ShareRequest ToModel(const v1::ShareRequest& from) {
  model::ShareRequest to;
  to.read.assign(from.read().begin(), from.read().end());
  for (const v1::SharedPut& put : from.put()) {
    model::SharedPut& out = to.put.emplace_back();
    out.key = put.key();
    if (put.has_if_version()) out.if_version = put.if_version();
    out.value = put.value();
    out.keep = ToDuration(put.keep());
  }
  for (const v1::SharedNews& news : from.news()) to.news.push_back({news.topic(), {news.keys().begin(), news.keys().end()}});
  return to;
}

v1::ShareResponse ToProto(model::ShareReply from) {
  v1::ShareResponse to;
  to.set_applied(from.applied);
  for (model::SharedRecord& record : from.records) {
    v1::SharedRecord& out = *to.add_records();
    out.set_key(std::move(record.key));
    out.set_version(record.version);
    out.set_value(std::move(record.value));
  }
  return to;
}

class WorkerService final : public v1::WorkerService::CallbackService {
 public:
  explicit WorkerService(Serving& serving) : serving_(serving) {}

  grpc::ServerUnaryReactor* ListWorkers(grpc::CallbackServerContext* context, const v1::ListWorkersRequest*,
                                        v1::ListWorkersResponse* response) override {
    return AnswerOnPool(serving_, context, response, [engine = EngineFor(serving_, *context)] { return List(*engine); });
  }

  grpc::ServerUnaryReactor* DrainWorker(grpc::CallbackServerContext* context, const v1::DrainWorkerRequest* request,
                                        v1::DrainWorkerResponse* response) override {
    return AnswerOnPool(serving_, context, response,
                        [engine = EngineFor(serving_, *context), id = WorkerId(request->id())]() -> Result<v1::DrainWorkerResponse> {
                          RETURN_IF_ERROR(engine->DrainWorker(id));
                          return v1::DrainWorkerResponse();
                        });
  }

  grpc::ServerUnaryReactor* Share(grpc::CallbackServerContext* context, const v1::ShareRequest* request,
                                  v1::ShareResponse* response) override {
    const Unary<v1::ShareResponse> unary(serving_, context, response);
    EngineFor(serving_, *context)->Share(ToModel(*request), [unary](Result<model::ShareReply> reply) {
      if (reply) unary.Reply(ToProto(std::move(*reply)));
      else unary.Reply(Fail(std::move(reply.error())));
    });
    return unary.reactor();
  }

 private:
  Serving& serving_;
};

}  // namespace

std::unique_ptr<grpc::Service> MakeWorkerService(Serving& serving) { return std::make_unique<WorkerService>(serving); }

}  // namespace headrace::api
