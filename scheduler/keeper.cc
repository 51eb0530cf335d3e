#include "scheduler/keeper.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <future>
#include <numeric>

#include "common/base/hash.h"

namespace headrace::scheduler {
namespace {

// Handed over a look at most, so that no other scheduler has to load everything at once.
constexpr std::size_t kGivenAtOnce = 32;
constexpr std::size_t kTakers = 4;
// Free for so many looks, a partition is anybody's.
constexpr int kLeftOverLooks = 2;
// Who was announced, but not heard of for so many looks, and not at the next one either, is thought dead: what is free is shared
// among the others. A Redis that was away makes all silent for one look.
constexpr int kSilentLooks = 3;
// Given away when nobody has come, gone or been silent for longer than from one look to the next in so many looks: what is given
// to one that is dead, as when it was killed and begins anew under another name, would rest.
constexpr int kCalmLooks = 2;
// Taken, read and opened together, so that leases are renewed in between.
constexpr std::size_t kTakenAtOnce = 32;
constexpr std::chrono::seconds kLeaveWithin(8);
// A loop that is at one thing for so long hangs, for all that is known: others go on with what it had.
constexpr std::chrono::seconds kStuck(30);

}  // namespace

Keeper::Keeper(ClusterOptions options, Around around)
    : options_(std::move(options)), around_(std::move(around)),
      self_{options_.id, options_.api_address, options_.worker_endpoint, options_.build},
      left_over_at_(options_.leases->partitions()),
      flows_(around_.flow_store, around_.flows, around_.post, around_.zone, options_.leases->partitions()),
      owner_of_(options_.leases->partitions()) {}

Keeper::~Keeper() { Stop(); }

Status Keeper::Start() {
  RETURN_IF_ERROR(Look());
  LookAtFlows();
  TakeFree();
  spdlog::info("scheduler {} drives {} of {} partitions", self_.id, mine_.size(), owner_of_.size());
  thread_ = std::thread([this] { Run(); });
  return {};
}

void Keeper::HandOver() {
  std::unique_lock lock(mutex_);
  if (!thread_.joinable()) return;
  leaving_ = soon_ = true;
  wake_.notify_all();
  if (!wake_.wait_for(lock, kLeaveWithin, [this] { return left_; })) {
    spdlog::warn("not everything could be handed over in time: the rest is taken over when its leases end");
  }
}

void Keeper::Stop() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
    wake_.notify_all();
  }
  if (thread_.joinable()) thread_.join();
}

void Keeper::Run() {
  auto next = Steady::now() + options_.look;
  while (true) {
    std::vector<std::function<void()>> due;
    bool look = false;
    {
      std::unique_lock lock(mutex_);
      auto until = next;
      if (!later_.empty()) until = std::min(until, later_.begin()->first);
      wake_.wait_until(lock, until, [this] { return soon_ || stopping_; });
      if (stopping_) return;
      const auto now = Steady::now();
      while (!later_.empty() && later_.begin()->first <= now) {
        due.push_back(std::move(later_.begin()->second));
        later_.erase(later_.begin());
      }
      look = std::exchange(soon_, false) || now >= next;
    }
    if (look) {
      Round();
      next = Steady::now() + options_.look;
    }
    for (const auto& work : due) work();
  }
}

void Keeper::Round() {
  if (const Duration stuck = around_.stuck_for(); stuck > kStuck) {
    return spdlog::error("the scheduler has been at one thing for {} s and renews no lease", stuck / std::chrono::seconds(1));
  }
  bool leaving = false;
  {
    std::lock_guard lock(mutex_);
    leaving = leaving_;
    for (const auto& [id, epoch] : std::exchange(lost_, {})) {
      // It may have been taken again meanwhile.
      const auto at = mine_.find(id);
      if (at == mine_.end() || at->second.epoch != epoch) continue;
      mine_.erase(at);
      owner_of_[id].clear();
    }
  }
  ReleaseClosed();
  Renew();
  if (leaving) {
    // First, so that the others count without it when they see what is free.
    if (const Status gone = options_.leases->Leave(self_.id); !gone) spdlog::warn("{}", gone.error().message);
    CloseSome(mine_.size());
    ReleaseClosed();
    if (!mine_.empty()) return;
    std::lock_guard lock(mutex_);
    left_ = true;
    wake_.notify_all();
    return;
  }
  if (const Status looked = Look(); !looked) return spdlog::warn("who drives what is not known: {}", looked.error().message);
  LookAtFlows();
  TakeFree();
  GiveAway();
  LookAtWatched();
}

