// Triggers that other flows' executions fire, and those that a call fires.
#include <spdlog/spdlog.h>

#include <algorithm>
#include <cctype>

#include "common/base/hash.h"
#include "common/trace/trace_context.h"
#include "scheduler/shard.h"
#include "scheduler/trigger_runner.h"
#include "scheduler/trigger_scene.h"
#include "scheduler/triggers/windows.h"

namespace headrace::scheduler {

using model::TriggerKind;
using model::TriggerName;

namespace {

// Executions that fired one another in a row.
constexpr std::int64_t kChainMax = 32;
constexpr std::string_view kCorrelation = "system.correlationId";
constexpr std::string_view kTraceParent = "traceparent";  // W3C Trace Context

std::int64_t ChainOf(const model::Execution& execution) {
  const Value* depth = Member(execution.trigger, "depth");
  return depth != nullptr && depth->is_int64() ? depth->get_int64() : 0;
}

// What holds a family and its trace together.
std::vector<model::Label> FamilyOf(const model::Execution& execution) {
  std::vector<model::Label> family{{std::string(kCorrelation), execution.id.str()}};
  for (const auto& [key, value] : execution.labels) {
    if (key == kCorrelation) family.front().second = value;
    if (key == trace::kTraceParentLabel) family.emplace_back(key, value);
  }
  return family;
}

// A webhook's caller may be part of a trace.
std::vector<model::Label> CallerOf(const Object& headers) {
  for (const auto& [name, values] : headers) {
    const bool same = std::equal(name.begin(), name.end(), kTraceParent.begin(), kTraceParent.end(),
                                 [](unsigned char a, char b) { return std::tolower(a) == b; });
    if (!same || !values.is_array() || values.get_array().size() != 1) continue;
    if (auto label = trace::CallerLabel(ToText(values.get_array().front()))) return {std::move(*label)};
  }
  return {};
}

// Maps are laid into one another; of all else the later one counts.
void DeepMerge(Object& into, const Object& from) {
  for (const auto& [key, value] : from) {
    Value* had = into.if_contains(key);
    if (had != nullptr && had->is_object() && value.is_object()) DeepMerge(had->get_object(), value.get_object());
    else into[key] = value;
  }
}

Object VariablesOf(const model::Execution& source, model::State state) {
  Object labels;
  for (const auto& [key, value] : source.labels) labels[key] = value;
  return {{"executionId", source.id.str()}, {"namespace", source.ns}, {"flowId", source.flow_id},
          {"flowRevision", source.flow_revision}, {"state", model::StateName(state)},
          {"executionLabels", std::move(labels)}, {"outputs", source.outputs}};
}

// Takes as long for a key that is nearly right as for any other.
bool SameKey(const std::string& a, const std::string& b) {
  const std::string left = Sha256Hex(a);
  const std::string right = Sha256Hex(b);
  unsigned differs = 0;
  for (std::size_t i = 0; i < left.size(); ++i) {
    differs |= static_cast<unsigned>(static_cast<unsigned char>(left[i])) ^ static_cast<unsigned char>(right[i]);
  }
  return differs == 0;
}

}  // namespace

void TriggerRunner::OnStates(const std::vector<StateNews>& news, Timestamp now) {
  for (const StateNews& one : news) {
    const model::Execution* source = host_.Look(one.id);
    if (source == nullptr) continue;
    const std::size_t count = source->state.changes.size();
    for (std::size_t place = one.first; place < count; ++place) OnState(*source, place, now);
  }
  Stage();
}

void TriggerRunner::OnToldState(const ExecutionId& id, std::uint64_t change, Timestamp now) {
  if (!wants_states()) return;
  const model::Execution* found = host_.Look(id);
  if (found == nullptr || change >= found->state.changes.size()) return;
  const model::Execution source = *found;
  OnState(source, change, now);
  Stage();
}

void TriggerRunner::IndexFlow(const std::string& ns, const std::string& flow_id, const std::vector<TriggerSpecPtr>& specs) {
  flow_index_.RemoveFlow(ns, flow_id);
  for (const TriggerSpecPtr& spec : specs) {
    if (spec->row.kind == TriggerKind::kFlow) flow_index_.Put(*spec);
  }
}

// Rows that a start has loaded: their flows are read when the first execution comes to a state.
void TriggerRunner::ReadUnread() {
  for (const TriggerName& name : flow_index_.TakeUnread()) {
    const auto known = KnownOf(name);
    if (known) {
      flow_index_.Put(*known->spec);
      continue;
    }
    if (known.error().code == Code::kUnavailable) flow_index_.PutUnread(name);
    spdlog::error("flow trigger {} starts nothing until its flow is deployed again: {}", name.str(), known.error().ToString());
    book_.Note(name, known.error().message);
  }
}

void TriggerRunner::OnState(const model::Execution& source, std::size_t place, Timestamp now) {
  const model::State state = source.state.changes[place].state;
  if (state == model::State::kCreated) return;
  ReadUnread();
  for (const TriggerName& name : flow_index_.Of(source.ns, source.flow_id, state)) {
    const model::Trigger* row = book_.Find(name);
    if (row == nullptr || row->off || row->disabled || (name.ns == source.ns && name.flow_id == source.flow_id)) continue;
    Meet(name, source, place, now);
  }
}

void TriggerRunner::Meet(const TriggerName& name, const model::Execution& source, std::size_t place, Timestamp now) {
  ++flow_triggers_met_;
  const model::State state = source.state.changes[place].state;
  const auto known = KnownOf(name);
  if (!known) return book_.Note(name, known.error().message);
  const TriggerSpec& spec = *known->spec;
  const auto zone = expr::Zone::Find(options_.zone);
  const ExecutionId id = DeriveExecutionId(source.state.changes[place].at, name.str(),
                                           "state/" + source.id.str() + "/" + std::to_string(place), PlaceOfFlow(name.ns, name.flow_id));
  TriggerScene scene(options_, *known->program, spec, id, zone ? *zone : expr::Zone::Utc(), now);
  scene.SetVariables(VariablesOf(source, state));
  const Status looked = StartAfter(scene, *known, source, place, now);
  if (looked) return book_.Note(name, "");
  spdlog::warn("flow trigger {} starts nothing for execution {}: {}", name.str(), source.id.str(), looked.error().ToString());
  book_.Note(name, "for execution " + source.id.str() + ": " + looked.error().ToString());
}

Status TriggerRunner::StartAfter(TriggerScene& scene, const Known& known, const model::Execution& source, std::size_t,
                                 Timestamp now) {
  const TriggerSpec& spec = *known.spec;
  ASSIGN_OR_RETURN(const bool holds, Hold(spec.conditions, scene.Subject(now, &source)));
  if (!holds) return {};
  if (!spec.windows.empty()) {
    const model::Trigger& row = *book_.Find(spec.row.name);
    WindowProgress progress{row.met, row.windows};
    const auto meets = [&](const NamedCondition& condition) { return Hold(condition.all, scene.Subject(now, &source)); };
    ASSIGN_OR_RETURN(const bool complete, MeetWindows(spec.windows, source.id, now, scene.zone, meets, progress));
    Object outputs;
    for (const model::MetCondition& met : progress.met) {
      const model::Execution* one = complete ? host_.Look(met.execution) : nullptr;
      if (one != nullptr) DeepMerge(outputs, one->outputs);
    }
    if (complete) ResetWindows(spec.windows, progress);
    book_.SetMet(spec.row.name, std::move(progress.met), std::move(progress.windows));
    if (!complete) return {};
    Object variables = scene.variables;
    variables["outputs"] = std::move(outputs);
    scene.SetVariables(std::move(variables));
  }
  const std::int64_t chain = ChainOf(source) + 1;
  if (chain > kChainMax) {
    return Fail(Code::kResourceExhausted, "more than " + std::to_string(kChainMax) +
                                              " executions have fired one another in a row: do flows trigger each other?");
  }
  ASSIGN_OR_RETURN(PreparedSubmission prepared, Prepare(scene, known, {}, FamilyOf(source), now));
  prepared.submitted.trigger = scene.TriggerValue({{"depth", chain}});
  return host_.Start(prepared);
}

namespace {

// What the caller sent does not fit: that is no missing address, whatever an expression did not find.
tl::unexpected<Error> Unfit(const model::Trigger& row, Error error) {
  if (error.code == Code::kNotFound || error.code == Code::kUnknown) error.code = Code::kInvalidArgument;
  return Fail(std::move(error).Wrap("webhook " + row.name.id));
}

}  // namespace

Result<WebhookReply> TriggerRunner::FireWebhook(const WebhookCall& call, Timestamp now) {
  RETURN_IF_ERROR(host_.HasRoom());
  // Everybody may ask: a flow that has no triggers is not looked for.
  if (book_.OfFlow(call.ns, call.flow_id).empty()) return NotFound("Flow not found");
  const auto flow = flows_.Get(call.ns, call.flow_id, 0);
  if (!flow) return flow.error().code == Code::kNotFound ? NotFound("Flow not found") : Fail(flow.error());
  const ExecutionId id = [&] {
    Random random = Random::FromSystem();
    return NewExecutionId(now, random, PlaceOfFlow(call.ns, call.flow_id));
  }();
  for (const model::Trigger* row : book_.OfFlow(call.ns, call.flow_id)) {
    if (row->kind != TriggerKind::kWebhook) continue;
    ASSIGN_OR_RETURN(const Known known, KnownOf(row->name));
    TriggerScene scene(options_, *known.program, *known.spec, id, expr::Zone::Utc(), now);
    const auto key = scene.Render(Value(known.spec->key), false);
    if (!key) {
      spdlog::warn("the key of webhook {} cannot be rendered: {}", row->name.str(), key.error().message);
      continue;
    }
    if (!SameKey(ToText(*key), call.key)) continue;
    if (known.program->flow().disabled) return Fail(Code::kFailedPrecondition, "Cannot execute a flow which is disabled");
    if (row->off || row->disabled) {
      return Fail(Code::kFailedPrecondition, "webhook " + row->name.id + " is disabled" +
                                                 (row->off ? " in its flow" : ": headrace trigger enable " + row->name.str()));
    }
    scene.SetVariables({{"body", call.body}, {"headers", call.headers}, {"parameters", call.parameters}});
    const auto holds = Hold(known.spec->conditions, scene.Subject(now));
    if (!holds) return Unfit(*row, holds.error());
    if (!*holds) return Fail(Code::kFailedPrecondition, "a condition of webhook " + row->name.id + " does not hold");
    WebhookReply reply{id, known.spec->wait, known.spec->return_outputs, known.spec->response_content_type};
    if (!known.spec->response_code.is_null()) {
      ASSIGN_OR_RETURN(const Value code, scene.Render(known.spec->response_code, false));
      reply.code = std::atoi(ToText(code).c_str());
      if (reply.code < 100 || reply.code > 599) return InvalidArgument("responseCode: '" + ToText(code) + "' is no HTTP status");
    }
    auto prepared = Prepare(scene, known, {}, CallerOf(call.headers), now);
    if (!prepared) return Unfit(*row, std::move(prepared.error()));
    RETURN_IF_ERROR(host_.Start(*prepared));
    return reply;
  }
  return NotFound("Webhook not found");
}

}  // namespace headrace::scheduler
