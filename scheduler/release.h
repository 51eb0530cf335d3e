// What may happen only after a batch is durable, in the order to perform.
// Called by: filled by Partition while it applies, carried out by Core when the store says done.
// Threads: loop thread only. Source: DESIGN section 3, law 1.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "common/store/store.h"
#include "common/wire/messages.h"
#include "common/wire/records.h"
#include "scheduler/engine.h"

namespace headrace::scheduler {

struct DispatchOrder {
  wire::TaskKey key;
};

struct CancelOrder {
  wire::TaskKey key;
  std::string reason;
};

struct AckOrder {
  std::string peer;
  wire::TaskKey key;
  wire::Verdict verdict = wire::Verdict::kAccepted;
};

struct OutboxOrder {
  std::uint64_t id = 0;
  wire::OutboxItem item;
};

// Gets the commit's status: an error when the store failed.
struct ReplyOrder {
  std::function<void(Status)> reply;
};

struct PublishOrder {
  WatchUpdate update;
};

// An execution has ended: its slot is free.
struct EndOrder {
  std::string ns;
  std::string flow_id;
  ExecutionId id;
  model::State state = model::State::kSuccess;
  std::string trigger_id{};  // of its flow, which had started it; empty: none
  Duration took{};           // since it was created
};

// An execution has come to new states.
struct StateNews {
  ExecutionId id;
  std::size_t first = 0;  // place of the first new one in its history
};

// An execution has gone from one state to another.
struct ExecutionStep {
  std::optional<model::StateChange> from{};  // nothing: it is new
  model::State to = model::State::kCreated;
};

struct TaskRunEnd {
  std::string type;
  model::State state = model::State::kSuccess;
  Duration took{};
};

using Order = std::variant<DispatchOrder, CancelOrder, AckOrder, OutboxOrder, ReplyOrder, PublishOrder, EndOrder>;

struct Release {
  std::vector<Order> orders;
  std::vector<store::LogRow> logs;
  std::vector<ExecutionId> touched;
  std::vector<ExecutionId> deleted;
  std::vector<ExecutionStep> steps;
  std::vector<TaskRunEnd> task_runs_ended;  // of a partition that is measured
};

}  // namespace headrace::scheduler
