#include "tests/sim/scenario.h"

#include <algorithm>
#include <array>
#include <set>

#include "common/base/check.h"
#include "executor/lost_workers.h"
#include "tests/sim/flows.h"
#include "tests/sim/release_before.h"

namespace headrace::sim {
namespace {

constexpr std::string_view kQuarantined = "QUARANTINED";

constexpr int kWorkers = 3;
constexpr int kSchedulers = 3;
constexpr store::PartitionId kPartitions = 8;
constexpr int kSubmissions = 8;
constexpr Duration kStormy = std::chrono::seconds(90);
constexpr Duration kCalm = std::chrono::seconds(600);

class Scenario {
 public:
  explicit Scenario(const ScenarioOptions& options)
      : options_(options), world_(options.seed * 2 + (options.faults ? 1 : 0), options.trace),
        faults_(options.faults ? SampleFaults(world_.random) : Faults{}), clock_(world_), steady_(world_),
        disk_(cluster() ? static_cast<const Clock&>(steady_) : clock_, cluster() ? kPartitions : 1), server_(world_, disk_),
        storms_(world_, server_, cluster() && options.faults ? SampleStorms(options.seed) : StormFaults{}, options.seed, kSchedulers, kWorkers),
        around_{world_, laws_, disk_, server_, SimCatalog(), faults_.store,
                [this](int worker, int scheduler, std::string frame) { ToScheduler(worker, scheduler, std::move(frame)); },
                [this](int scheduler, const std::string& peer, std::string frame) { ToWorker(scheduler, peer, std::move(frame)); },
                cluster() ? kPartitions : 1, cluster() ? kSchedulers : 1,
                [this](int from, store::PartitionId to, const std::string& name, const wire::OutboxItem& item,
                       std::function<void(Status)> done) { Tell(from, to, name, item, std::move(done)); },
                [this](int scheduler) { return OthersReachStore(scheduler); }} {}

