// What watches over executions: checks before one is created, service levels while it runs, listeners at its end.
#include <unordered_set>

#include "common/base/time.h"
#include "common/flow/flow_parts.h"
#include "common/flow/flow_specs.h"
#include "common/flow/property_checks.h"
#include "common/model/conditions.h"

namespace headrace::flow {
namespace {

std::string TextOf(const Object& object, std::string_view name) {
  const Value* value = object.if_contains(name);
  return value == nullptr ? std::string() : ToText(*value);
}

// Calls `read` for every map of a list; what is none is reported.
template <typename Read>
void EachMap(Draft& draft, const YamlNode& node, const Path& path, std::string_view what, Read read) {
  if (node.is_null()) return;
  if (!node.is_list()) {
    draft.Error(node, path, "expected a list, got " + KindName(node));
    return;
  }
  for (std::size_t i = 0; i < node.items.size(); ++i) {
    const Path at = path.At(i);
    if (node.items[i].is_map()) {
      read(node.items[i], at);
    } else {
      draft.Error(node.items[i], at, "expected a map (" + std::string(what) + "), got " + KindName(node.items[i]));
    }
  }
}

model::Check::Behavior CheckBehavior(const std::string& name) {
  if (name == "FAIL_EXECUTION") return model::Check::Behavior::kFailExecution;
  return name == "CREATE_EXECUTION" ? model::Check::Behavior::kCreateExecution
                                    : model::Check::Behavior::kBlockExecution;
}

model::Sla::Behavior SlaBehavior(const std::string& name) {
  if (name == "CANCEL") return model::Sla::Behavior::kCancel;
  return name == "NONE" ? model::Sla::Behavior::kNone : model::Sla::Behavior::kFail;
}

// Each type of sla needs one property, and only that one.
void CheckSlaType(Draft& draft, const YamlNode& item, const Path& path, const std::string& type) {
  if (type.empty()) return;
  const bool timed = type == "MAX_DURATION";
  const std::string_view needed = timed ? "duration" : "assert";
  const std::string_view other = timed ? "assert" : "duration";
  if (item.Find(needed) == nullptr) {
    draft.Error(item, path.Key(needed), "an sla of type " + type + " needs `" + std::string(needed) + '`');
  }
  if (const YamlNode* wrong = item.Find(other)) {
    draft.Error(*wrong, path.Key(other), "an sla of type " + type + " has no `" + std::string(other) + '`');
  }
}

}  // namespace

std::vector<model::Check> BuildChecks(Draft& draft, const YamlNode& node, const Path& path) {
  std::vector<model::Check> checks;
  EachMap(draft, node, path, "a check", [&](const YamlNode& item, const Path& at) {
    const Object object = CheckObject(draft, item, CheckProperties(), at, "a check");
    const std::string style = TextOf(object, "style");
    checks.push_back({.condition = TextOf(object, "condition"),
                      .message = TextOf(object, "message"),
                      .style = style.empty() ? "INFO" : style,
                      .behavior = CheckBehavior(TextOf(object, "behavior")),
                      .line = item.line});
  });
  return checks;
}

std::vector<model::Sla> BuildSlas(Draft& draft, const YamlNode& node, const Path& path) {
  std::vector<model::Sla> slas;
  std::unordered_set<std::string> ids;
  EachMap(draft, node, path, "an sla", [&](const YamlNode& item, const Path& at) {
    const Object object = CheckObject(draft, item, SlaProperties(), at, "an sla");
    model::Sla sla{.id = TextOf(object, "id"),
                   .assertion = TextOf(object, "assert"),
                   .behavior = SlaBehavior(TextOf(object, "behavior"))};
    const std::string type = TextOf(object, "type");
    if (type == "EXECUTION_ASSERTION") sla.type = model::Sla::Type::kExecutionAssertion;
    CheckSlaType(draft, item, at, type);
    if (const Result<Duration> most = ParseDuration(TextOf(object, "duration"))) sla.duration = *most;
    if (object.contains("duration") && sla.duration <= Duration(0)) {
      draft.Error(*item.Find("duration"), at.Key("duration"), "`duration` must be more than PT0S");
    }
    if (const YamlNode* labels = item.Find("labels")) sla.labels = BuildLabels(draft, *labels, at.Key("labels"));
    if (!sla.id.empty() && !ids.insert(sla.id).second) {
      draft.Error(*item.Find("id"), at.Key("id"), "Duplicate sla id with name [" + Shortened(sla.id) + ']');
    }
    slas.push_back(std::move(sla));
  });
  return slas;
}

// Those of dates speak of triggers.
void WarnOfConditions(Draft& draft, const YamlNode& list, const Path& path) {
  for (std::size_t i = 0; list.is_list() && i < list.items.size(); ++i) {
    const YamlNode* type = list.items[i].Find("type");
    if (type == nullptr || model::IsCondition(type->text) || draft.full(true)) continue;
    draft.Warn(*type, path.At(i).Key("type"),
               "a listener cannot evaluate " + Shortened(type->text, 120) + ": its tasks will not run");
  }
}

void BuildListeners(Draft& draft, const YamlNode& node, const Path& path) {
  EachMap(draft, node, path, "a listener", [&](const YamlNode& item, const Path& at) {
    model::Listener listener;
    for (const YamlEntry& entry : item.entries) {
      const Path field = at.Key(entry.key.text);
      if (entry.key.text == "tasks") {
        model::TaskGroup group{.name = "listeners"};
        BuildTaskList(draft, entry.value, field, std::nullopt, group);
        listener.tasks = std::move(group.tasks);
      } else if (entry.key.text == "conditions" && !entry.value.is_null()) {
        CheckConditions(draft, entry.value, field);
        NoteExpressions(draft, entry.value, field);
        WarnOfConditions(draft, entry.value, field);
        if (entry.value.is_list()) listener.conditions = ToValue(entry.value).as_array();
      } else if (FindProperty(ListenerProperties(), entry.key.text) == nullptr && !draft.full()) {
        draft.Error(entry.key, field,
                    "unknown property `" + Shortened(entry.key.text) + "` of a listener" +
                        Suggestion(entry.key.text, PropertyNames(ListenerProperties())));
      }
    }
    CheckRequired(draft, item, ListenerProperties(), at, "a listener");
    draft.flow.listeners.push_back(std::move(listener));
  });
}

}  // namespace headrace::flow
