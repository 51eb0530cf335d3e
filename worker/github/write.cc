#include "worker/github/write.h"

#include "common/base/hash.h"
#include "common/base/text.h"
#include "worker/github/shared_state.h"

namespace headrace::worker::github {
namespace {

using model::PropertyKind;

constexpr std::size_t kShownMax = 4000;
constexpr Duration kLookAfter = std::chrono::seconds(5);

std::string Shown(const Value& body) {
  if (body.is_null()) return "without a body";
  std::string text = ToJson(body);
  if (text.size() <= kShownMax) return text;
  const std::size_t all = text.size();
  text.resize(kShownMax);
  return text + "… (" + std::to_string(all) + " bytes)";
}

std::string BodyHash(const Value& body) {
  return body.is_null() ? std::string() : ", body sha256 " + Sha256Hex(ToJson(body)).substr(0, 16);
}

// Asked of the engine, as a task's context holds only what its expressions name; once, and remembered between looks.
Result<bool> IsDryByLabel(Look& look) {
  if (const Value* known = look.memo().if_contains("dry")) return known->is_bool() && known->get_bool();
  ASSIGN_OR_RETURN(const SeenWhole execution, look.door().FindWhole(look.context().order().key.execution));
  bool dry = false;
  for (const auto& [key, value] : execution.labels)
    if (key == "dryRun") dry = value == "true";
  look.memo()["dry"] = dry;
  return dry;
}

}  // namespace

Result<Writer> Writer::Of(Look& look) {
  bool dry = false;
  if (look.context().Has("dryRun")) {
    ASSIGN_OR_RETURN(dry, look.context().Bool("dryRun", false));
  } else {
    ASSIGN_OR_RETURN(dry, IsDryByLabel(look));
  }
  return Writer(look, dry);
}

Result<Answer> Writer::Send(const Ask& ask, Value pretend) {
  const std::string what = ask.method + " " + ask.path;
  if (dry_) {
    look_.context().Log("INFO", "dry run, not sent: " + ask.method + " " + look_.client().connection().endpoint + ask.path + " " + Shown(ask.body));
    return Answer{.code = 200, .body = std::move(pretend)};
  }
  auto answer = look_.client().Send(ask);
  if (answer) {
    look_.context().Log("INFO", "wrote " + what + ": " + std::to_string(answer->code) + BodyHash(ask.body) +
                                    (answer->request_id.empty() ? "" : ", request " + answer->request_id));
  } else if (answer.error().code == Code::kAborted) {
    look_.context().Log("WARN", "wrote " + what + ": no answer" + BodyHash(ask.body) + ": " + answer.error().message);
  }
  return answer;
}

Result<Answer> Writer::Must(const Ask& ask, Value pretend) {
  ASSIGN_OR_RETURN(Answer answer, Send(ask, std::move(pretend)));
  if (!answer.ok()) return Fail(Code::kFailedPrecondition, Refusal(ask, answer));
  return answer;
}

Result<Answer> Read(Look& look, std::string path) {
  const Ask ask{.path = std::move(path), .cached = true};
  ASSIGN_OR_RETURN(Answer answer, look.client().Send(ask));
  if (!answer.ok()) return Fail(Code::kFailedPrecondition, Refusal(ask, answer));
  return answer;
}

Result<std::optional<Answer>> ReadIfThere(Look& look, std::string path) {
  const Ask ask{.path = std::move(path), .cached = true};
  ASSIGN_OR_RETURN(Answer answer, look.client().Send(ask));
  if (answer.code == 404) return std::optional<Answer>();
  if (!answer.ok()) return Fail(Code::kFailedPrecondition, Refusal(ask, answer));
  return std::optional<Answer>(std::move(answer));
}

Result<Array> ReadList(Look& look, std::string path, std::string_view list, std::size_t most) {
  const Ask ask{.path = path};
  ASSIGN_OR_RETURN(Answer answer, look.client().GetAll(std::move(path), list, most));
  if (!answer.ok()) return Fail(Code::kFailedPrecondition, Refusal(ask, answer));
  const Value* items = list.empty() ? &answer.body : Member(answer.body, list);
  return items != nullptr && items->is_array() ? items->get_array() : Array();
}

Result<TaskOutcome> LookAfterLost(Look& look, Result<TaskOutcome> outcome) {
  if (outcome || outcome.error().code != Code::kAborted) return outcome;
  look.context().Log("INFO", "looks whether it had its effect: " + outcome.error().message);
  return look.Again(kLookAfter);
}

Result<std::string> TrimmedText(TaskContext& context, std::string_view property) {
  ASSIGN_OR_RETURN(const auto text, context.Text(property));
  return std::string(Trim(text.value_or("")));
}

std::vector<model::PropertySpec> WithWrites(std::vector<model::PropertySpec> properties) {
  properties.push_back({.name = "dryRun", .kind = PropertyKind::kBoolean,
                        .doc = "Reads, writes nothing, logs what would be sent, and gives outputs that stand for it. Unless it is set, the execution's label dryRun: \"true\" decides."});
  return WithConnection(std::move(properties));
}

std::vector<model::PropertySpec> WithDryRun(std::vector<model::PropertySpec> outputs) {
  outputs.push_back({.name = "dryRun", .kind = PropertyKind::kBoolean, .doc = "true: nothing was written."});
  outputs.push_back({.name = "apiCost", .kind = PropertyKind::kInteger, .doc = "Requests that GitHub charged."});
  return outputs;
}

}  // namespace headrace::worker::github