// Who is there, and who has what.
Status Keeper::Look() {
  RETURN_IF_ERROR(Announce());
  ASSIGN_OR_RETURN(const std::vector<store::Present> present, options_.leases->Members());
  NoteLively(present);
  std::vector<store::Member> members(present.begin(), present.end());
  std::vector<store::PartitionId> all(owner_of_.size());
  std::iota(all.begin(), all.end(), 0);
  ASSIGN_OR_RETURN(const std::vector<store::LeaseHolder> holders, options_.leases->Holders(all));
  for (const store::LeaseHolder& holder : holders) {
    auto& left_over_at = left_over_at_[holder.partition];
    // One that was taken here without that being heard of is as good as free.
    const bool free = holder.left <= Duration(0) || (holder.owner == self_.id && !mine_.contains(holder.partition));
    if (!free) left_over_at.reset();
    else if (!left_over_at) left_over_at = Steady::now() + options_.look * kLeftOverLooks;
  }
  std::vector<std::string> endpoints;
  for (const store::Member& member : members) endpoints.push_back(member.worker_endpoint);
  bool changed = false;
  {
    std::lock_guard lock(mutex_);
    changed = members != members_;
    reached_ = Steady::now();
    members_ = std::move(members);
    for (const store::LeaseHolder& holder : holders) {
      owner_of_[holder.partition] = left_over_at_[holder.partition] ? "" : holder.owner;
    }
  }
  if (changed) {
    around_.post([endpoints = std::move(endpoints)](Core& core, Moment) { core.dispatcher().SetSchedulers(endpoints); });
  }
  return {};
}

Status Keeper::Announce() {
  const auto now = Steady::now();
  if (now - announced_ < options_.look / 2) return {};
  RETURN_IF_ERROR(options_.leases->Announce(self_, options_.lease));
  announced_ = now;
  return {};
}

bool Keeper::Ends() const {
  std::lock_guard lock(mutex_);
  return stopping_ || leaving_;
}

void Keeper::Renew() {
  const auto now = Steady::now();
  std::vector<store::PartitionId> due;
  std::vector<std::pair<store::PartitionId, store::Epoch>> held;
  auto oldest = now;
  for (const auto& [id, mine] : mine_) {
    if (now - mine.renewed < options_.renew) continue;
    due.push_back(id);
    held.emplace_back(id, mine.epoch);
    oldest = std::min(oldest, mine.renewed);
  }
  if (due.empty()) return;
  const Status renewed = options_.leases->RenewAll(self_.id, held, options_.lease);
  if (renewed) {
    for (const store::PartitionId id : due) mine_.at(id).renewed = now;
  } else if (renewed.error().code == Code::kAborted) {
    RenewEach(due);
  } else {
    spdlog::warn("leases cannot be renewed: {}", renewed.error().message);
    // While the store is away for all, nobody else can have taken anything; whoever alone is cut off from it must let go,
    // or its workers would keep what others give out again.
    if (now - oldest > options_.lease && around_.others_reach_store()) LoseAll();
  }
}

void Keeper::RenewEach(const std::vector<store::PartitionId>& ids) {
  for (const store::PartitionId id : ids) {
    const auto now = Steady::now();
    const Status renewed = options_.leases->Renew(id, self_.id, mine_.at(id).epoch, options_.lease);
    if (renewed) {
      mine_.at(id).renewed = now;
    } else if (renewed.error().code == Code::kAborted) {
      mine_.erase(id);
      around_.post([id](Core& core, Moment moment) { core.Lose(id, moment); });
    } else {
      return spdlog::warn("leases cannot be renewed: {}", renewed.error().message);
    }
  }
}

void Keeper::LoseAll() {
  spdlog::error("this scheduler alone cannot reach the store: it lets go of its {} partitions", mine_.size());
  for (const auto& [id, mine] : mine_) {
    around_.post([id = id](Core& core, Moment moment) { core.Lose(id, moment); });
  }
  mine_.clear();
}

bool Keeper::reaches_store() const {
  std::lock_guard lock(mutex_);
  return Steady::now() - reached_ < options_.lease / 2;
}

std::size_t Keeper::Kept() const {
  return static_cast<std::size_t>(std::count_if(mine_.begin(), mine_.end(), [](const auto& one) { return !one.second.closing; }));
}

void Keeper::NoteLively(const std::vector<store::Present>& members) {
  const auto now = Steady::now();
  std::map<std::string, Steady::time_point> silent;
  bool calm = std::equal(members.begin(), members.end(), announced_ones_.begin(), announced_ones_.end());
  lively_.clear();
  for (const store::Present& one : members) {
    if (one.id != self_.id && one.silent > options_.look * kSilentLooks) {
      const auto before = silent_since_.find(one.id);
      const auto since = silent.emplace(one.id, before == silent_since_.end() ? now : before->second).first->second;
      if (now - since >= options_.look) continue;
    }
    lively_.push_back(one.id);
    calm = calm && one.silent <= options_.look * 3 / 2;
  }
  calm = calm && lively_.size() == members.size();
  if (!calm) calm_since_ = now;
  silent_since_ = std::move(silent);
  announced_ones_.assign(members.begin(), members.end());
}

