// Polling triggers: looks that workers take, and what their answers start.
#include <spdlog/spdlog.h>

#include <algorithm>

#include "common/base/hash.h"
#include "common/expr/template.h"
#include "common/model/look_answer.h"
#include "scheduler/shard.h"
#include "scheduler/trigger_runner.h"
#include "scheduler/trigger_scene.h"

namespace headrace::scheduler {

using model::TriggerName;

namespace {

// A look that no worker has ended by then is not waited for.
constexpr Duration kLookMax = std::chrono::minutes(10);
// What an execution carries of what started it; as a webhook's body.
constexpr std::size_t kVariablesBytesMax = 1024 * 1024;

bool NamesTrigger(const Value& condition) {
  const expr::References references = expr::ReferencesDeep(condition);
  return references.whole_context || std::any_of(references.paths.begin(), references.paths.end(),
                                                 [](const auto& path) { return !path.empty() && path.front() == "trigger"; });
}

// Of what the scene knows, what the properties name.
std::string ContextJson(const Value& known, const Object& properties) {
  const expr::References references = expr::ReferencesDeep(Value(properties));
  if (references.whole_context) return ToJson(known);
  Object context;
  for (const auto& path : references.paths) {
    if (path.empty() || context.contains(path.front())) continue;
    if (const Value* value = Member(known, path.front())) context[path.front()] = *value;
  }
  return json::serialize(context);
}

// What an answer says, whatever became of the task that gave it.
model::LookAnswer AnswerOf(const wire::TaskResult& result) {
  model::LookAnswer failed;
  if (result.look_later) {
    failed.later = result.look_later->after;
    return failed;
  }
  if (result.outcome != model::State::kSuccess && result.outcome != model::State::kWarning) {
    failed.problem = result.message.empty() ? "its look ended " + std::string(model::StateName(result.outcome)) : result.message;
    return failed;
  }
  auto outputs = ParseJson(result.outputs_json);
  auto answer = model::LookAnswerOf(outputs && outputs->is_object() ? std::move(outputs->get_object()) : Object());
  if (answer) return std::move(*answer);
  failed.problem = answer.error().message;
  return failed;
}

}  // namespace

void TriggerRunner::RunLook(const TriggerName& name, Timestamp now) {
  if (book_.LookOf(name)) WatchLook(name, now);
  else if (const auto date = book_.DueLook(name, now)) {
    const auto known = KnownOf(name);
    const Result<bool> may = known ? MayLook(*known, now) : Fail(known.error());
    if (!may || !*may) {
      if (!may) spdlog::warn("trigger {} does not look: {}", name.str(), may.error().ToString());
      book_.EndLook(name, {.problem = may ? "" : may.error().ToString()}, now);
    } else {
      const TriggerLook& look = looks_.Begin(host_.epoch(), *date, known->program, known->spec);
      book_.BeginLook(name, look.number, now + kLookMax);
      host_.Dispatch(look.key);
    }
  }
  book_.Settle(name, now);
}

// Its time is over: it goes on waiting for a worker, but not for one that does not come back.
void TriggerRunner::WatchLook(const TriggerName& name, Timestamp now) {
  const TriggerLook* look = looks_.Of(name);
  const std::uint64_t number = *book_.LookOf(name);
  if (look != nullptr && !look->assigned) {
    const std::string& group = look->spec->worker_group;
    book_.Note(name, "no worker has taken its look yet: is one " + (group.empty() ? "" : "of group '" + group + "' ") + "connected, with a free slot?");
    book_.BeginLook(name, number, now + kLookMax);
  } else if (look != nullptr && now < *look->assigned + kLookMax) {
    book_.BeginLook(name, number, *look->assigned + kLookMax);
  } else {
    book_.EndLook(name, {.problem = "its look did not end within " + FormatDuration(kLookMax) + " and was given up"}, now);
    WithdrawStale(name);
  }
}

// What speaks of the trigger's variables is asked when they are known; the rest before, so that nothing is asked in vain.
Result<bool> TriggerRunner::MayLook(const Known& known, Timestamp now) {
  Array early;
  for (const Value& condition : known.spec->conditions) {
    if (!NamesTrigger(condition)) early.push_back(condition);
  }
  if (early.empty()) return true;
  const auto zone = expr::Zone::Find(options_.zone);
  TriggerScene scene(options_, *known.program, *known.spec, ExecutionId(), zone ? *zone : expr::Zone::Utc(), now);
  return Hold(early, scene.Subject(now));
}

void TriggerRunner::WithdrawStale(const TriggerName& name) {
  const TriggerLook* look = looks_.Of(name);
  if (look == nullptr || book_.LookOf(name) == look->number) return;
  const wire::TaskKey key = look->key;
  looks_.End(key);
  host_.Withdraw(key);
}

bool TriggerRunner::IsCurrentLook(const wire::TaskKey& key) {
  const TriggerLook* look = looks_.Find(key);
  return look != nullptr && book_.LookOf(look->spec->row.name) == look->number;
}

std::optional<wire::Assign> TriggerRunner::AssignLook(const wire::TaskKey& key, Timestamp now) {
  if (!IsCurrentLook(key)) return std::nullopt;
  TriggerLook& look = *looks_.Find(key);
  if (!look.assigned) look.assigned = now;
  const TriggerSpec& spec = *look.spec;
  const auto zone = expr::Zone::Find(options_.zone);
  const TriggerScene scene(options_, *look.program, spec, ExecutionId(), zone ? *zone : expr::Zone::Utc(), now);
  wire::Assign assign;
  assign.key = key;
  assign.epoch = host_.epoch();
  assign.spec_id = StableHash(scene.flow.digest, StableHash("trigger/" + spec.row.name.str()));
  assign.context_json = ContextJson(scene.context, spec.properties);
  assign.task_run = DeriveTaskRunId(key.execution, 0);
  assign.ns = scene.flow.ns;
  assign.flow_id = scene.flow.id;
  assign.memo_json = book_.Find(spec.row.name)->memo;
  return assign;
}

wire::TaskSpec TriggerRunner::SpecOfLook(const wire::TaskKey& key) {
  const TriggerLook* look = looks_.Find(key);
  if (look == nullptr) return {};
  const TriggerSpec& spec = *look->spec;
  return {.type = spec.row.type, .task_id = spec.row.name.id, .properties_json = json::serialize(spec.properties),
          .log_level = spec.log_level};
}

std::string TriggerRunner::GroupOfLook(const wire::TaskKey& key) { return looks_.Find(key)->spec->worker_group; }

bool TriggerRunner::OnLooked(const wire::TaskResult& result, Timestamp now) {
  if (!IsCurrentLook(result.key)) return false;
  const TriggerLook look = *looks_.Find(result.key);
  looks_.End(result.key);
  const TriggerName& name = look.spec->row.name;
  model::LookAnswer answer = AnswerOf(result);
  LookEnd end{.problem = std::move(answer.problem), .later = answer.later};
  if (answer.memo) end.memo = ToJson(*answer.memo);
  const bool failed = result.outcome == model::State::kFailed && !result.look_later;
  if (answer.fires || (failed && look.spec->fail_on_error)) {
    const Status started = StartLooked(look, answer.fires, std::move(answer.variables), end, now);
    if (!started) {
      end.problem = started.error().ToString();
      // What it saw is seen again, unless it can never start anything.
      if (started.error().code != Code::kOutOfRange) end.memo.reset();
    }
  }
  if (!end.problem.empty() && end.problem != book_.Find(name)->problem) {
    spdlog::warn("trigger {}: {}", name.str(), end.problem);
  }
  book_.EndLook(name, std::move(end), now);
  Stage();
  return true;
}

// One that has failed, when the look has, or when the inputs are wrong: so that it is seen, as a schedule's.
Status TriggerRunner::StartLooked(const TriggerLook& look, bool fires, Object variables, LookEnd& end, Timestamp now) {
  const Known known{look.program, look.spec};
  const ExecutionId id = LookExecutionId(look.spec->row.name, look.date);
  // Decided before, by whoever had the partition then.
  if (host_.Look(id) != nullptr) return {};
  RETURN_IF_ERROR(host_.HasRoom());
  if (const std::size_t bytes = json::serialize(variables).size(); bytes > kVariablesBytesMax) {
    return Fail(Code::kOutOfRange, "what it saw is " + std::to_string(bytes) + " bytes, at most " +
                                              std::to_string(kVariablesBytesMax) + " can start an execution: let it ask for less");
  }
  const auto zone = expr::Zone::Find(options_.zone);
  TriggerScene scene(options_, *look.program, *look.spec, id, zone ? *zone : expr::Zone::Utc(), now);
  scene.SetVariables(std::move(variables));
  PreparedSubmission submission;
  if (fires) {
    ASSIGN_OR_RETURN(const bool holds, Hold(look.spec->conditions, scene.Subject(now)));
    if (!holds) return {};
    auto prepared = Prepare(scene, known, {}, {}, now);
    if (prepared) submission = std::move(*prepared);
    else end.problem = prepared.error().ToString();
  }
  if (!end.problem.empty()) submission = FailedSubmission(scene, known, end.problem);
  RETURN_IF_ERROR(host_.Start(submission));
  end.execution = id;
  return {};
}

void TriggerRunner::OnLookLost(const wire::TaskKey& key, const std::string& reason, Timestamp now) {
  if (!IsCurrentLook(key)) return;
  const TriggerName name = looks_.Find(key)->spec->row.name;
  looks_.End(key);
  spdlog::info("trigger {} looks again an interval later: {}", name.str(), reason);
  book_.EndLook(name, {.lost = true}, now);
}

}  // namespace headrace::scheduler
