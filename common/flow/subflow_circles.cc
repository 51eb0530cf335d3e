#include "common/flow/subflow_circles.h"

#include <algorithm>
#include <deque>
#include <iterator>
#include <map>
#include <utility>

#include "common/flow/property_checks.h"

namespace headrace::flow {
namespace {

constexpr std::size_t kFlowsMax = 1000;
constexpr std::size_t kNamedMax = 8;

using Name = std::pair<std::string, std::string>;

// Empty when only a run knows it.
std::string NameFrom(const model::Task& task, std::string_view property, const model::Flow& flow) {
  const Value* value = task.properties.if_contains(property);
  if (value == nullptr || !value->is_string()) return {};
  const std::string text(value->get_string());
  if (!HoldsExpression(text)) return text;
  std::string bare;
  std::copy_if(text.begin(), text.end(), std::back_inserter(bare), [](char c) { return c != ' '; });
  if (bare == "{{flow.namespace}}") return flow.ns;
  return bare == "{{flow.id}}" ? flow.id : std::string();
}

// How the search came to a flow.
struct Step {
  Name from;
  std::size_t first = 0;  // the call of the flow in question that it all began with
};

class Search {
 public:
  Search(const model::Flow& flow, const FindFlow& find) : flow_(flow), find_(find), own_(flow.ns, flow.id) {}

  // The names from the flow back to itself, and the call that begins it.
  std::optional<std::pair<std::vector<Name>, SubflowCall>> Run() {
    const std::vector<SubflowCall> calls = SubflowCalls(flow_);
    for (std::size_t i = 0; i < calls.size(); ++i) {
      if (Visit({calls[i].ns, calls[i].flow_id}, {own_, i})) return std::pair{Way({own_, i}), calls[i]};
    }
    while (!open_.empty()) {
      const Name name = std::move(open_.front());
      open_.pop_front();
      const model::FlowPtr next = find_(name.first, name.second);
      if (next == nullptr) continue;
      const std::size_t first = steps_.at(name).first;
      for (const SubflowCall& call : SubflowCalls(*next)) {
        if (Visit({call.ns, call.flow_id}, {name, first})) return std::pair{Way({name, first}), calls[first]};
      }
    }
    return std::nullopt;
  }

 private:
  // True when this is where the search began.
  bool Visit(const Name& name, Step step) {
    if (name == own_) return true;
    if (steps_.size() < kFlowsMax && steps_.emplace(name, std::move(step)).second) open_.push_back(name);
    return false;
  }

  std::vector<Name> Way(Step last) const {
    std::vector<Name> way = {own_};
    for (Name at = last.from; at != own_; at = steps_.at(at).from) way.push_back(at);
    way.push_back(own_);
    std::reverse(way.begin(), way.end());
    return way;
  }

  const model::Flow& flow_;
  const FindFlow& find_;
  const Name own_;
  std::map<Name, Step> steps_;
  std::deque<Name> open_;
};

std::string Drawn(const std::vector<Name>& way) {
  std::string text;
  for (std::size_t i = 0; i < way.size(); ++i) {
    if (i > kNamedMax && i + 1 < way.size()) continue;
    if (i > 0) text += i + 1 == way.size() && way.size() > kNamedMax + 2 ? " -> … -> " : " -> ";
    text += way[i].first + '.' + way[i].second;
  }
  return text;
}

}  // namespace

std::vector<SubflowCall> SubflowCalls(const model::Flow& flow) {
  std::vector<SubflowCall> calls;
  for (const model::Task& task : flow.arena) {
    if (task.role != model::TaskRole::kExecutable || task.disabled) continue;
    SubflowCall call{NameFrom(task, "namespace", flow), NameFrom(task, "flowId", flow), task.index};
    if (!call.ns.empty() && !call.flow_id.empty()) calls.push_back(std::move(call));
  }
  return calls;
}

std::optional<Violation> FindCircle(const model::Flow& flow, const FindFlow& find, const std::string& file) {
  const auto found = Search(flow, find).Run();
  if (!found) return std::nullopt;
  const model::Task& task = flow.task(found->second.task);
  const std::string shown = task.id.substr(0, task.id.find("_items/"));
  return Violation{shown + ".flowId",
                   "these flows start one another in a circle: " + Drawn(found->first) +
                       "; unless a condition ends it, executions fail when subflows are nested too deep",
                   task.line, task.column, file};
}

}  // namespace headrace::flow
