#include <algorithm>
#include <utility>

#include "api/caller_engine.h"
#include "api/page_token.h"
#include "api/services.h"
#include "api/translate.h"
#include "api/unary.h"
#include "headrace/api/v1/flow_service.grpc.pb.h"

namespace headrace::api {
namespace {

using Context = grpc::CallbackServerContext;
using Reactor = grpc::ServerUnaryReactor;

void RowToProto(const store::FlowRow& row, bool with_source, v1::Flow* out) {
  out->set_namespace_(row.ns);
  out->set_id(row.id);
  out->set_revision(row.revision);
  out->set_digest(row.digest);
  if (with_source) out->set_source(row.source);
  ToProto(row.created, out->mutable_created());
}

void ViewToProto(const scheduler::FlowView& view, v1::Flow* out) {
  ToProto(*view.flow, out);
  if (view.created != Timestamp{}) ToProto(view.created, out->mutable_created());
}

Result<v1::ValidateFlowResponse> Validate(scheduler::Engine& engine, const v1::ValidateFlowRequest& request) {
  v1::ValidateFlowResponse response;
  const Result<scheduler::FlowView> view = engine.ValidateFlow(request.source(), request.file());
  if (!view) {
    // What is wrong with a source is the answer here; anything else is a failure of the question.
    if (view.error().code != Code::kInvalidArgument && view.error().violations.empty()) return Fail(view.error());
    for (const Violation& violation : view.error().violations) ToProto(violation, response.add_errors());
    if (view.error().violations.empty()) response.add_errors()->set_message(MendUtf8(view.error().message));
    return response;
  }
  ViewToProto(*view, response.mutable_flow());
  for (const Violation& violation : view->warnings) ToProto(violation, response.add_warnings());
  return response;
}

Result<v1::ApplyFlowResponse> Apply(scheduler::Engine& engine, const v1::ApplyFlowRequest& request) {
  ASSIGN_OR_RETURN(const scheduler::FlowView view, engine.ApplyFlow(request.source(), request.file()));
  v1::ApplyFlowResponse response;
  ViewToProto(view, response.mutable_flow());
  response.set_changed(view.changed);
  for (const Violation& violation : view.warnings) ToProto(violation, response.add_warnings());
  return response;
}

Result<v1::GetFlowResponse> Get(scheduler::Engine& engine, const v1::GetFlowRequest& request) {
  ASSIGN_OR_RETURN(const scheduler::FlowView view,
                   engine.GetFlow(request.namespace_(), request.id(), request.revision()));
  v1::GetFlowResponse response;
  ViewToProto(view, response.mutable_flow());
  return response;
}

Result<v1::ListFlowsResponse> List(scheduler::Engine& engine, const v1::ListFlowsRequest& request) {
  const std::string filter = "flows\n" + request.namespace_prefix();
  ASSIGN_OR_RETURN(const int size, PageSize(request.page_size()));
  ASSIGN_OR_RETURN(const std::string after, ReadPageToken(filter, request.page_token()));
  ASSIGN_OR_RETURN(std::vector<store::FlowRow> rows, engine.ListFlows(request.namespace_prefix()));
  std::erase_if(rows, [](const store::FlowRow& row) { return row.deleted; });
  // Neither a namespace nor an id holds a slash, so this orders by both and names one flow.
  const auto key = [](const store::FlowRow& row) { return row.ns + "/" + row.id; };
  std::sort(rows.begin(), rows.end(), [&](const auto& a, const auto& b) { return key(a) < key(b); });
  v1::ListFlowsResponse response;
  std::string last;
  for (const store::FlowRow& row : rows) {
    if (key(row) <= after) continue;
    if (response.flows_size() == size) {
      response.set_next_page_token(MakePageToken(filter, last));
      break;
    }
    RowToProto(row, request.include_source(), response.add_flows());
    last = key(row);
  }
  return response;
}

Result<v1::ListFlowRevisionsResponse> Revisions(scheduler::Engine& engine,
                                                const v1::ListFlowRevisionsRequest& request) {
  ASSIGN_OR_RETURN(std::vector<store::FlowRow> rows, engine.ListRevisions(request.namespace_(), request.id()));
  std::sort(rows.begin(), rows.end(), [](const auto& a, const auto& b) { return a.revision > b.revision; });
  v1::ListFlowRevisionsResponse response;
  for (const store::FlowRow& row : rows) RowToProto(row, request.include_source(), response.add_revisions());
  return response;
}

class FlowService final : public v1::FlowService::CallbackService {
 public:
  explicit FlowService(Serving& serving) : serving_(serving) {}

  Reactor* ValidateFlow(Context* context, const v1::ValidateFlowRequest* request,
                        v1::ValidateFlowResponse* response) override {
    return Answer(context, *request, response, Validate);
  }
  Reactor* ApplyFlow(Context* context, const v1::ApplyFlowRequest* request,
                     v1::ApplyFlowResponse* response) override {
    return Answer(context, *request, response, Apply);
  }
  Reactor* GetFlow(Context* context, const v1::GetFlowRequest* request, v1::GetFlowResponse* response) override {
    return Answer(context, *request, response, Get);
  }
  Reactor* ListFlows(Context* context, const v1::ListFlowsRequest* request,
                     v1::ListFlowsResponse* response) override {
    return Answer(context, *request, response, List);
  }
  Reactor* ListFlowRevisions(Context* context, const v1::ListFlowRevisionsRequest* request,
                             v1::ListFlowRevisionsResponse* response) override {
    return Answer(context, *request, response, Revisions);
  }

 private:
  template <typename Request, typename Response>
  Reactor* Answer(Context* context, const Request& request, Response* response,
                  Result<Response> (*verb)(scheduler::Engine&, const Request&)) {
    return AnswerOnPool(serving_, context, response,
                        [engine = EngineFor(serving_, *context), verb, request] { return verb(*engine, request); });
  }

  Serving& serving_;
};

}  // namespace

std::unique_ptr<grpc::Service> MakeFlowService(Serving& serving) { return std::make_unique<FlowService>(serving); }

}  // namespace headrace::api
