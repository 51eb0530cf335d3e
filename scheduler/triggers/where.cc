#include "scheduler/triggers/where.h"

#include <algorithm>
#include <string>
#include <vector>

#include "common/base/text.h"
#include "common/expr/regex.h"
#include "common/expr/template.h"

namespace headrace::scheduler {
namespace {

std::string TextOf(const Object& filter, std::string_view name) {
  const Value* value = filter.if_contains(name);
  return value == nullptr || value->is_null() ? std::string() : ToText(*value);
}

Result<std::string> Render(const std::string& text, const ConditionSubject& subject) {
  ASSIGN_OR_RETURN(const auto compiled, expr::CompileCached(text));
  return compiled->RenderText(subject.context, subject.environment);
}

Result<std::string> FieldOf(const Object& filter, const ConditionSubject& subject) {
  const std::string field = TextOf(filter, "field");
  if (field == "FLOW_ID") return subject.execution->flow_id;
  if (field == "NAMESPACE") return subject.execution->ns;
  if (field == "STATE") return std::string(model::StateName(subject.execution->state.current()));
  return InvalidArgument("field: '" + field + "' is none of FLOW_ID, NAMESPACE, STATE and EXPRESSION");
}

// What the filter compares: a text or, of an EXPRESSION, its result. `value` is the other side then only where it is compared.
struct Sides {
  std::string actual;
  std::vector<std::string> wanted{};
};

Result<Sides> SidesOf(const Object& filter, const ConditionSubject& subject) {
  Sides sides;
  const std::string value = TextOf(filter, "value");
  if (TextOf(filter, "field") == "EXPRESSION") {
    ASSIGN_OR_RETURN(sides.actual, Render(value, subject));
    sides.wanted.push_back(value);
  } else {
    ASSIGN_OR_RETURN(sides.actual, FieldOf(filter, subject));
    ASSIGN_OR_RETURN(std::string rendered, Render(value, subject));
    sides.wanted.push_back(std::move(rendered));
  }
  const Value* values = filter.if_contains("values");
  if (values == nullptr || !values->is_array()) return sides;
  sides.wanted.clear();
  for (const Value& one : values->get_array()) {
    ASSIGN_OR_RETURN(std::string rendered, Render(ToText(one), subject));
    sides.wanted.push_back(std::move(rendered));
  }
  return sides;
}

Result<bool> FilterHolds(const Object& filter, const ConditionSubject& subject) {
  ASSIGN_OR_RETURN(const Sides sides, SidesOf(filter, subject));
  const std::string type = TextOf(filter, "type");
  const std::string first = sides.wanted.empty() ? std::string() : sides.wanted.front();
  const bool in = std::find(sides.wanted.begin(), sides.wanted.end(), sides.actual) != sides.wanted.end();
  if (type == "EQUAL_TO") return sides.actual == first;
  if (type == "NOT_EQUAL_TO") return sides.actual != first;
  if (type == "IN") return in;
  if (type == "NOT_IN") return !in;
  if (type == "IS_TRUE") return IsTruthy(sides.actual);
  if (type == "IS_FALSE") return !IsTruthy(sides.actual);
  if (type == "IS_NULL") return sides.actual.empty();
  if (type == "IS_NOT_NULL") return !sides.actual.empty();
  if (type == "STARTS_WITH") return sides.actual.starts_with(first);
  if (type == "ENDS_WITH") return sides.actual.ends_with(first);
  if (type == "CONTAINS") return sides.actual.find(first) != std::string::npos;
  if (type == "REGEX") return expr::RegexMatches(sides.actual, first);
  return InvalidArgument("type: '" + type + "' is no way to compare");
}

}  // namespace

Result<bool> WhereHolds(const Object& where, const ConditionSubject& subject) {
  const Value* filters = where.if_contains("filters");
  if (filters == nullptr || !filters->is_array()) return true;
  const bool any = TextOf(where, "operand") == "OR";
  for (const Value& filter : filters->get_array()) {
    if (!filter.is_object()) continue;
    ASSIGN_OR_RETURN(const bool holds, FilterHolds(filter.get_object(), subject));
    if (holds == any) return any;
  }
  return !any;
}

}  // namespace headrace::scheduler
