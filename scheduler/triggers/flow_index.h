// Which flow triggers an execution that comes to a state could concern: by that state and by the flow that they name.
// Place: asked for every new state of every execution, before anything is evaluated.
// Laws: a trigger that may match is always given; one that is given need not match. A name that is an expression, a prefix or a
//   pattern may be any.
// Threads: one owner. Cost: O(those given + log of all).
#pragma once

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "scheduler/triggers/spec.h"

namespace headrace::scheduler {

class FlowIndex {
 public:
  void Put(const TriggerSpec& spec);
  // What it says is not known yet.
  void PutUnread(const model::TriggerName& name) { unread_.insert(name); }
  void RemoveFlow(const std::string& ns, const std::string& flow_id);
  std::set<model::TriggerName> TakeUnread() { return std::exchange(unread_, {}); }

  // In order of their names.
  std::vector<model::TriggerName> Of(const std::string& ns, const std::string& flow_id, model::State state) const;
  bool empty() const { return places_.empty() && unread_.empty(); }

 private:
  // Of the execution; empty: any.
  struct Source {
    std::string ns;
    std::string flow_id;
    auto operator<=>(const Source&) const = default;
  };
  using Place = std::pair<model::State, Source>;

  static void Narrow(Source& source, const Array& conditions);
  static std::set<Source> SourcesOf(const TriggerSpec& spec);

  std::map<Place, std::set<model::TriggerName>> by_place_;
  std::map<model::TriggerName, std::vector<Place>> places_;
  std::set<model::TriggerName> unread_;
};

}  // namespace headrace::scheduler
