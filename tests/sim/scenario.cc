#include "tests/sim/scenario.h"

#include <algorithm>
#include <set>

#include "common/base/check.h"
#include "tests/sim/flows.h"

namespace headrace::sim {
namespace {

constexpr int kWorkers = 3;
constexpr int kSubmissions = 8;
constexpr Duration kStormy = std::chrono::seconds(90);
constexpr Duration kCalm = std::chrono::seconds(600);

class Scenario {
 public:
  explicit Scenario(const ScenarioOptions& options)
      : options_(options), world_(options.seed * 2 + (options.faults ? 1 : 0), options.trace),
        faults_(options.faults ? SampleFaults(world_.random) : Faults{}), clock_(world_), disk_(store::MakeMemoryStore(clock_)),
        flow_disk_(store::MakeMemoryFlowStore()),
        around_{world_, laws_, *disk_, *flow_disk_, SimCatalog(), faults_.store,
                [this](int worker, std::string frame) { ToScheduler(worker, std::move(frame)); },
                [this](const std::string& peer, std::string frame) { ToWorker(peer, std::move(frame)); }} {}

  Outcome Run() {
    scheduler_ = std::make_unique<SchedulerNode>(around_);
    for (const std::string& source : FlowSources()) {
      const auto applied = scheduler_->flows().Apply(source, "sim", world_.wall());
      if (!applied) laws_.Break("the flows are valid", applied.error().ToString());
    }
    if (watches()) {
      CHECK(scheduler_->flows().Apply(WatchSource(), "sim", world_.wall()).has_value());
      scheduler_->Follow(kWatchFlow);
    }
    for (int i = 0; i < kWorkers; ++i) StartWorker(i);
    for (int n = 0; n < kSubmissions; ++n) {
      world_.After(world_.Between(Duration(0), kStormy / 2), [this, n] { Submit(n); });
    }
    if (options_.faults) PlanFault();
    if (options_.faults && options_.seed % 3 == 0) PlanPurge();
    RunWhileLawful(kStormy);
    const std::size_t seen = laws_.looks_that_started();
    Calm();
    RunWhileLawful(kStormy + kCalm);
    if (!laws_.broken()) CheckEnds();
    if (watches() && !laws_.broken() && laws_.looks_that_started() < seen + 5) laws_.Break("liveness", "the trigger looks no more");
    return {laws_.broken(), ends_, world_.digest(), world_.steps(), world_.now()};
  }

 private:
  bool watches() const { return options_.seed % 4 == 1; }

  void RunWhileLawful(Duration end) {
    for (Duration at = world_.now(); at < end && !laws_.broken(); at += std::chrono::seconds(1)) {
      world_.RunUntil(std::min(at + std::chrono::seconds(1), end));
      StepDown();
    }
  }

  // A scheduler whose commit was refused ends itself.
  void StepDown() {
    if (zombie_ && zombie_->failed()) zombie_.reset();
    if (scheduler_->failed()) laws_.Break("the owner of a partition can commit", "the newest scheduler was refused");
  }

  // ---- the network ----
  std::string PeerOf(int worker) const {
    return "w" + std::to_string(worker) + "." + std::to_string(lives_[static_cast<std::size_t>(worker)]) + "." +
           std::to_string(connections_[static_cast<std::size_t>(worker)]);
  }

  template <typename Deliver>
  void Carry(Deliver deliver) {
    if (stormy_ && world_.random.Chance(faults_.loss)) return;
    world_.After(world_.Between(std::chrono::microseconds(50), stormy_ ? faults_.delay_max : Duration(2000)), deliver);
    if (stormy_ && world_.random.Chance(faults_.repeat)) {
      world_.After(world_.Between(std::chrono::microseconds(50), faults_.delay_max * 3), deliver);
    }
  }

  void ToScheduler(int worker, std::string frame) {
    if (cut_up_.contains(worker)) return;
    Carry([this, peer = PeerOf(worker), frame = std::move(frame)] {
      if (scheduler_) scheduler_->OnFrame(peer, frame);
    });
  }

  void ToWorker(const std::string& peer, std::string frame) {
    const int worker = peer.at(1) - '0';
    if (cut_down_.contains(worker)) return;
    const std::string life = peer.substr(0, peer.rfind('.'));
    Carry([this, worker, life, frame = std::move(frame)] {
      const auto at = static_cast<std::size_t>(worker);
      if (workers_[at] && PeerOf(worker).starts_with(life + ".")) workers_[at]->OnFrame(frame);
    });
  }

  // ---- life and death ----
  void StartWorker(int index) {
    const auto at = static_cast<std::size_t>(index);
    ++lives_[at];
    ++connections_[at];
    const std::string name = "w" + std::to_string(index) + "-" + std::to_string(lives_[at]);
    workers_[at] = std::make_unique<WorkerNode>(
        around_, index, name, [this](const worker::StartOrder& order) { return FateOf(options_.seed, order); });
  }

