#include <utility>

#include "api/caller_engine.h"
#include "api/execution_requests.h"
#include "api/services.h"
#include "api/translate.h"
#include "api/unary.h"
#include "common/base/clock.h"
#include "headrace/api/v1/trigger_service.grpc.pb.h"

namespace headrace::api {
namespace {

constexpr int kDatesDefault = 5;
constexpr int kDatesMax = 1000;

Result<model::TriggerName> NameOf(const v1::TriggerName& name) {
  if (name.namespace_().empty() || name.flow_id().empty() || name.trigger_id().empty()) {
    return InvalidArgument("name: needs namespace, flow_id and trigger_id");
  }
  return model::TriggerName{name.namespace_(), name.flow_id(), name.trigger_id()};
}

void BackfillToProto(const model::Backfill& backfill, v1::Backfill* out) {
  ToProto(backfill.start, out->mutable_start());
  ToProto(backfill.end, out->mutable_end());
  ToProto(backfill.current, out->mutable_current());
  out->set_paused(backfill.paused);
  if (!backfill.inputs.empty()) out->set_inputs_json(MendUtf8(json::serialize(backfill.inputs)));
  for (const auto& [key, value] : backfill.labels) {
    v1::Label* label = out->add_labels();
    label->set_key(MendUtf8(key));
    label->set_value(MendUtf8(value));
  }
}

void TriggerToProto(const model::Trigger& trigger, v1::Trigger* out) {
  out->mutable_name()->set_namespace_(MendUtf8(trigger.name.ns));
  out->mutable_name()->set_flow_id(MendUtf8(trigger.name.flow_id));
  out->mutable_name()->set_trigger_id(MendUtf8(trigger.name.id));
  out->set_type(MendUtf8(trigger.type));
  out->set_flow_revision(trigger.revision);
  out->set_disabled(trigger.disabled);
  out->set_disabled_by_flow(trigger.off);
  out->set_cron(MendUtf8(trigger.cron));
  out->set_timezone(MendUtf8(trigger.zone));
  if (trigger.next) ToProto(*trigger.next, out->mutable_next());
  if (trigger.last) ToProto(*trigger.last, out->mutable_last());
  if (trigger.execution) out->set_execution_id(trigger.execution->str());
  if (trigger.locked_since) ToProto(*trigger.locked_since, out->mutable_locked_since());
  if (trigger.backfill) BackfillToProto(*trigger.backfill, out->mutable_backfill());
  if (trigger.interval > Duration(0)) {
    out->mutable_interval()->set_seconds(trigger.interval.count() / 1'000'000);
    out->mutable_interval()->set_nanos(static_cast<std::int32_t>(trigger.interval.count() % 1'000'000) * 1000);
  }
  out->set_problem(MendUtf8(trigger.problem));
}

Result<model::Backfill> BackfillOf(const v1::Backfill& given) {
  if (!given.has_start()) return InvalidArgument("backfill.start: a backfill needs a date to begin from");
  model::Backfill backfill;
  backfill.start = FromProto(given.start());
  backfill.end = given.has_end() ? FromProto(given.end()) : SystemClock().Now();
  if (!given.inputs_json().empty()) {
    auto inputs = ParseJson(given.inputs_json());
    if (!inputs || !inputs->is_object()) return InvalidArgument("backfill.inputs_json: must be a JSON object");
    backfill.inputs = std::move(inputs->get_object());
  }
  ASSIGN_OR_RETURN(backfill.labels, LabelsOf(given.labels()));
  return backfill;
}

Result<v1::ListTriggersResponse> List(scheduler::TriggerDoor& door, const std::string& ns, const std::string& flow_id,
                                      bool with_backfill_only) {
  ASSIGN_OR_RETURN(const std::vector<model::Trigger> triggers, door.List(ns, flow_id));
  v1::ListTriggersResponse response;
  for (const model::Trigger& trigger : triggers) {
    if (trigger.backfill || !with_backfill_only) TriggerToProto(trigger, response.add_triggers());
  }
  return response;
}

class TriggerService final : public v1::TriggerService::CallbackService {
 public:
  explicit TriggerService(Serving& serving) : serving_(serving) {}

  grpc::ServerUnaryReactor* ListTriggers(grpc::CallbackServerContext* context, const v1::ListTriggersRequest* request,
                                         v1::ListTriggersResponse* response) override {
    return AnswerOnPool(serving_, context, response,
                        [engine = EngineFor(serving_, *context), ns = request->namespace_prefix(), flow_id = request->flow_id(),
                         backfills = request->with_backfill_only()] { return List(engine->triggers(), ns, flow_id, backfills); });
  }

