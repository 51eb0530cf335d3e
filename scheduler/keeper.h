// Keeps this scheduler's share of the partitions: takes those that are free, renews, hands over what is too much.
// Place: a thread of its own beside the loop, as it waits for the store; tells the loop what to open and to close, and knows
//   who drives the others. It also watches what only the store can tell: flows that others changed, executions that others drive.
// Shapes: each of N schedulers takes 256 / N partitions, and more of those that nobody else takes; leases run by the store's clock. Correctness rests on the epochs.
// Errors: a store that is away changes nothing: nobody else can take anything either.
// Threads: Start, Stop, and the questions from any; callbacks run on the keeper's thread.
// Source: DESIGN section 6; FAILURES 2.5, rows 11, 12 and 80.
#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "scheduler/flow_follower.h"

namespace headrace::scheduler {

class Keeper {
 public:
  struct Around {
    store::Store& store;
    store::FlowStore& flow_store;
    FlowRegistry& flows;
    WatchHub& hub;
    PostToLoop post;
    std::string zone;  // of triggers that name none
    // Whether another scheduler has reached the store just now; asks them, and waits.
    std::function<bool()> others_reach_store;
    // How long the loop has been at what it does now.
    std::function<Duration()> stuck_for;
  };
  Keeper(ClusterOptions options, Around around);
  ~Keeper();

  // Announces this scheduler and takes what is free, then goes on by itself.
  Status Start();
  // Hands everything over; returns when that is done or has taken too long.
  void HandOver();
  void Stop();

  struct Owner {
    bool self = false;
    std::string address{};  // empty: nobody drives it now, or it is not known who
  };
  Owner OwnerOf(store::PartitionId id) const;
  // The others that are there.
  std::vector<store::Member> Others() const;
  std::vector<SchedulerView> Schedulers() const;
  // Another owner has the partition, which was driven here at this epoch.
  void Lost(store::PartitionId id, store::Epoch epoch);
  // Whether the store was reached a moment ago.
  bool reaches_store() const;
  // What is known of owners or flows may be old: looks at once.
  void LookSoon();
  // Runs once flows have been looked at after this call.
  void AfterFlows(std::function<void()> done);
  // Runs `work` then, on the keeper's thread; not after Stop.
  void Later(Duration after, std::function<void()> work);

 private:
  using Steady = std::chrono::steady_clock;
  struct Mine {
    store::Epoch epoch = 0;
    Steady::time_point renewed{};
    bool closing = false;
  };
  // A partition that is this scheduler's since then, and not driven yet.
  struct Taken {
    store::PartitionId id = 0;
    Steady::time_point since{};
    Opening opening{};
  };

  void Run();
  void Round();
  Status Look();
  Status Announce();
  bool Ends() const;
  void Renew();
  void RenewEach(const std::vector<store::PartitionId>& ids);
  void LoseAll();
  void TakeFree();
  std::size_t OpenTaken(std::vector<Taken> taken);
  // What was to be had of these, and read.
  std::vector<Taken> Take(const std::vector<store::PartitionId>& ids);
  bool Open(Taken taken);
  void GiveAway();
  void CloseSome(std::size_t count);
  void ReleaseClosed();
  void LookAtFlows();
  void LookAtWatched();
  void NoteLively(const std::vector<store::Present>& members);
  std::size_t Share() const;
  std::size_t Kept() const;

  const ClusterOptions options_;
  const Around around_;
  const store::Member self_;

  // The keeper's thread only.
  std::map<store::PartitionId, Mine> mine_;
  std::vector<std::optional<Steady::time_point>> left_over_at_;  // by partition, when it is anybody's; nothing: somebody has it
  Steady::time_point announced_{};
  std::map<std::string, Steady::time_point> silent_since_;  // others that are announced still
  std::vector<std::string> lively_;  // who is not thought dead, this one included; by id
  std::vector<store::Member> announced_ones_;  // as they were at the last look
  Steady::time_point calm_since_{};  // nobody has come, gone or fallen silent
  FlowFollower flows_;
  std::map<ExecutionId, std::uint64_t> watched_;  // the version that was told last

  mutable std::mutex mutex_;
  std::condition_variable wake_;
  Steady::time_point reached_{};  // the store
  bool soon_ = false;
  bool stopping_ = false;
  bool leaving_ = false;
  bool left_ = false;
  std::vector<store::Member> members_;  // those who are there, this one included
  std::vector<std::string> owner_of_;   // by partition; empty: nobody
  std::vector<std::pair<store::PartitionId, store::Epoch>> lost_;
  std::vector<std::pair<store::PartitionId, store::Epoch>> closed_;
  std::vector<std::function<void()>> after_flows_;
  std::multimap<Steady::time_point, std::function<void()>> later_;
  std::thread thread_;
};

}  // namespace headrace::scheduler
