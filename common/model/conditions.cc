#include "common/model/conditions.h"

#include <algorithm>
#include <array>
#include <string>

#include "common/base/text.h"

namespace headrace::model {
namespace {

struct Subject {
  const Flow& flow;
  const Execution& execution;
};

using Check = Result<bool> (*)(const Object& condition, const Subject& subject);

std::string TextOf(const Object& condition, std::string_view name) {
  const Value* value = condition.if_contains(name);
  return value == nullptr || value->is_null() ? std::string() : ToText(*value);
}

const Array& ListOf(const Object& condition, std::string_view name) {
  static const Array kNone;
  const Value* value = condition.if_contains(name);
  return value != nullptr && value->is_array() ? value->get_array() : kNone;
}

bool Names(const Array& states, State state) {
  return std::any_of(states.begin(), states.end(),
                     [&](const Value& name) { return ToText(name) == StateName(state); });
}

// `in` and `notIn`, either of which may be left out.
bool Admits(const Object& condition, State state) {
  const Array& in = ListOf(condition, "in");
  return (in.empty() || Names(in, state)) && !Names(ListOf(condition, "notIn"), state);
}

Result<bool> IsTrue(const Object& condition, const Subject&) { return IsTruthy(TextOf(condition, "expression")); }

Result<bool> ExecutionStatus(const Object& condition, const Subject& subject) {
  return Admits(condition, subject.execution.state.current());
}

Result<bool> HasRetryAttempt(const Object& condition, const Subject& subject) {
  for (const TaskRun& run : subject.execution.task_runs) {
    if (run.superseded) continue;
    for (const Attempt& attempt : run.attempts) {
      if (Admits(condition, attempt.state.current())) return true;
    }
  }
  return false;
}

Result<bool> ExecutionFlow(const Object& condition, const Subject& subject) {
  return TextOf(condition, "namespace") == subject.execution.ns &&
         TextOf(condition, "flowId") == subject.execution.flow_id;
}

Result<bool> ExecutionNamespace(const Object& condition, const Subject& subject) {
  const std::string& actual = subject.execution.ns;
  const std::string wanted = TextOf(condition, "namespace");
  std::string comparison = TextOf(condition, "comparison");
  if (comparison.empty()) comparison = TextOf(condition, "prefix") == "true" ? "PREFIX" : "EQUALS";
  if (comparison == "EQUALS") return actual == wanted;
  if (comparison == "PREFIX") return actual.starts_with(wanted);
  if (comparison == "SUFFIX") return actual.ends_with(wanted);
  return InvalidArgument("`comparison` is one of EQUALS, PREFIX and SUFFIX, not " + comparison);
}

Result<bool> FlowIs(const Object& condition, const Subject& subject) {
  return TextOf(condition, "namespace") == subject.flow.ns && TextOf(condition, "flowId") == subject.flow.id;
}

Result<bool> FlowNamespace(const Object& condition, const Subject& subject) {
  const std::string wanted = TextOf(condition, "namespace");
  return TextOf(condition, "prefix") == "true" ? subject.flow.ns.starts_with(wanted) : subject.flow.ns == wanted;
}

bool HasLabel(const Execution& execution, const std::string& key, const std::string& value) {
  return std::find(execution.labels.begin(), execution.labels.end(), Label(key, value)) !=
         execution.labels.end();
}

// A map, or a list of {key, value}.
Result<bool> ExecutionLabels(const Object& condition, const Subject& subject) {
  const Value* labels = condition.if_contains("labels");
  if (labels != nullptr && labels->is_object()) {
    const Object& map = labels->get_object();
    return std::all_of(map.begin(), map.end(), [&](const auto& label) {
      return HasLabel(subject.execution, std::string(label.key()), ToText(label.value()));
    });
  }
  const Array& list = ListOf(condition, "labels");
  return std::all_of(list.begin(), list.end(), [&](const Value& label) {
    return label.is_object() && HasLabel(subject.execution, TextOf(label.get_object(), "key"),
                                         TextOf(label.get_object(), "value"));
  });
}

Result<bool> Holds(const Value& condition, const Subject& subject);

// None of its conditions holds.
Result<bool> Not(const Object& condition, const Subject& subject) {
  for (const Value& inner : ListOf(condition, "conditions")) {
    ASSIGN_OR_RETURN(const bool holds, Holds(inner, subject));
    if (holds) return false;
  }
  return true;
}

Result<bool> Or(const Object& condition, const Subject& subject) {
  for (const Value& inner : ListOf(condition, "conditions")) {
    ASSIGN_OR_RETURN(const bool holds, Holds(inner, subject));
    if (holds) return true;
  }
  return false;
}

struct Known {
  std::string_view name;
  Check check;
};

constexpr std::array kKnown{
    Known{"ExecutionFlow", ExecutionFlow},
    Known{"ExecutionLabels", ExecutionLabels},
    Known{"ExecutionNamespace", ExecutionNamespace},
    Known{"ExecutionOutputs", IsTrue},
    Known{"ExecutionStatus", ExecutionStatus},
    Known{"Expression", IsTrue},
    Known{"Flow", FlowIs},
    Known{"FlowNamespace", FlowNamespace},
    Known{"HasRetryAttempt", HasRetryAttempt},
    Known{"Not", Not},
    Known{"Or", Or},
    Known{"Variable", IsTrue},
};

// io.kestra.core.models.conditions.types.NotCondition and io.kestra.plugin.core.condition.Not are both Not.
const Known* Find(std::string_view type) {
  std::string_view name = type.substr(type.rfind('.') + 1);
  constexpr std::string_view kSuffix = "Condition";
  if (name.ends_with(kSuffix)) name.remove_suffix(kSuffix.size());
  const auto* const known = std::find_if(kKnown.begin(), kKnown.end(), [&](const Known& k) { return k.name == name; });
  return known == kKnown.end() ? nullptr : known;
}

Result<bool> Holds(const Value& condition, const Subject& subject) {
  if (!condition.is_object()) return InvalidArgument("a condition is a map with a `type`");
  const std::string type = TextOf(condition.get_object(), "type");
  const Known* known = Find(type);
  if (known == nullptr) return InvalidArgument("no condition of type " + type + " is evaluated here");
  return known->check(condition.get_object(), subject);
}

}  // namespace

bool IsCondition(std::string_view type) { return Find(type) != nullptr; }

Result<bool> ConditionsHold(const Array& rendered, const Flow& flow, const Execution& execution) {
  const Subject subject{flow, execution};
  for (const Value& condition : rendered) {
    ASSIGN_OR_RETURN(const bool holds, Holds(condition, subject));
    if (!holds) return false;
  }
  return true;
}

}  // namespace headrace::model
