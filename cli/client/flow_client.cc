#include "cli/client/flow_client.h"

#include <grpcpp/channel.h>

#include <utility>

#include "cli/client/call.h"
#include "headrace/api/v1/flow_service.grpc.pb.h"

namespace headrace::cli {

constexpr int kPage = 1000;

struct FlowClient::Stubs {
  std::unique_ptr<v1::FlowService::Stub> flows;
};

FlowClient::FlowClient(std::shared_ptr<const Connection> connection)
    : connection_(std::move(connection)),
      stubs_(std::make_unique<Stubs>(Stubs{v1::FlowService::NewStub(connection_->channel())})) {}
FlowClient::~FlowClient() = default;

Result<v1::ValidateFlowResponse> FlowClient::Validate(const std::string& source, const std::string& file) {
  v1::ValidateFlowRequest request;
  request.set_source(source);
  request.set_file(file);
  return CallUnary(*connection_, *stubs_->flows, &v1::FlowService::Stub::ValidateFlow, request);
}

Result<v1::ApplyFlowResponse> FlowClient::Apply(const std::string& source, const std::string& file) {
  v1::ApplyFlowRequest request;
  request.set_source(source);
  request.set_file(file);
  return CallUnary(*connection_, *stubs_->flows, &v1::FlowService::Stub::ApplyFlow, request);
}

Result<v1::Flow> FlowClient::Get(const std::string& ns, const std::string& id, int revision) {
  v1::GetFlowRequest request;
  request.set_namespace_(ns);
  request.set_id(id);
  request.set_revision(revision);
  ASSIGN_OR_RETURN(v1::GetFlowResponse response,
                   CallUnary(*connection_, *stubs_->flows, &v1::FlowService::Stub::GetFlow, request));
  return std::move(*response.mutable_flow());
}

Result<std::vector<v1::Flow>> FlowClient::List(const std::string& ns_prefix) {
  std::vector<v1::Flow> flows;
  v1::ListFlowsRequest request;
  request.set_namespace_prefix(ns_prefix);
  request.set_page_size(kPage);
  do {
    ASSIGN_OR_RETURN(v1::ListFlowsResponse response,
                     CallUnary(*connection_, *stubs_->flows, &v1::FlowService::Stub::ListFlows, request));
    for (v1::Flow& flow : *response.mutable_flows()) flows.push_back(std::move(flow));
    request.set_page_token(response.next_page_token());
  } while (!request.page_token().empty());
  return flows;
}

Result<std::vector<v1::Flow>> FlowClient::Revisions(const std::string& ns, const std::string& id) {
  v1::ListFlowRevisionsRequest request;
  request.set_namespace_(ns);
  request.set_id(id);
  ASSIGN_OR_RETURN(v1::ListFlowRevisionsResponse response,
                   CallUnary(*connection_, *stubs_->flows, &v1::FlowService::Stub::ListFlowRevisions, request));
  return std::vector<v1::Flow>(response.revisions().begin(), response.revisions().end());
}

}  // namespace headrace::cli