  Outcome Run() {
    Deploy();
    for (int i = 0; i < around_.schedulers; ++i) StartScheduler(i);
    for (int i = 0; i < kWorkers; ++i) StartWorker(i);
    for (int n = 0; n < kSubmissions; ++n) {
      world_.After(world_.Between(Duration(0), kStormy / 2), [this, n] { Submit(n); });
    }
    if (options_.faults) PlanFault();
    storms_.Begin();
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
  bool watches() const { return options_.seed % 4 < 2 && options_.seed % 8 != 0; }

  void RunWhileLawful(Duration end) {
    for (Duration at = world_.now(); at < end && !laws_.broken(); at += std::chrono::seconds(1)) {
      world_.RunUntil(std::min(at + std::chrono::seconds(1), end));
      StepDown();
    }
  }

  // A scheduler whose commit was refused ends itself.
  void StepDown() {
    if (zombie_ && zombie_->failed()) zombie_.reset();
    if (schedulers_[0] && schedulers_[0]->failed()) {
      laws_.Break("the owner of a partition can commit", "the newest scheduler was refused");
    }
    for (int i = 0; i < around_.schedulers; ++i) {
      if (schedulers_[Index(i)] && schedulers_[Index(i)]->left()) KillScheduler(i);
    }
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

  void ToScheduler(int worker, int scheduler, std::string frame) {
    if (cut_up_.contains(worker) || storms_.IsCut(NameOf('w', worker), NameOf('s', scheduler))) return;
    Carry([this, scheduler, peer = PeerOf(worker), frame = std::move(frame)] {
      if (SchedulerNode* node = schedulers_[Index(scheduler)].get()) node->OnFrame(peer, frame);
    });
  }

  void ToWorker(int scheduler, const std::string& peer, std::string frame) {
    const int worker = peer.at(1) - '0';
    if (cut_down_.contains(worker) || storms_.IsCut(NameOf('s', scheduler), NameOf('w', worker))) return;
    const std::string life = peer.substr(0, peer.rfind('.'));
    Carry([this, scheduler, worker, life, frame = std::move(frame)] {
      const auto at = static_cast<std::size_t>(worker);
      if (workers_[at] && PeerOf(worker).starts_with(life + ".")) workers_[at]->OnFrame(scheduler, frame);
    });
  }

  SchedulerNode* DriverOf(store::PartitionId id) {
    for (const auto& node : schedulers_) {
      if (node && node->drives(id)) return node.get();
    }
    return nullptr;
  }

  static std::string NameOf(char kind, int index) { return kind + std::to_string(index); }

  bool OthersReachStore(int scheduler) const {
    for (int i = 0; i < kSchedulers; ++i) {
      if (i != scheduler && schedulers_[Index(i)] && schedulers_[Index(i)]->reaches_store()) return true;
    }
    return false;
  }

  // From one scheduler to another.
  template <typename Deliver>
  void Pass(int from, int to, Deliver deliver) {
    if (!storms_.IsCut(NameOf('s', from), NameOf('s', to))) Carry(std::move(deliver));
  }

  // As calls between schedulers are: what was done may not be told.
  void Tell(int from, store::PartitionId to, const std::string& name, const wire::OutboxItem& item, std::function<void(Status)> done) {
    world_.Note("scheduler " + std::to_string(from) + " brings " + name + " to partition " + std::to_string(to));
    Carry([this, from, to, name, item, done = std::move(done)] {
      SchedulerNode* node = DriverOf(to);
      SchedulerNode* teller = schedulers_[Index(from)].get();
      if (node == nullptr || node == teller) return done(Fail(Code::kUnavailable, "nobody drives it"));
      const int there = node->index();
      if (storms_.IsCut(NameOf('s', from), NameOf('s', there))) return;
      wire::OutboxItem told = item;
      if (node->before() || (teller != nullptr && teller->before())) AsBefore(told);
      node->Accept(name, told, [this, from, there, done](const Status& status) {
        Pass(there, from, [done, status] { done(status); });
      });
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

  static std::size_t Index(int at) { return static_cast<std::size_t>(at); }
  bool cluster() const { return options_.seed % 2 == 0; }
  void Deploy() {
    const store::MemoryStores stores = disk_.Open();
    scheduler::FlowRegistry registry(around_.catalog, *stores.flows);
    std::vector<std::string> sources = FlowSources();
    if (watches()) sources.push_back(WatchSource());
    for (const std::string& source : sources) {
      const auto applied = registry.Apply(source, "sim", world_.wall());
      if (!applied) laws_.Break("the flows are valid", applied.error().ToString());
    }
  }

  void StartScheduler(int index) {
    const Duration skew = cluster() && faults_.clock_skew ? std::chrono::seconds(20) * (index - 1) : Duration(0);
    schedulers_[Index(index)] = std::make_unique<SchedulerNode>(
        around_, index, SchedulerLife{.number = ++scheduler_lives_, .skew = skew, .before = storms_.StartsBefore()});
    for (auto& connection : connections_) ++connection;
  }

  void KillScheduler(int index) {
    if (!schedulers_[Index(index)]) return;
    world_.Note("scheduler " + std::to_string(index) + " is gone");
    schedulers_[Index(index)].reset();
    world_.After(world_.Between(Duration(1000), std::chrono::seconds(10)), [this, index] {
      if (!schedulers_[Index(index)]) StartScheduler(index);
    });
  }

  void RestartScheduler() {
    if (cluster()) return KillScheduler(static_cast<int>(world_.random.Below(kSchedulers)));
    world_.Note("scheduler dies");
    schedulers_[0].reset();
    zombie_.reset();
    StartScheduler(0);
  }

  // It sleeps while others take over, and wakes up later, believing it is still the owner.
  void TakeOver() {
    const auto sleep = world_.Between(std::chrono::seconds(1), std::chrono::seconds(20));
    if (cluster()) {
      const int index = static_cast<int>(world_.random.Below(kSchedulers));
      SchedulerNode* node = schedulers_[Index(index)].get();
      if (node == nullptr) return;
      world_.Note("scheduler " + std::to_string(index) + " sleeps");
      node->Pause();
      world_.After(sleep, [this, index, node] {
        if (schedulers_[Index(index)].get() == node) node->Resume();
      });
      return;
    }
    if (zombie_) return;
    world_.Note("scheduler sleeps, another takes over");
    zombie_ = std::move(schedulers_[0]);
    zombie_->Pause();
    StartScheduler(0);
    world_.After(sleep, [this] {
      if (zombie_) zombie_->Resume();
    });
  }

  void HandOver() {
    SchedulerNode* node = schedulers_[world_.random.Below(kSchedulers)].get();
    if (cluster() && node != nullptr) node->Leave();
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
    switch (world_.random.Below(cluster() ? 10 : 8)) {
      case 0: if (faults_.worker_crashes) KillWorker(worker); break;
      case 1: if (faults_.worker_pauses) PauseWorker(worker); break;
      case 2: if (faults_.scheduler_crashes) RestartScheduler(); break;
      case 3: if (faults_.scheduler_takeovers) TakeOver(); break;
      case 4: if (faults_.partitions) Cut(worker); break;
      case 5: if (faults_.reconnects) ++connections_[at]; break;
      case 6: if (faults_.worker_drains && workers_[at]) workers_[at]->Drain(); break;
      case 7: if (faults_.clock_steps) world_.StepWall(world_.Between(Duration(0), std::chrono::seconds(40))); break;
      case 8: if (faults_.scheduler_takeovers) HandOver(); break;
      case 9: if (faults_.scheduler_crashes) RestartScheduler(); break;
      default: break;
    }
  }

  void Calm() {
    world_.Note("calm");
    stormy_ = false;
    storms_.Calm();
    cut_up_.clear();
    cut_down_.clear();
    for (int i = 0; i < around_.schedulers; ++i) {
      if (schedulers_[Index(i)]) schedulers_[Index(i)]->Resume();
      else StartScheduler(i);
    }
    for (int i = 0; i < kWorkers; ++i) {
      const auto at = static_cast<std::size_t>(i);
      laws_.OnWorkerFrozen(i, false);
      // What they have seen of epochs that were forgotten stays.
      if (storms_.forgets_takings() && !faults_.worker_drains && workers_[at]) {
        workers_[at]->Resume();
        continue;
      }
      workers_[at].reset();
      StartWorker(i);
    }
  }

  // ---- people ----
  void Submit(int n) {
    if (answered_.contains(n)) return;
    scheduler::SubmitRequest request{.ns = "sim", .flow_id = FlowOf(n), .inputs = {{"n", n}},
                                     .request_id = "request-" + std::to_string(n)};
    SchedulerNode* node = cluster() ? DriverOf(PlaceOfFlow("sim", FlowOf(n)) % kPartitions) : schedulers_[0].get();
    if (node != nullptr) {
      node->Submit(std::move(request), [this, n](Result<scheduler::SubmitReply> reply) {
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
      if (!all.empty()) {
        const ExecutionId id = std::next(all.begin(), static_cast<std::ptrdiff_t>(purges_.Below(all.size())))->first;
        SchedulerNode* node = cluster() ? DriverOf(PlaceOf(id) % kPartitions) : schedulers_[0].get();
        if (node != nullptr) node->Purge(id);
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
    bool quarantined = false;
    for (const model::TaskRun& task_run : laws_.TaskRunsOf(id)) {
      const std::string task = execution.flow_id + "#" + std::to_string(task_run.task);
      const std::string state(model::StateName(task_run.state.current()));
      if (!model::IsTerminal(task_run.state.current()) && !task_run.superseded) {
        pending += " " + task + "/" + std::to_string(task_run.index) + " is " + state;
      }
      if (task_run.message.starts_with(kQuarantined)) {
        quarantined = true;
        // Those around it may have its message.
        const bool itself = !task_run.attempts.empty() && task_run.attempts.back().lost_process != 0;
        if (itself && executor::LostWorkers(task_run).size() < executor::kWorkersLostMost) laws_.Break("who is quarantined took workers down", id.str());
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
    if (quarantined) text += " " + std::string(kQuarantined);
    return text;
  }

  const ScenarioOptions options_;
  World world_;
  Random purges_{options_.seed};
  const Faults faults_;
  Laws laws_;
  const WorldClock clock_;
  const StoreClock steady_;
  store::MemoryCluster disk_;
  StoreServer server_;
  Storms storms_;
  Surroundings around_;
  std::array<std::unique_ptr<SchedulerNode>, kSchedulers> schedulers_;
  std::unique_ptr<SchedulerNode> zombie_;
  int scheduler_lives_ = 0;
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
  faults.clock_skew = maybe();
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
    // Three workers were lost with one of its task runs: that may change its outcome.
    if (storm.ends[n].find(kQuarantined) != std::string::npos) continue;
    if (storm.ends[n] != end) {
      storm.broken = "faults change no outcome: submission " + std::to_string(n) + "\n  without: " + end +
                     "\n  with:    " + storm.ends[n];
      return storm;
    }
  }
  return storm;
}

}  // namespace headrace::sim
