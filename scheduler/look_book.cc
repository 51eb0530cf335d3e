#include "scheduler/look_book.h"

#include <string>
#include <string_view>
#include <utility>

namespace headrace::scheduler {
namespace {

constexpr std::string_view kPrefix = "look-";

}  // namespace

bool IsLook(const wire::TaskKey& key) { return key.execution.str().starts_with(kPrefix); }

const TriggerLook& LookBook::Begin(std::uint64_t epoch, Timestamp date, ProgramPtr program, TriggerSpecPtr spec) {
  const std::uint64_t number = ++last_number_;
  const model::TriggerName& name = spec->row.name;
  const ExecutionId derived = DeriveExecutionId(date, name.str(), "look/" + std::to_string(epoch) + "/" + std::to_string(number),
                                               PlaceOfFlow(name.ns, name.flow_id));
  const wire::TaskKey key{ExecutionId(std::string(kPrefix) + derived.str()), {.task_run = 0, .attempt = 1, .delivery = 1}};
  by_name_[name] = key.execution;
  return looks_[key.execution] = {key, number, date, std::move(program), std::move(spec)};
}

TriggerLook* LookBook::Find(const wire::TaskKey& key) {
  const auto it = looks_.find(key.execution);
  return it == looks_.end() || it->second.key != key ? nullptr : &it->second;
}

TriggerLook* LookBook::Of(const model::TriggerName& name) {
  const auto it = by_name_.find(name);
  return it == by_name_.end() ? nullptr : &looks_.at(it->second);
}

void LookBook::End(const wire::TaskKey& key) {
  const auto it = looks_.find(key.execution);
  if (it == looks_.end()) return;
  const auto named = by_name_.find(it->second.spec->row.name);
  if (named != by_name_.end() && named->second == key.execution) by_name_.erase(named);
  looks_.erase(it);
}

}  // namespace headrace::scheduler