std::size_t Keeper::Share() const {
  const std::size_t count = std::max<std::size_t>(lively_.size(), 1);
  const auto place = static_cast<std::size_t>(std::find(lively_.begin(), lively_.end(), self_.id) - lively_.begin());
  return owner_of_.size() / count + (place < owner_of_.size() % count ? 1 : 0);
}

// Each begins elsewhere, so that those who start together do not run after the same ones. What is left free is the share of
// somebody who does not come for it: one that has just died, or has too much to do.
void Keeper::TakeFree() {
  const std::size_t share = Share();
  const std::size_t kept = Kept();
  const std::size_t first = StableHash(self_.id) % owner_of_.size();
  std::vector<store::PartitionId> free;
  const auto now = Steady::now();
  for (std::size_t i = 0; i < owner_of_.size(); ++i) {
    const auto id = static_cast<store::PartitionId>((first + i) % owner_of_.size());
    if (mine_.contains(id) || !left_over_at_[id]) continue;
    if (kept + free.size() < share || *left_over_at_[id] < now) free.push_back(id);
  }
  std::size_t count = 0;
  for (std::size_t at = 0; at < free.size() && !Ends(); at += kTakenAtOnce) {
    const auto end = free.begin() + static_cast<std::ptrdiff_t>(std::min(at + kTakenAtOnce, free.size()));
    count += OpenTaken(Take({free.begin() + static_cast<std::ptrdiff_t>(at), end}));
    Renew();
    if (const Status announced = Announce(); !announced) spdlog::warn("{}", announced.error().message);
  }
  if (count == 0) return;
  around_.post([](Core& core, Moment) { core.dispatcher().AskWhatRuns(); });
  spdlog::info("{} partitions are taken, {} are kept", count, Kept());
}

// Which are driven from now on; the others are free again.
std::size_t Keeper::OpenTaken(std::vector<Taken> taken) {
  // Whoever opens a partition must know its flows as they are now: the triggers of one that is not known are dropped.
  const Status followed = taken.empty() ? Status() : flows_.Follow();
  if (!followed) spdlog::warn("flows cannot be looked at: {}", followed.error().message);
  std::size_t count = 0;
  for (Taken& one : taken) {
    const store::PartitionId id = one.id;
    const store::Epoch epoch = one.opening.epoch;
    const auto since = one.since;
    if (!followed || !Open(std::move(one))) {
      static_cast<void>(options_.leases->Release(id, self_.id, epoch));
      continue;
    }
    mine_[id] = {epoch, since};
    left_over_at_[id].reset();
    std::lock_guard lock(mutex_);
    owner_of_[id] = self_.id;
    ++count;
  }
  return count;
}

// Each is a handful of round trips that wait for nothing else.
std::vector<Keeper::Taken> Keeper::Take(const std::vector<store::PartitionId>& ids) {
  std::vector<std::future<std::vector<Taken>>> parts;
  for (std::size_t part = 0; part < kTakers; ++part) {
    parts.push_back(std::async(std::launch::async, [this, part, &ids] {
      std::vector<Taken> taken;
      for (std::size_t i = part; i < ids.size(); i += kTakers) {
        Taken one{.id = ids[i], .since = Steady::now()};
        const auto epoch = options_.leases->Acquire(one.id, self_.id, options_.lease);
        if (!epoch) spdlog::warn("partition {} cannot be taken: {}", one.id, epoch.error().message);
        if (!epoch || !*epoch) continue;
        auto snapshot = around_.store.Load(one.id);
        if (!snapshot) {
          spdlog::error("partition {} cannot be read: {}", one.id, snapshot.error().ToString());
          static_cast<void>(options_.leases->Release(one.id, self_.id, **epoch));
          continue;
        }
        one.opening = {.epoch = **epoch, .snapshot = std::move(*snapshot)};
        taken.push_back(std::move(one));
      }
      return taken;
    }));
  }
  std::vector<Taken> all;
  for (auto& part : parts) {
    for (Taken& one : part.get()) all.push_back(std::move(one));
  }
  return all;
}

bool Keeper::Open(Taken taken) {
  taken.opening.flows = flows_.HeadsOf(taken.id);
  return around_.post([this, id = taken.id, opening = std::make_shared<const Opening>(std::move(taken.opening))](Core& core, Moment now) {
    if (const Status opened = core.Open(id, *opening, now); !opened) {
      spdlog::error("partition {} cannot be driven: {}", id, opened.error().ToString());
      std::lock_guard lock(mutex_);
      closed_.emplace_back(id, opening->epoch);
    }
  });
}

