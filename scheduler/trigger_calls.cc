#include "scheduler/trigger_calls.h"

#include <algorithm>
#include <future>
#include <map>

#include "common/expr/base64.h"
#include "common/wire/trigger_record.h"
#include "scheduler/peer_calls.h"

namespace headrace::scheduler {
namespace {

// Longer than a call waits for somebody to drive its partition.
constexpr std::chrono::seconds kPatience(20);

using Done = std::function<void(Result<Value>)>;
using Work = Status (*)(TriggerRunner& runner, const Object& call, Timestamp now, Object& reply);

model::TriggerName NameOf(const Object& call) { return {peer::Text(call, "ns"), peer::Text(call, "flow"), peer::Text(call, "trigger")}; }

Object CallOf(const char* name, const model::TriggerName& trigger) {
  return {{"call", name}, {"ns", trigger.ns}, {"flow", trigger.flow_id}, {"trigger", trigger.id}};
}

std::string Pack(const model::Trigger& row) { return expr::ToBase64(wire::EncodeTrigger(row)); }

Result<model::Trigger> Unpack(const std::string& text) {
  const auto record = expr::FromBase64(text);
  if (!record) return Fail(Code::kDataLoss, "a scheduler answers a trigger that is no base64");
  return wire::DecodeTrigger(*record);
}

Status Get(TriggerRunner& runner, const Object& call, Timestamp, Object& reply) {
  RETURN_IF_ERROR(runner.book().Require(NameOf(call)));
  reply["row"] = Pack(*runner.book().Find(NameOf(call)));
  return {};
}

Status SetDisabled(TriggerRunner& runner, const Object& call, Timestamp now, Object&) {
  return runner.book().SetDisabled(NameOf(call), peer::Flag(call, "disabled"), now);
}

Status Unlock(TriggerRunner& runner, const Object& call, Timestamp now, Object&) { return runner.book().Unlock(NameOf(call), now); }

Status NextDates(TriggerRunner& runner, const Object& call, Timestamp now, Object& reply) {
  ASSIGN_OR_RETURN(const auto dates, runner.NextDates(NameOf(call), static_cast<std::size_t>(peer::Number(call, "count")), now));
  Array out;
  for (const Timestamp date : dates) out.push_back(ToMicros(date));
  reply["dates"] = std::move(out);
  return {};
}

Status StartBackfill(TriggerRunner& runner, const Object& call, Timestamp now, Object&) {
  model::Backfill backfill{.start = FromMicros(peer::Number(call, "start")), .end = FromMicros(peer::Number(call, "end")),
                           .current = FromMicros(peer::Number(call, "current")), .created = FromMicros(peer::Number(call, "created")),
                           .paused = peer::Flag(call, "paused"), .labels = peer::ToLabels(call, "labels")};
  if (const Value* inputs = call.if_contains("inputs"); inputs != nullptr && inputs->is_object()) backfill.inputs = inputs->get_object();
  return runner.book().StartBackfill(NameOf(call), backfill, now);
}

Status PauseBackfill(TriggerRunner& runner, const Object& call, Timestamp now, Object&) {
  return runner.book().PauseBackfill(NameOf(call), peer::Flag(call, "paused"), now);
}

Status CancelBackfill(TriggerRunner& runner, const Object& call, Timestamp now, Object&) {
  return runner.book().CancelBackfill(NameOf(call), now);
}

Status FireWebhook(TriggerRunner& runner, const Object& call, Timestamp now, Object& reply) {
  WebhookCall webhook{.ns = peer::Text(call, "ns"), .flow_id = peer::Text(call, "flow"), .key = peer::Text(call, "key"),
                      .method = peer::Text(call, "method")};
  if (const Value* headers = call.if_contains("headers"); headers != nullptr && headers->is_object()) webhook.headers = headers->get_object();
  if (const Value* parameters = call.if_contains("parameters"); parameters != nullptr && parameters->is_object()) {
    webhook.parameters = parameters->get_object();
  }
  if (const Value* body = call.if_contains("body")) webhook.body = *body;
  ASSIGN_OR_RETURN(const WebhookReply fired, runner.FireWebhook(webhook, now));
  reply = {{"id", fired.id.str()}, {"wait", fired.wait}, {"outputs", fired.return_outputs},
           {"type", fired.content_type}, {"code", fired.code}};
  return {};
}

const std::map<std::string, Work>& Works() {
  static const std::map<std::string, Work> kWorks{
      {"trigger.get", Get},           {"trigger.disable", SetDisabled},     {"trigger.unlock", Unlock},
      {"trigger.dates", NextDates},   {"trigger.backfill", StartBackfill},  {"trigger.pause", PauseBackfill},
      {"trigger.cancel", CancelBackfill}, {"trigger.webhook", FireWebhook}};
  return kWorks;
}

bool Below(const std::string& ns, const std::string& prefix) {
  return prefix.empty() || ns == prefix || (ns.starts_with(prefix) && ns[prefix.size()] == '.');
}

// Those of the partitions that are driven here.
Value RowsHere(Core& core, const Object& call, Moment now) {
  const std::string prefix = peer::Text(call, "ns");
  const std::string flow_id = peer::Text(call, "flow");
  Array rows;
  core.ForEachTriggers(
      [&](TriggerRunner& runner) {
        for (const model::Trigger* row : runner.book().All()) {
          const bool wanted = flow_id.empty() ? Below(row->name.ns, prefix) : row->name.ns == prefix && row->name.flow_id == flow_id;
          if (wanted) rows.emplace_back(Pack(*row));
        }
      },
      now);
  return Object{{"rows", std::move(rows)}};
}

class CallingTriggerDoor final : public TriggerDoor {
 public:
  explicit CallingTriggerDoor(TriggerDoorParts parts) : parts_(std::move(parts)) {}

