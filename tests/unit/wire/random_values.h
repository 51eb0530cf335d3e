// Random nouns for round trips: every optional both ways, empty and odd texts, extreme numbers.
// Threads: one owner.
#pragma once

#include <limits>
#include <string>
#include <vector>

#include "common/base/ids.h"
#include "common/base/random.h"
#include "common/model/execution.h"

namespace headrace::wire {

class RandomValues {
 public:
  explicit RandomValues(std::uint64_t seed) : random_(seed) {}

  bool Coin() { return random_.Chance(0.5); }
  std::size_t Count(std::size_t most) { return random_.Below(most + 1); }
  std::uint32_t Number() { return static_cast<std::uint32_t>(random_.Next() >> random_.Below(64)); }
  std::uint64_t Big() { return random_.Next() >> random_.Below(64); }
  std::uint32_t FromOne() { return 1 + static_cast<std::uint32_t>(random_.Below(100)); }
  Timestamp Time() { return FromMicros(static_cast<std::int64_t>(random_.Below(4'000'000'000'000'000))); }
  // Any bytes at all, also no UTF-8.
  std::string Bytes(std::size_t most = 40) {
    std::string text(Count(most), '\0');
    for (char& c : text) c = static_cast<char>(random_.Below(256));
    return text;
  }
  std::string Word(std::size_t most = 12) {
    std::string text(Count(most), '\0');
    for (char& c : text) c = static_cast<char>('a' + random_.Below(26));
    return text;
  }
  ExecutionId Execution() { return NewExecutionId(Time(), random_, static_cast<Place>(random_.Next() % kPlaces)); }
  model::State State() { return static_cast<model::State>(random_.Below(model::kStateCount)); }

  model::StateHistory History() {
    model::StateHistory history;
    for (std::size_t i = Count(4); i > 0; --i) history.Enter(State(), Time());
    return history;
  }

  Value Json(int depth = 3) {
    switch (random_.Below(depth > 0 ? 9 : 7)) {
      case 0: return nullptr;
      case 1: return Coin();
      case 2: return static_cast<std::int64_t>(random_.Next());
      case 3: return std::numeric_limits<std::uint64_t>::max() - Count(3);
      case 4: return (random_.Unit() - 0.5) * 1e6;
      case 5: return json::string(Bytes());
      case 6: return std::numeric_limits<double>::denorm_min() * static_cast<double>(Number());
      case 7: {
        Array items;
        for (std::size_t i = Count(4); i > 0; --i) items.push_back(Json(depth - 1));
        return items;
      }
      default: return Members(depth - 1);
    }
  }
  Object Members(int depth = 3) {
    Object members;
    for (std::size_t i = Count(4); i > 0; --i) members.insert_or_assign(Word(), Json(depth));
    return members;
  }

  std::vector<model::Label> Labels() {
    std::vector<model::Label> labels;
    for (std::size_t i = Count(3); i > 0; --i) labels.emplace_back(Word(), Bytes());
    return labels;
  }

  model::TaskRun TaskRun() {
    model::TaskRun run;
    run.index = 1 + Number() / 2;
    run.id = DeriveTaskRunId(Execution(), run.index);
    run.task = Number();
    if (Coin()) run.parent = static_cast<std::uint32_t>(random_.Below(run.index));
    if (Coin()) run.value = Bytes();
    if (Coin()) run.iteration = static_cast<std::int32_t>(Count(5));
    run.state = History();
    for (std::size_t i = Count(3); i > 0; --i) run.attempts.push_back({History(), WorkerId(Word()), Coin() ? Big() : 0});
    run.outputs = Members();
    run.attempt = FromOne();
    run.delivery = FromOne();
    if (Coin()) run.due = Time();
    if (Coin()) run.deadline = Time();
    run.message = Bytes();
    run.superseded = Coin();
    return run;
  }

  model::Execution ExecutionWithoutTaskRuns() {
    model::Execution execution;
    execution.id = Execution();
    execution.ns = Word();
    execution.flow_id = Word();
    execution.flow_revision = static_cast<int>(Count(9));
    execution.state = History();
    execution.inputs = Members();
    execution.outputs = Members();
    execution.variables = Members();
    execution.labels = Labels();
    execution.trigger = Json();
    if (Coin()) execution.parent = model::ParentLink{Execution(), Number(), FromOne()};
    if (Coin()) execution.original_id = Execution();
    if (Coin()) execution.replay_of = Execution();
    execution.attempt_number = static_cast<int>(FromOne());
    execution.version = Big();
    execution.kill_requested = Coin();
    execution.message = Bytes();
    return execution;
  }

 private:
  Random random_;
};

}  // namespace headrace::wire
