// Faults between whole parts of a cluster: the store fails over, one scheduler loses it, and paths that carry one way only.
// Shapes: drawn with chance of their own, so that seeds without them keep their histories.
// Threads: one.
#pragma once

#include <string>

#include "tests/sim/store_server.h"

namespace headrace::sim {

struct StormFaults {
  bool failovers = false;      // the store is away for a while, then another server is it
  bool epoch_regress = false;  // the new one has forgotten takings
  bool one_way_cuts = false;   // of one worker with one scheduler, of two schedulers, of one scheduler with the store
  bool version_skew = false;   // some schedulers are of the release before
};

StormFaults SampleStorms(std::uint64_t seed);

class Storms {
 public:
  Storms(World& world, StoreServer& server, const StormFaults& faults, std::uint64_t seed, int schedulers, int workers);

  void Begin();
  void Calm();
  // Nothing comes through that way: names are "w0", "s1".
  bool IsCut(const std::string& from, const std::string& to) const { return !cuts_.empty() && cuts_.contains({from, to}); }
  bool forgets_takings() const { return faults_.epoch_regress; }
  // Whether the scheduler that starts now is of the release before.
  bool StartsBefore() { return faults_.version_skew && chance_.Chance(0.5); }

 private:
  void Plan();
  void Strike();
  void FailOver();
  void CutOff(int scheduler);
  void Cut(const std::string& from, const std::string& to);
  Duration Between(Duration low, Duration high);
  std::string Any(const char* kind, int count) { return kind + std::to_string(chance_.Below(static_cast<std::uint64_t>(count))); }

  World& world_;
  StoreServer& server_;
  const StormFaults faults_;
  Random chance_;
  const int schedulers_;
  const int workers_;
  bool stormy_ = false;
  std::set<std::pair<std::string, std::string>> cuts_;
};

}  // namespace headrace::sim
