// One history: flows are submitted to a simulated house while faults happen, then the faults stop and all must end well.
// Shapes: faults are sampled per seed, so that some seeds know only one kind; a history without faults is the oracle.
// Errors: the first law that was broken, or what is still pending at the end and why.
// Threads: one. Source: FAILURES 6.1.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/sim/nodes.h"
#include "tests/sim/storms.h"

namespace headrace::sim {

struct Faults {
  double loss = 0;
  double repeat = 0;
  Duration delay_max = std::chrono::milliseconds(5);
  bool worker_crashes = false;
  bool worker_pauses = false;
  bool worker_drains = false;
  bool scheduler_crashes = false;
  bool scheduler_takeovers = false;
  bool partitions = false;
  bool reconnects = false;
  bool clock_steps = false;
  bool clock_skew = false;  // schedulers of a cluster whose clocks differ
  StoreFaults store{};
};

Faults SampleFaults(Random& random);

struct Outcome {
  std::optional<std::string> broken;           // nothing: all laws hold
  std::map<int, std::string> ends;             // by submission: how it ended, in words that do not depend on time
  std::uint64_t digest = 0;
  std::uint64_t steps = 0;
  Duration simulated{};
};

struct ScenarioOptions {
  std::uint64_t seed = 1;
  bool faults = true;
  bool trace = false;
};

Outcome RunScenario(const ScenarioOptions& options);

// Both histories of a seed, with faults and without: they must end the same.
Outcome RunSeed(std::uint64_t seed, bool trace);

}  // namespace headrace::sim
