#include "cli/client/trigger_client.h"

#include <grpcpp/channel.h>

#include <utility>

#include "cli/client/call.h"
#include "headrace/api/v1/trigger_service.grpc.pb.h"

namespace headrace::cli {

using Stub = v1::TriggerService::Stub;

struct TriggerClient::Stubs {
  std::unique_ptr<Stub> triggers;
};

TriggerClient::TriggerClient(std::shared_ptr<const Connection> connection)
    : connection_(std::move(connection)),
      stubs_(std::make_unique<Stubs>(Stubs{v1::TriggerService::NewStub(connection_->channel())})) {}
TriggerClient::~TriggerClient() = default;

Result<v1::ListTriggersResponse> TriggerClient::List(const v1::ListTriggersRequest& request) {
  return CallUnary(*connection_, *stubs_->triggers, &Stub::ListTriggers, request);
}

Result<v1::Trigger> TriggerClient::Get(const v1::TriggerName& name) {
  v1::GetTriggerRequest request;
  *request.mutable_name() = name;
  ASSIGN_OR_RETURN(v1::GetTriggerResponse response, CallUnary(*connection_, *stubs_->triggers, &Stub::GetTrigger, request));
  return std::move(*response.mutable_trigger());
}

Status TriggerClient::SetDisabled(const v1::TriggerName& name, bool disabled) {
  v1::SetTriggerDisabledRequest request;
  *request.mutable_name() = name;
  request.set_disabled(disabled);
  RETURN_IF_ERROR(CallUnary(*connection_, *stubs_->triggers, &Stub::SetTriggerDisabled, request));
  return {};
}

Status TriggerClient::Unlock(const v1::TriggerName& name) {
  v1::UnlockTriggerRequest request;
  *request.mutable_name() = name;
  RETURN_IF_ERROR(CallUnary(*connection_, *stubs_->triggers, &Stub::UnlockTrigger, request));
  return {};
}

Result<v1::ListTriggerDatesResponse> TriggerClient::Dates(const v1::TriggerName& name, int count) {
  v1::ListTriggerDatesRequest request;
  *request.mutable_name() = name;
  request.set_count(count);
  return CallUnary(*connection_, *stubs_->triggers, &Stub::ListTriggerDates, request);
}

Status TriggerClient::CreateBackfill(const v1::CreateBackfillRequest& request) {
  RETURN_IF_ERROR(CallUnary(*connection_, *stubs_->triggers, &Stub::CreateBackfill, request));
  return {};
}

Status TriggerClient::PauseBackfill(const v1::TriggerName& name, bool paused) {
  v1::PauseBackfillRequest request;
  *request.mutable_name() = name;
  request.set_paused(paused);
  RETURN_IF_ERROR(CallUnary(*connection_, *stubs_->triggers, &Stub::PauseBackfill, request));
  return {};
}

Status TriggerClient::CancelBackfill(const v1::TriggerName& name) {
  v1::CancelBackfillRequest request;
  *request.mutable_name() = name;
  RETURN_IF_ERROR(CallUnary(*connection_, *stubs_->triggers, &Stub::CancelBackfill, request));
  return {};
}

}  // namespace headrace::cli