  // One that does not answer makes the list fail: what is left out without a word would be missed.
  Result<std::vector<model::Trigger>> List(const std::string& ns_prefix, const std::string& flow_id) override {
    if (!flow_id.empty()) RETURN_IF_ERROR(CheckFlow(ns_prefix, flow_id));
    const Object call{{"call", "trigger.list"}, {"ns", ns_prefix}, {"flow", flow_id}};
    ASSIGN_OR_RETURN(const Value here, Await([&](Done done) { parts_.here(call, std::move(done)); }));
    std::map<model::TriggerName, model::Trigger> found;
    RETURN_IF_ERROR(TakeRows(here, found));
    for (auto& [id, reply] : parts_.ask_others(call)) {
      if (!reply) return Fail(std::move(reply.error()).Wrap("the triggers that scheduler " + id + " has"));
      RETURN_IF_ERROR(TakeRows(*reply, found));
    }
    std::vector<model::Trigger> rows;
    for (auto& [name, row] : found) rows.push_back(std::move(row));
    return rows;
  }
  Result<model::Trigger> Get(const model::TriggerName& name) override {
    RETURN_IF_ERROR(CheckFlow(name.ns, name.flow_id));
    ASSIGN_OR_RETURN(const Value reply, Ask(name, CallOf("trigger.get", name)));
    return Unpack(peer::Text(reply.as_object(), "row"));
  }
  Status SetDisabled(const model::TriggerName& name, bool disabled) override {
    Object call = CallOf("trigger.disable", name);
    call["disabled"] = disabled;
    return AskStatus(name, std::move(call));
  }
  Status Unlock(const model::TriggerName& name) override { return AskStatus(name, CallOf("trigger.unlock", name)); }
  Result<std::vector<Timestamp>> NextDates(const model::TriggerName& name, std::size_t count) override {
    Object call = CallOf("trigger.dates", name);
    call["count"] = count;
    ASSIGN_OR_RETURN(const Value reply, Ask(name, std::move(call)));
    std::vector<Timestamp> dates;
    const Value* listed = reply.as_object().if_contains("dates");
    if (listed == nullptr || !listed->is_array()) return dates;
    for (const Value& date : listed->get_array()) {
      if (date.is_int64()) dates.push_back(FromMicros(date.get_int64()));
    }
    return dates;
  }
  Status StartBackfill(const model::TriggerName& name, model::Backfill backfill) override {
    Object call = CallOf("trigger.backfill", name);
    call["start"] = ToMicros(backfill.start);
    call["end"] = ToMicros(backfill.end);
    call["current"] = ToMicros(backfill.current);
    call["created"] = ToMicros(backfill.created);
    call["paused"] = backfill.paused;
    call["inputs"] = std::move(backfill.inputs);
    call["labels"] = peer::FromLabels(backfill.labels);
    return AskStatus(name, std::move(call));
  }
  Status PauseBackfill(const model::TriggerName& name, bool paused) override {
    Object call = CallOf("trigger.pause", name);
    call["paused"] = paused;
    return AskStatus(name, std::move(call));
  }
  Status CancelBackfill(const model::TriggerName& name) override { return AskStatus(name, CallOf("trigger.cancel", name)); }