  void KillWorker(int index) {
    const auto at = static_cast<std::size_t>(index);
    if (!workers_[at]) return;
    world_.Note("worker " + std::to_string(index) + " dies");
    laws_.OnWorkerFrozen(index, false);
    workers_[at].reset();
    world_.After(world_.Between(Duration(1000), std::chrono::seconds(15)), [this, index, at] {
      if (!workers_[at]) StartWorker(index);
    });
  }

  void PauseWorker(int index) {
    const auto at = static_cast<std::size_t>(index);
    if (!workers_[at]) return;
    world_.Note("worker " + std::to_string(index) + " is stopped");
    workers_[at]->Pause();
    world_.After(world_.Between(std::chrono::seconds(1), std::chrono::seconds(30)),
                 [this, at, life = lives_[at]] {
                   if (workers_[at] && lives_[at] == life) workers_[at]->Resume();
                 });
  }

  void RestartScheduler() {
    world_.Note("scheduler dies");
    scheduler_.reset();
    zombie_.reset();
    scheduler_ = std::make_unique<SchedulerNode>(around_);
    for (auto& connection : connections_) ++connection;
  }

  // The old one sleeps while a new one takes over, and wakes up later, believing it is still the owner.
  void TakeOver() {
    if (zombie_) return;
    world_.Note("scheduler sleeps, another takes over");
    zombie_ = std::move(scheduler_);
    zombie_->Pause();
    scheduler_ = std::make_unique<SchedulerNode>(around_);
    for (auto& connection : connections_) ++connection;
    world_.After(world_.Between(std::chrono::seconds(1), std::chrono::seconds(20)), [this] {
      if (zombie_) zombie_->Resume();
    });
  }

  void Cut(int worker) {
    const std::uint64_t way = world_.random.Below(3);
    if (way != 0) cut_up_.insert(worker);
    if (way != 1) cut_down_.insert(worker);
    world_.After(world_.Between(std::chrono::seconds(1), std::chrono::seconds(25)), [this, worker] {
      cut_up_.erase(worker);
      cut_down_.erase(worker);
    });
  }

  void PlanFault() {
    world_.After(world_.Between(std::chrono::milliseconds(200), std::chrono::seconds(12)), [this] {
      if (!stormy_) return;
      Strike();
      PlanFault();
    });
  }

  void Strike() {
    const int worker = static_cast<int>(world_.random.Below(kWorkers));
    const auto at = static_cast<std::size_t>(worker);
    switch (world_.random.Below(8)) {
      case 0: if (faults_.worker_crashes) KillWorker(worker); break;
      case 1: if (faults_.worker_pauses) PauseWorker(worker); break;
      case 2: if (faults_.scheduler_crashes) RestartScheduler(); break;
      case 3: if (faults_.scheduler_takeovers) TakeOver(); break;
      case 4: if (faults_.partitions) Cut(worker); break;
      case 5: if (faults_.reconnects) ++connections_[at]; break;
      case 6: if (faults_.worker_drains && workers_[at]) workers_[at]->Drain(); break;
      case 7: if (faults_.clock_steps) world_.StepWall(world_.Between(Duration(0), std::chrono::seconds(40))); break;
      default: break;
    }
  }

  void Calm() {
    world_.Note("calm");
    stormy_ = false;
    cut_up_.clear();
    cut_down_.clear();
    for (int i = 0; i < kWorkers; ++i) {
      const auto at = static_cast<std::size_t>(i);
      laws_.OnWorkerFrozen(i, false);
      workers_[at].reset();
      StartWorker(i);
    }
  }

  // ---- people ----
  void Submit(int n) {
    if (answered_.contains(n)) return;
    scheduler::SubmitRequest request{.ns = "sim", .flow_id = FlowOf(n), .inputs = {{"n", n}},
                                     .request_id = "request-" + std::to_string(n)};
    if (scheduler_) {
      scheduler_->Submit(std::move(request), [this, n](Result<scheduler::SubmitReply> reply) {
        if (!reply) return;
        laws_.OnSubmitReply(reply->id);
        const auto [it, fresh] = answered_.emplace(n, reply->id);
        if (!fresh && it->second != reply->id) {
          laws_.Break("one request, one execution", "request " + std::to_string(n));
        }
      });
    }
    world_.After(std::chrono::seconds(5), [this, n] { Submit(n); });
  }

  // Whatever it finds, running or not: what has ended goes, and no outcome changes by it. With chance of its own, so that the
  // other seeds keep their histories.
  void PlanPurge() {
    world_.After(std::chrono::milliseconds(100 + purges_.Below(3000)), [this] {
      const auto& all = laws_.executions();
      if (scheduler_ && !all.empty()) {
        scheduler_->Purge(std::next(all.begin(), static_cast<std::ptrdiff_t>(purges_.Below(all.size())))->first);
      }
      PlanPurge();
    });
  }

  std::string FlowOf(int n) const {
    return FlowIds()[StableHash(std::to_string(n), options_.seed) % FlowIds().size()];
  }

