#include "tests/sim/storms.h"

namespace headrace::sim {
namespace {

// Any number that gives other chance than the world's.
constexpr std::uint64_t kOther = 0x5704;

}  // namespace

StormFaults SampleStorms(std::uint64_t seed) {
  Random chance(Mix64(seed ^ kOther));
  const auto maybe = [&] { return chance.Chance(0.35); };
  StormFaults faults;
  faults.failovers = maybe();
  faults.epoch_regress = faults.failovers && chance.Chance(0.6);
  faults.one_way_cuts = maybe();
  faults.version_skew = maybe();
  return faults;
}

Storms::Storms(World& world, StoreServer& server, const StormFaults& faults, std::uint64_t seed, int schedulers, int workers)
    : world_(world), server_(server), faults_(faults), chance_(seed + kOther), schedulers_(schedulers), workers_(workers) {}

void Storms::Begin() {
  stormy_ = true;
  if (faults_.failovers) {
    server_.on_loaded = [this] {
      if (chance_.Chance(0.03)) FailOver();
    };
  }
  // The moment at which a failover forgets who took what.
  if (faults_.epoch_regress) {
    server_.on_taken = [this] {
      if (stormy_ && chance_.Chance(0.1)) world_.After(Between(Duration(0), std::chrono::milliseconds(2)), [this] { FailOver(); });
    };
  }
  if (faults_.failovers || faults_.one_way_cuts) Plan();
}

void Storms::Calm() {
  stormy_ = false;
  cuts_.clear();
  for (int i = 0; i < schedulers_; ++i) server_.CutOff(i, false);
  if (server_.away()) server_.Promote(faults_.epoch_regress, chance_);
  server_.SetAway(false);
}

void Storms::Plan() {
  world_.After(Between(std::chrono::seconds(1), std::chrono::seconds(15)), [this] {
    if (!stormy_) return;
    Strike();
    Plan();
  });
}

void Storms::Strike() {
  const std::string scheduler = Any("s", schedulers_);
  switch (chance_.Below(4)) {
    case 0: if (faults_.failovers) FailOver(); break;
    case 1: if (faults_.one_way_cuts) Cut(scheduler, Any("s", schedulers_)); break;
    case 2:
      if (!faults_.one_way_cuts) break;
      if (chance_.Chance(0.5)) Cut(scheduler, Any("w", workers_));
      else Cut(Any("w", workers_), scheduler);
      break;
    case 3: if (faults_.one_way_cuts) CutOff(scheduler.at(1) - '0'); break;
    default: break;
  }
}

void Storms::FailOver() {
  if (server_.away() || !stormy_) return;
  world_.Note("the store is away");
  server_.SetAway(true);
  world_.After(Between(std::chrono::milliseconds(200), std::chrono::seconds(12)), [this] {
    if (!stormy_) return;
    server_.Promote(faults_.epoch_regress, chance_);
    server_.SetAway(false);
    world_.Note("the store is there again");
  });
}

void Storms::CutOff(int scheduler) {
  world_.Note("scheduler " + std::to_string(scheduler) + " cannot reach the store");
  server_.CutOff(scheduler, true);
  world_.After(Between(std::chrono::milliseconds(200), std::chrono::seconds(20)), [this, scheduler] { server_.CutOff(scheduler, false); });
}

void Storms::Cut(const std::string& from, const std::string& to) {
  world_.Note("nothing comes from " + from + " to " + to);
  cuts_.insert({from, to});
  world_.After(Between(std::chrono::seconds(1), std::chrono::seconds(25)), [this, from, to] { cuts_.erase({from, to}); });
}

Duration Storms::Between(Duration low, Duration high) {
  return low + Duration(static_cast<std::int64_t>(chance_.Below(static_cast<std::uint64_t>((high - low).count()) + 1)));
}

}  // namespace headrace::sim