  void FireWebhook(WebhookCall call, WebhookDone done) override {
    const Place place = PlaceOfFlow(call.ns, call.flow_id);
    Object asked{{"call", "trigger.webhook"}, {"ns", call.ns}, {"flow", call.flow_id}, {"key", call.key}, {"method", call.method}};
    asked["headers"] = std::move(call.headers);
    asked["parameters"] = std::move(call.parameters);
    asked["body"] = std::move(call.body);
    parts_.route(place, std::move(asked), [done = std::move(done)](const Result<Value>& reply) {
      if (!reply) return done(Fail(reply.error()));
      const Object& from = reply->as_object();
      done(WebhookReply{ExecutionId(peer::Text(from, "id")), peer::Flag(from, "wait"), peer::Flag(from, "outputs"),
                        peer::Text(from, "type"), static_cast<int>(peer::Number(from, "code"))});
    });
  }

 private:
  static Status TakeRows(const Value& reply, std::map<model::TriggerName, model::Trigger>& found) {
    const Value* rows = reply.is_object() ? reply.get_object().if_contains("rows") : nullptr;
    if (rows == nullptr || !rows->is_array()) return Fail(Code::kDataLoss, "a scheduler answers no triggers");
    for (const Value& text : rows->get_array()) {
      ASSIGN_OR_RETURN(model::Trigger row, Unpack(text.is_string() ? std::string(text.get_string()) : std::string()));
      found.insert_or_assign(row.name, std::move(row));
    }
    return {};
  }

  Status CheckFlow(const std::string& ns, const std::string& flow_id) {
    const auto flow = parts_.flows.Get(ns, flow_id, 0);
    if (!flow && flow.error().code == Code::kNotFound) return Fail(flow.error());
    return {};
  }

  static Result<Value> Await(const std::function<void(Done)>& begin) {
    auto promise = std::make_shared<std::promise<Result<Value>>>();
    std::future<Result<Value>> answer = promise->get_future();
    begin([promise](Result<Value> reply) { promise->set_value(std::move(reply)); });
    if (answer.wait_for(kPatience) != std::future_status::ready) {
      return Fail(Code::kDeadlineExceeded, "the scheduler did not answer within 20 s");
    }
    return answer.get();
  }
  Result<Value> Ask(const model::TriggerName& name, Object call) {
    return Await([&](Done done) { parts_.route(PlaceOfFlow(name.ns, name.flow_id), std::move(call), std::move(done)); });
  }
  Status AskStatus(const model::TriggerName& name, Object call) {
    const auto reply = Ask(name, std::move(call));
    return reply ? Status() : Fail(reply.error());
  }

  const TriggerDoorParts parts_;
};

}  // namespace

std::unique_ptr<TriggerDoor> MakeTriggerDoor(TriggerDoorParts parts) {
  return std::make_unique<CallingTriggerDoor>(std::move(parts));
}

bool IsTriggerCall(const std::string& call) { return call == "trigger.list" || Works().contains(call); }

void DoTriggerCall(Core& core, const Object& call, Moment now, Done done) {
  const std::string name = peer::Text(call, "call");
  if (name == "trigger.list") return done(RowsHere(core, call, now));
  const auto reply = std::make_shared<Object>();
  const Work work = Works().at(name);
  core.WithTriggers(
      PlaceOfFlow(peer::Text(call, "ns"), peer::Text(call, "flow")),
      [&](TriggerRunner& runner) { return work(runner, call, now.wall, *reply); },
      [reply, done = std::move(done)](const Status& status) {
        if (!status) return done(Fail(status.error()));
        done(Value(std::move(*reply)));
      },
      now);
}

}  // namespace headrace::scheduler