  // ---- the end ----
  void CheckEnds() {
    std::map<int, int> roots;
    for (const auto& [id, execution] : laws_.executions()) {
      if (!execution.parent && execution.flow_id != kWatchFlow) ++roots[static_cast<int>(execution.inputs.at("n").to_number<std::int64_t>())];
    }
    for (int n = 0; n < kSubmissions; ++n) {
      if (!answered_.contains(n)) return laws_.Break("liveness", "submission " + std::to_string(n) + " was never answered");
      if (roots[n] != 1) {
        return laws_.Break("one request, one execution", std::to_string(roots[n]) + " for request " + std::to_string(n));
      }
      ends_[n] = Describe(answered_.at(n));
    }
  }

  // How an execution ended, without ids and times. Breaks liveness if it has not.
  std::string Describe(const ExecutionId& id) {
    const auto it = laws_.executions().find(id);
    if (it == laws_.executions().end()) {
      laws_.Break("nothing acked is lost", id.str());
      return "lost";
    }
    const model::Execution& execution = it->second;
    std::multiset<std::string> parts;
    std::string pending;
    for (const model::TaskRun& task_run : laws_.TaskRunsOf(id)) {
      const std::string task = execution.flow_id + "#" + std::to_string(task_run.task);
      const std::string state(model::StateName(task_run.state.current()));
      if (!model::IsTerminal(task_run.state.current()) && !task_run.superseded) {
        pending += " " + task + "/" + std::to_string(task_run.index) + " is " + state;
      }
      if (task_run.superseded) continue;
      std::string part = task + " " + state + " attempt " + std::to_string(task_run.attempt);
      if (const Value* count = task_run.outputs.if_contains("iterationCount")) part += " count " + ToText(*count);
      if (const Value* value = task_run.outputs.if_contains("value")) part += " value " + ToText(*value);
      if (const Value* child = task_run.outputs.if_contains("executionId"); child != nullptr && child->is_string()) {
        part += " (" + Describe(ExecutionId(std::string(child->get_string()))) + ")";
      }
      parts.insert(part);
    }
    const model::State state = execution.state.current();
    if (!model::IsTerminal(state)) {
      laws_.Break("liveness", "execution " + id.str() + " of " + execution.flow_id + " is " +
                                  std::string(model::StateName(state)) + ", pending because" + pending);
    }
    std::string text = execution.flow_id + " " + std::string(model::StateName(state)) + ":";
    for (const std::string& part : parts) text += " [" + part + "]";
    return text;
  }

  const ScenarioOptions options_;
  World world_;
  Random purges_{options_.seed};
  const Faults faults_;
  Laws laws_;
  const WorldClock clock_;
  const std::unique_ptr<store::Store> disk_;
  const std::unique_ptr<store::FlowStore> flow_disk_;
  Surroundings around_;
  std::unique_ptr<SchedulerNode> scheduler_;
  std::unique_ptr<SchedulerNode> zombie_;
  std::array<std::unique_ptr<WorkerNode>, kWorkers> workers_;
  std::array<int, kWorkers> lives_{};
  std::array<int, kWorkers> connections_{};
  std::set<int> cut_up_;
  std::set<int> cut_down_;
  bool stormy_ = true;
  std::map<int, ExecutionId> answered_;
  std::map<int, std::string> ends_;
};

}  // namespace

Faults SampleFaults(Random& random) {
  Faults faults;
  const auto maybe = [&] { return random.Chance(0.4); };
  if (maybe()) faults.loss = random.Unit() * 0.3;
  if (maybe()) faults.repeat = random.Unit() * 0.5;
  if (maybe()) faults.delay_max = std::chrono::milliseconds(1 + random.Below(5000));
  faults.worker_crashes = maybe();
  faults.worker_pauses = maybe();
  faults.worker_drains = maybe();
  faults.scheduler_crashes = maybe();
  faults.scheduler_takeovers = maybe();
  faults.partitions = maybe();
  faults.reconnects = maybe();
  faults.clock_steps = maybe();
  if (maybe()) faults.store.stall = random.Unit() * 0.2;
  return faults;
}

Outcome RunScenario(const ScenarioOptions& options) { return Scenario(options).Run(); }

Outcome RunSeed(std::uint64_t seed, bool trace) {
  Outcome storm = RunScenario({.seed = seed, .faults = true, .trace = trace});
  if (storm.broken) return storm;
  const Outcome calm = RunScenario({.seed = seed, .faults = false, .trace = false});
  storm.steps += calm.steps;
  storm.simulated += calm.simulated;
  if (calm.broken) {
    storm.broken = "without faults: " + *calm.broken;
    return storm;
  }
  for (const auto& [n, end] : calm.ends) {
    if (storm.ends[n] != end) {
      storm.broken = "faults change no outcome: submission " + std::to_string(n) + "\n  without: " + end +
                     "\n  with:    " + storm.ends[n];
      return storm;
    }
  }
  return storm;
}

}  // namespace headrace::sim
