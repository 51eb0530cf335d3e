// What a store holds, decoded for people: a partition as a whole, one execution as it rests.
// Laws: values of inputs, outputs, variables and of what tasks remember are never shown, only their names.
// Errors: the store's; a record that cannot be read is told among `damaged`, and the rest is given.
// Threads: the caller's.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/model/value.h"
#include "common/store/look.h"

namespace headrace::cli {

// What one execution owes another.
struct OwedReport {
  std::uint64_t number = 0;
  std::string kind;  // "StartChild"
  std::string from;
  std::string to;
  std::optional<Timestamp> since{};  // about: when the child was decided, or when `from` last changed its state
};

struct PartitionReport {
  store::LeaseHolder holder{};
  bool leased = true;
  std::map<std::string, std::uint64_t> states{};  // executions by state
  std::uint64_t executions = 0;
  std::vector<std::string> active{};
  std::uint64_t timers = 0;
  std::uint64_t timers_due = 0;
  std::optional<Timestamp> next_timer{};
  std::vector<OwedReport> outbox{};
  std::map<std::string, std::uint64_t> notes{};  // by kind: triggers, shared, other
  std::vector<std::string> damaged{};
};

Result<PartitionReport> InspectPartition(store::StoreLook& look, store::PartitionId partition, bool all_task_runs, Timestamp now);
Object Describe(const PartitionReport& report, Timestamp now);
// With its timers and what it owes.
Result<Object> InspectExecution(store::StoreLook& look, const ExecutionId& id);

}  // namespace headrace::cli
