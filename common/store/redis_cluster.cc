#include "common/store/redis_cluster.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "common/store/redis_errors.h"
#include "common/store/redis_watch.h"

namespace headrace::store {
namespace {

using SteadyClock = std::chrono::steady_clock;

// So old an answer may be for who doubts it: many doubt at once.
constexpr std::chrono::milliseconds kFresh(50);
// … and so long nobody asks again what no node could say.
constexpr std::chrono::milliseconds kAskAgain(200);
// A node that did not answer is asked after the others for so long.
constexpr std::chrono::seconds kSilence(5);

RedisEndpoint EndpointOf(const Reply& node, const RedisEndpoint& asked) {
  // Without a name it means the address that it was asked at.
  const std::string& host = node.items[0].text;
  return {.host = host.empty() || host == "?" ? asked.host : host, .port = std::to_string(node.items[1].number())};
}

std::size_t PlaceIn(std::vector<RedisEndpoint>& list, const RedisEndpoint& endpoint) {
  const auto found = std::find(list.begin(), list.end(), endpoint);
  if (found != list.end()) return static_cast<std::size_t>(found - list.begin());
  list.push_back(endpoint);
  return list.size() - 1;
}

}  // namespace

void RedisCluster::Doubt() {
  std::lock_guard lock(mutex_);
  doubted_ = SteadyClock::now();
}

Result<std::vector<RedisEndpoint>> RedisCluster::Masters(Duration timeout) {
  ASSIGN_OR_RETURN(const MapPtr map, Known(timeout));
  std::vector<RedisEndpoint> masters = map->masters;
  std::sort(masters.begin(), masters.end(), [](const auto& a, const auto& b) { return a.ToString() < b.ToString(); });
  return masters;
}

Result<RedisEndpoint> RedisCluster::MasterOf(RedisSlot slot, Duration timeout) {
  ASSIGN_OR_RETURN(const MapPtr map, Known(timeout));
  const std::int16_t owner = map->owner[slot];
  if (owner >= 0) return map->masters[static_cast<std::size_t>(owner)];
  Doubt();
  return Fail(Code::kUnavailable, "slot " + std::to_string(slot) + " of the cluster at " + address_.ToString() +
                                      " is served by no master; look after it with redis-cli --cluster check");
}

Result<RedisCluster::MapPtr> RedisCluster::Known(Duration timeout) {
  const auto fresh = [this]() -> MapPtr {
    std::lock_guard lock(mutex_);
    const bool good = map_ && (map_->asked >= doubted_ || SteadyClock::now() - map_->asked < kFresh);
    return good ? map_ : nullptr;
  };
  if (MapPtr map = fresh()) return map;
  std::unique_lock one(asking_, std::defer_lock);
  MapPtr before;
  {
    std::lock_guard lock(mutex_);
    before = map_;
  }
  // While somebody asks already, the rest goes by what is known: most of it holds.
  if (before && !one.try_lock()) return before;
  if (!one.owns_lock()) one.lock();
  if (MapPtr map = fresh()) return map;
  if (failure_ && SteadyClock::now() - failed_ < kAskAgain) return Fail(*failure_);
  auto asked = AskAnybody(timeout, before);
  failure_ = asked ? std::nullopt : std::optional(asked.error());
  failed_ = SteadyClock::now();
  ASSIGN_OR_RETURN(MapPtr now, std::move(asked));
  std::lock_guard lock(mutex_);
  map_ = now;
  return now;
}

// Each in turn first: one that is cut off from the rest must not be the only one that is heard.
std::vector<RedisEndpoint> RedisCluster::WhomToAsk(const MapPtr& before) {
  std::vector<RedisEndpoint> nodes;
  if (before) nodes = before->nodes;
  for (const RedisEndpoint& endpoint : address_.endpoints) PlaceIn(nodes, endpoint);
  std::rotate(nodes.begin(), nodes.begin() + static_cast<std::ptrdiff_t>(turn_++ % nodes.size()), nodes.end());
  const auto now = SteadyClock::now();
  std::erase_if(silent_, [&](const auto& one) { return one.second < now; });
  std::stable_partition(nodes.begin(), nodes.end(), [this](const RedisEndpoint& node) { return !silent_.contains(node.ToString()); });
  return nodes;
}

Result<RedisCluster::MapPtr> RedisCluster::AskAnybody(Duration timeout, const MapPtr& before) {
  std::string reasons;
  std::optional<Map> behind;
  for (const RedisEndpoint& node : WhomToAsk(before)) {
    const auto asked = SteadyClock::now();
    auto map = AskOne(node, timeout);
    if (!map) {
      if (map.error().code != Code::kUnavailable) return Fail(std::move(map.error()));
      silent_[node.ToString()] = SteadyClock::now() + kSilence;
      reasons += (reasons.empty() ? "" : "; ") + map.error().message;
      continue;
    }
    map->asked = asked;
    if (!before || map->epoch >= before->epoch) return std::make_shared<const Map>(std::move(*map));
    if (!behind || behind->epoch < map->epoch) behind = std::move(*map);
  }
  // All of them: the cluster was made anew.
  if (behind) return std::make_shared<const Map>(std::move(*behind));
  return Fail(Code::kUnavailable, "no node of the cluster says which master serves what: " + reasons);
}

Result<RedisCluster::Map> RedisCluster::AskOne(const RedisEndpoint& node, Duration timeout) const {
  ASSIGN_OR_RETURN(const auto link, RedisLink::Open(address_, node, timeout));
  const std::array<std::string, 2> questions{Command{"CLUSTER", "INFO"}.Take(), Command{"CLUSTER", "SLOTS"}.Take()};
  ASSIGN_OR_RETURN(const std::vector<Reply> replies, link->Exchange(questions, timeout));
  for (const Reply& reply : replies) {
    if (reply.error()) return Fail(ConnectErrorOf(reply.text, link->place()));
  }
  const std::string state = InfoValue(replies[0].text, "cluster_state");
  if (state != "ok") return Fail(Code::kUnavailable, "the node at " + link->place() + " says that the cluster is in state '" + state + "'");
  Map map;
  const std::string epoch = InfoValue(replies[0].text, "cluster_current_epoch");
  std::from_chars(epoch.data(), epoch.data() + epoch.size(), map.epoch);
  for (const Reply& range : replies[1].items) {
    if (range.items.size() < 3) continue;
    for (std::size_t i = 2; i < range.items.size(); ++i) {
      if (range.items[i].items.size() >= 2) PlaceIn(map.nodes, EndpointOf(range.items[i], node));
    }
    if (range.items[2].items.size() < 2) continue;
    const std::size_t master = PlaceIn(map.masters, EndpointOf(range.items[2], node));
    const std::int64_t last = std::min<std::int64_t>(range.items[1].number(), kRedisSlots - 1);
    for (std::int64_t slot = std::max<std::int64_t>(range.items[0].number(), 0); slot <= last; ++slot) {
      map.owner[static_cast<std::size_t>(slot)] = static_cast<std::int16_t>(master);
    }
  }
  if (map.masters.empty()) return Fail(Code::kUnavailable, "the node at " + link->place() + " knows no master that serves anything");
  return map;
}

}  // namespace headrace::store