  grpc::ServerUnaryReactor* GetTrigger(grpc::CallbackServerContext* context, const v1::GetTriggerRequest* request,
                                       v1::GetTriggerResponse* response) override {
    return Answer(context, request->name(), response,
                  [](scheduler::TriggerDoor& door, const model::TriggerName& name) -> Result<v1::GetTriggerResponse> {
                    ASSIGN_OR_RETURN(const model::Trigger trigger, door.Get(name));
                    v1::GetTriggerResponse answer;
                    TriggerToProto(trigger, answer.mutable_trigger());
                    return answer;
                  });
  }

  grpc::ServerUnaryReactor* SetTriggerDisabled(grpc::CallbackServerContext* context,
                                               const v1::SetTriggerDisabledRequest* request,
                                               v1::SetTriggerDisabledResponse* response) override {
    return Do(context, request->name(), response,
              [disabled = request->disabled()](scheduler::TriggerDoor& door, const model::TriggerName& name) {
                return door.SetDisabled(name, disabled);
              });
  }

  grpc::ServerUnaryReactor* UnlockTrigger(grpc::CallbackServerContext* context, const v1::UnlockTriggerRequest* request,
                                          v1::UnlockTriggerResponse* response) override {
    return Do(context, request->name(), response,
              [](scheduler::TriggerDoor& door, const model::TriggerName& name) { return door.Unlock(name); });
  }

  grpc::ServerUnaryReactor* ListTriggerDates(grpc::CallbackServerContext* context, const v1::ListTriggerDatesRequest* request,
                                             v1::ListTriggerDatesResponse* response) override {
    return Answer(context, request->name(), response,
                  [count = request->count()](scheduler::TriggerDoor& door, const model::TriggerName& name)
                      -> Result<v1::ListTriggerDatesResponse> {
                    if (count < 0 || count > kDatesMax) return InvalidArgument("count: must be from 0 to 1000");
                    ASSIGN_OR_RETURN(const auto dates,
                                     door.NextDates(name, static_cast<std::size_t>(count == 0 ? kDatesDefault : count)));
                    v1::ListTriggerDatesResponse answer;
                    for (const Timestamp date : dates) ToProto(date, answer.add_dates());
                    return answer;
                  });
  }

  grpc::ServerUnaryReactor* CreateBackfill(grpc::CallbackServerContext* context, const v1::CreateBackfillRequest* request,
                                           v1::CreateBackfillResponse* response) override {
    auto backfill = BackfillOf(request->backfill());
    if (!backfill) return Refuse(serving_, context, response, std::move(backfill.error()));
    return Do(context, request->name(), response,
              [backfill = std::move(*backfill)](scheduler::TriggerDoor& door, const model::TriggerName& name) {
                return door.StartBackfill(name, backfill);
              });
  }

  grpc::ServerUnaryReactor* PauseBackfill(grpc::CallbackServerContext* context, const v1::PauseBackfillRequest* request,
                                          v1::PauseBackfillResponse* response) override {
    return Do(context, request->name(), response,
              [paused = request->paused()](scheduler::TriggerDoor& door, const model::TriggerName& name) {
                return door.PauseBackfill(name, paused);
              });
  }

  grpc::ServerUnaryReactor* CancelBackfill(grpc::CallbackServerContext* context, const v1::CancelBackfillRequest* request,
                                           v1::CancelBackfillResponse* response) override {
    return Do(context, request->name(), response,
              [](scheduler::TriggerDoor& door, const model::TriggerName& name) { return door.CancelBackfill(name); });
  }

 private:
  template <typename Response, typename Work>
  grpc::ServerUnaryReactor* Answer(grpc::CallbackServerContext* context, const v1::TriggerName& given, Response* response,
                                   Work work) {
    auto name = NameOf(given);
    if (!name) return Refuse(serving_, context, response, std::move(name.error()));
    return AnswerOnPool(serving_, context, response,
                        [engine = EngineFor(serving_, *context), name = std::move(*name), work = std::move(work)] {
                          return work(engine->triggers(), name);
                        });
  }

  template <typename Response, typename Work>
  grpc::ServerUnaryReactor* Do(grpc::CallbackServerContext* context, const v1::TriggerName& given, Response* response,
                               Work work) {
    return Answer(context, given, response,
                  [work = std::move(work)](scheduler::TriggerDoor& door, const model::TriggerName& name) -> Result<Response> {
                    RETURN_IF_ERROR(work(door, name));
                    return Response();
                  });
  }

  Serving& serving_;
};

}  // namespace

std::unique_ptr<grpc::Service> MakeTriggerService(Serving& serving) { return std::make_unique<TriggerService>(serving); }

}  // namespace headrace::api
