// An engine behind a door that holds executions and logs in memory.
#pragma once

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "worker/engine_door.h"
#include "worker/task_runner.h"

namespace headrace::worker {

class FakeDoor final : public EngineDoor {
 public:
  struct Kept {
    SeenExecution seen;
    model::State state;
    Timestamp created{};
    std::vector<SeenLog> logs{};
  };

  Status SetTriggerEnabled(const std::string& ns, const std::string& flow_id, const std::string& trigger, bool enabled) override {
    toggled.push_back(ns + "/" + flow_id + "/" + trigger + (enabled ? " on" : " off"));
    return {};
  }
  std::vector<std::string> toggled{};

  Result<std::vector<FlowCount>> Count(const ExecutionFilter& filter) override {
    std::map<std::pair<std::string, std::string>, std::uint64_t> counts;
    for (const Kept& kept : executions)
      if (Matches(filter, kept)) ++counts[{kept.seen.ns, kept.seen.flow_id}];
    std::vector<FlowCount> out;
    for (const auto& [flow, count] : counts) out.push_back({flow.first, flow.second, count});
    return out;
  }
  Result<model::ShareReply> Share(const model::ShareRequest&) override { return model::ShareReply(); }
  Result<Page> List(const ExecutionFilter& filter, std::size_t most, const std::string& page) override {
    Page found;
    for (const Kept& kept : executions) {
      if (kept.seen.id.str() <= page || !Matches(filter, kept)) continue;
      if (found.executions.size() == most) {
        found.next = found.executions.back().id.str();
        break;
      }
      found.executions.push_back(kept.seen);
    }
    return found;
  }
  Result<SeenExecution> Find(const ExecutionId& id) override {
    if (broken) return Fail(Code::kUnavailable, "no headrace server answers");
    for (const Kept& kept : executions)
      if (kept.seen.id == id) return kept.seen;
    return NotFound("there is no execution " + id.str());
  }
  Result<SeenWhole> FindWhole(const ExecutionId& id) override {
    if (broken) return Fail(Code::kUnavailable, "no headrace server answers");
    const auto at = wholes.find(id.str());
    if (at == wholes.end()) return NotFound("there is no execution " + id.str());
    return at->second;
  }
  Status Resume(const ExecutionId& id, const Object& inputs) override {
    if (id.str() == "RUNS") return Fail(Code::kFailedPrecondition, "execution RUNS is not paused, its state is RUNNING");
    resumed.push_back(id.str() + " " + ToJson(Value(inputs)));
    return {};
  }
  Status ReadLogs(const LogFilter& filter, const std::function<Status(const SeenLog&)>& line) override {
    for (const Kept& kept : executions) {
      if (kept.seen.id != filter.execution) continue;
      for (const SeenLog& log : kept.logs) {
        if (!filter.task_id.empty() && log.task_id != filter.task_id) continue;
        if (!filter.level_min.empty() && *LevelRank(log.level) < *LevelRank(filter.level_min)) continue;
        RETURN_IF_ERROR(line(log));
      }
    }
    return {};
  }
  Result<Purged> PurgeExecutions(const std::vector<ExecutionId>& ids) override {
    batches.push_back(ids.size());
    Purged purged;
    std::erase_if(executions, [&](const Kept& kept) {
      if (!kept.seen.ended || std::find(ids.begin(), ids.end(), kept.seen.id) == ids.end()) return false;
      ++purged.executions;
      purged.logs += kept.logs.size();
      return true;
    });
    return purged;
  }
  Result<std::uint64_t> PurgeLogs(const LogPurge& purge) override {
    std::uint64_t count = 0;
    for (Kept& kept : executions) {
      if (std::find(purge.executions.begin(), purge.executions.end(), kept.seen.id) == purge.executions.end()) continue;
      count += std::erase_if(kept.logs, [&](const SeenLog& log) {
        const auto& levels = purge.levels;
        if (!levels.empty() && std::find(levels.begin(), levels.end(), log.level) == levels.end()) return false;
        return (!purge.from || log.at >= *purge.from) && (!purge.before || log.at < *purge.before);
      });
    }
    return count;
  }

  std::vector<Kept> executions{};  // by id
  std::map<std::string, SeenWhole> wholes{};
  std::vector<std::string> resumed{};
  std::vector<std::size_t> batches{};
  bool broken = false;

 private:
  static bool Matches(const ExecutionFilter& filter, const Kept& kept) {
    if (!filter.ns.empty() && kept.seen.ns != filter.ns) return false;
    const std::string& prefix = filter.ns_prefix;
    if (!prefix.empty() && kept.seen.ns != prefix && !kept.seen.ns.starts_with(prefix + ".")) return false;
    if (!filter.flow_id.empty() && kept.seen.flow_id != filter.flow_id) return false;
    if (filter.created_from && kept.created < *filter.created_from) return false;
    if (filter.created_before && kept.created >= *filter.created_before) return false;
    return filter.states.empty() || std::find(filter.states.begin(), filter.states.end(), kept.state) != filter.states.end();
  }
};

}  // namespace headrace::worker
