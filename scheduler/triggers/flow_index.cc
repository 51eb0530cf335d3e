#include "scheduler/triggers/flow_index.h"

#include <string_view>

#include "scheduler/triggers/windows.h"

namespace headrace::scheduler {
namespace {

// Nothing when it may be anything.
std::string Literal(const Value& condition, std::string_view name) {
  const Value* value = Member(condition, name);
  if (value == nullptr || !value->is_string()) return {};
  std::string text = ToText(*value);
  return text.find("{{") == std::string::npos && text.find("{%") == std::string::npos && text.find("{#") == std::string::npos ? text : "";
}

std::string_view KindOf(std::string_view type) {
  type = type.substr(type.rfind('.') + 1);
  constexpr std::string_view kSuffix = "Condition";
  if (type.ends_with(kSuffix)) type.remove_suffix(kSuffix.size());
  return type;
}

bool IsEqual(const Value& condition) {
  const Value* comparison = Member(condition, "comparison");
  const Value* prefix = Member(condition, "prefix");
  if (prefix != nullptr && ToText(*prefix) != "false") return false;
  return comparison == nullptr || comparison->is_null() || ToText(*comparison) == "EQUALS";
}

}  // namespace

// All of these conditions hold for an execution of this source.
void FlowIndex::Narrow(Source& source, const Array& conditions) {
  const auto take = [](std::string& known, std::string named) {
    if (known.empty()) known = std::move(named);
  };
  for (const Value& condition : conditions) {
    const Value* type = Member(condition, "type");
    const std::string full = type == nullptr ? std::string() : ToText(*type);
    const std::string_view kind = KindOf(full);
    if (kind == "ExecutionFlow") {
      take(source.ns, Literal(condition, "namespace"));
      take(source.flow_id, Literal(condition, "flowId"));
    } else if (kind == "ExecutionNamespace" && IsEqual(condition)) {
      take(source.ns, Literal(condition, "namespace"));
    } else if (kind == KindOf(kWhereType) && Literal(condition, "operand") != "OR") {
      const Value* filters = Member(condition, "filters");
      for (const Value& filter : filters != nullptr && filters->is_array() ? filters->get_array() : Array()) {
        if (Literal(filter, "type") != "EQUAL_TO" || Member(filter, "values") != nullptr) continue;
        if (Literal(filter, "field") == "NAMESPACE") take(source.ns, Literal(filter, "value"));
        if (Literal(filter, "field") == "FLOW_ID") take(source.flow_id, Literal(filter, "value"));
      }
    }
  }
}

// A window is met by executions of several flows, one for each of its conditions.
std::set<FlowIndex::Source> FlowIndex::SourcesOf(const TriggerSpec& spec) {
  Source base;
  Narrow(base, spec.conditions);
  if (spec.windows.empty()) return {base};
  std::set<Source> sources;
  for (const WindowSpec& window : spec.windows) {
    for (const NamedCondition& condition : window.conditions) {
      Source source = base;
      Narrow(source, condition.all);
      sources.insert(std::move(source));
    }
  }
  return sources;
}

void FlowIndex::Put(const TriggerSpec& spec) {
  std::vector<Place>& places = places_[spec.row.name];
  const std::set<Source> sources = SourcesOf(spec);
  for (const model::State state : spec.states) {
    for (const Source& source : sources) {
      places.emplace_back(state, source);
      by_place_[places.back()].insert(spec.row.name);
    }
  }
}

void FlowIndex::RemoveFlow(const std::string& ns, const std::string& flow_id) {
  const auto of_flow = [&](const model::TriggerName& name) { return name.ns == ns && name.flow_id == flow_id; };
  for (auto it = unread_.lower_bound({ns, flow_id, ""}); it != unread_.end() && of_flow(*it);) it = unread_.erase(it);
  for (auto it = places_.lower_bound({ns, flow_id, ""}); it != places_.end() && of_flow(it->first);) {
    for (const Place& place : it->second) {
      const auto named = by_place_.find(place);
      if (named == by_place_.end()) continue;
      named->second.erase(it->first);
      if (named->second.empty()) by_place_.erase(named);
    }
    it = places_.erase(it);
  }
}

std::vector<model::TriggerName> FlowIndex::Of(const std::string& ns, const std::string& flow_id, model::State state) const {
  std::set<model::TriggerName> names;
  for (const Source& source : {Source{ns, flow_id}, Source{ns, ""}, Source{"", flow_id}, Source{"", ""}}) {
    const auto it = by_place_.find({state, source});
    if (it != by_place_.end()) names.insert(it->second.begin(), it->second.end());
  }
  return {names.begin(), names.end()};
}

}  // namespace headrace::scheduler