void Keeper::GiveAway() {
  if (Steady::now() - calm_since_ < options_.look * kCalmLooks) return;
  // Not before what was given last is taken.
  if (std::any_of(left_over_at_.begin(), left_over_at_.end(), [](const auto& at) { return at.has_value(); })) return;
  const std::size_t share = Share();
  const std::size_t kept = Kept();
  if (kept > share) CloseSome(std::min(kept - share, kGivenAtOnce));
}

void Keeper::CloseSome(std::size_t count) {
  for (auto& [id, mine] : mine_) {
    if (count == 0) break;
    if (mine.closing) continue;
    const bool posted = around_.post([this, id = id, epoch = mine.epoch](Core& core, Moment now) {
      core.Close(id, [this, id, epoch] {
        std::lock_guard lock(mutex_);
        closed_.emplace_back(id, epoch);
        soon_ = true;
        wake_.notify_all();
      }, now);
    });
    if (!posted) return;
    mine.closing = true;
    --count;
  }
}

void Keeper::ReleaseClosed() {
  std::vector<std::pair<store::PartitionId, store::Epoch>> closed;
  {
    std::lock_guard lock(mutex_);
    closed = std::exchange(closed_, {});
  }
  for (const auto& [id, epoch] : closed) {
    const auto at = mine_.find(id);
    if (at == mine_.end() || at->second.epoch != epoch) continue;  // taken again meanwhile
    // Whom it was given to has time to come for it.
    left_over_at_[id] = Steady::now() + options_.lease;
    mine_.erase(at);
    {
      std::lock_guard lock(mutex_);
      owner_of_[id].clear();
    }
    const Status released = options_.leases->Release(id, self_.id, epoch);
    if (!released && released.error().code != Code::kAborted) spdlog::warn("{}", released.error().message);
  }
}

void Keeper::Lost(store::PartitionId id, store::Epoch epoch) {
  std::lock_guard lock(mutex_);
  lost_.emplace_back(id, epoch);
  soon_ = true;
  wake_.notify_all();
}

void Keeper::LookSoon() {
  std::lock_guard lock(mutex_);
  soon_ = true;
  wake_.notify_all();
}

void Keeper::AfterFlows(std::function<void()> done) {
  std::lock_guard lock(mutex_);
  after_flows_.push_back(std::move(done));
  soon_ = true;
  wake_.notify_all();
}

void Keeper::Later(Duration after, std::function<void()> work) {
  std::lock_guard lock(mutex_);
  later_.emplace(Steady::now() + after, std::move(work));
  wake_.notify_all();
}

Keeper::Owner Keeper::OwnerOf(store::PartitionId id) const {
  std::lock_guard lock(mutex_);
  const std::string& owner = owner_of_[id];
  if (owner == self_.id) return {.self = true};
  for (const store::Member& member : members_) {
    if (member.id == owner) return {.address = member.api_address};
  }
  return {};
}

std::vector<store::Member> Keeper::Others() const {
  std::lock_guard lock(mutex_);
  std::vector<store::Member> others = members_;
  std::erase_if(others, [&](const store::Member& member) { return member.id == self_.id; });
  return others;
}

std::vector<SchedulerView> Keeper::Schedulers() const {
  std::vector<SchedulerView> views;
  std::lock_guard lock(mutex_);
  for (const store::Member& member : members_) {
    const auto driven = std::count(owner_of_.begin(), owner_of_.end(), member.id);
    views.push_back({member.id, member.api_address, member.worker_endpoint, member.build, static_cast<std::uint32_t>(driven),
                     member.id == self_.id});
  }
  return views;
}

void Keeper::LookAtFlows() {
  std::vector<std::function<void()>> after;
  {
    std::lock_guard lock(mutex_);
    after = std::exchange(after_flows_, {});
  }
  if (const Status followed = flows_.Follow(); !followed) spdlog::warn("flows cannot be looked at: {}", followed.error().message);
  for (const auto& done : after) done();
}

// Executions that somebody watches here while another scheduler drives them.
void Keeper::LookAtWatched() {
  std::map<ExecutionId, std::uint64_t> watched;
  for (const ExecutionId& id : around_.hub.Watched()) {
    const store::PartitionId partition = PlaceOf(id) % static_cast<Place>(owner_of_.size());
    if (const auto mine = mine_.find(partition); mine != mine_.end() && !mine->second.closing) continue;
    const auto before = watched_.find(id);
    std::uint64_t version = before == watched_.end() ? 0 : before->second;
    const auto record = around_.store.ReadRecord(id);
    const auto head = record ? wire::DecodeExecution(*record) : Result<model::Execution>(Fail(record.error()));
    if (head ? head->version != version : head.error().code == Code::kNotFound) around_.hub.Refresh(id);
    else around_.hub.NoteLogs(id);
    watched[id] = head ? head->version : version;
  }
  watched_ = std::move(watched);
}

}  // namespace headrace::scheduler
