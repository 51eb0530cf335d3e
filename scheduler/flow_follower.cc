#include "scheduler/flow_follower.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <iterator>
#include <memory>

namespace headrace::scheduler {
namespace {

// So many are compared with all there are.
constexpr std::size_t kMany = 100;

}  // namespace

Status FlowFollower::Follow() {
  ASSIGN_OR_RETURN(const store::FlowChanges changes, store_.ChangedSince(version_));
  if (known_ && changes.flows.empty()) return {};
  ASSIGN_OR_RETURN(std::vector<News> all, known_ && changes.flows.size() <= kMany ? LookAt(changes.flows) : Compare());
  for (News& one : all) {
    if (!one.head || !one.head->triggers) continue;
    ASSIGN_OR_RETURN(one.triggers, TriggersOf(*one.head));
  }
  auto news = std::make_shared<const std::vector<News>>(std::move(all));
  const bool posted = post_([news](Core& core, Moment now) {
    for (const News& one : *news) {
      const auto& [ns, id] = one.name;
      core.Listen(ns, id, one.triggers);
      // Of a partition that is driven elsewhere: nothing.
      core.WithTriggers(PlaceOfFlow(ns, id),
                        [&](TriggerRunner& triggers) { triggers.FollowFlow(ns, id, now.wall); return Status(); },
                        [](const Status&) {}, now);
    }
  });
  if (!posted) return Fail(Code::kResourceExhausted, "the scheduler's mailbox is full");
  for (const News& one : *news) {
    auto& heads = heads_[PartitionOf(one.name)];
    if (one.head) heads.insert_or_assign(one.name, *one.head);
    else heads.erase(one.name);
  }
  version_ = changes.version;
  known_ = true;
  return {};
}

std::vector<FlowHead> FlowFollower::HeadsOf(store::PartitionId id) const {
  std::vector<FlowHead> heads;
  for (const auto& [name, head] : heads_[id]) heads.push_back(head);
  return heads;
}

store::PartitionId FlowFollower::PartitionOf(const Name& name) const {
  return PlaceOfFlow(name.first, name.second) % static_cast<Place>(heads_.size());
}

Result<std::vector<FlowFollower::News>> FlowFollower::Compare() {
  ASSIGN_OR_RETURN(std::vector<FlowHead> latest, flows_.Heads());
  std::vector<News> news;
  auto missing = heads_;
  for (FlowHead& head : latest) {
    const Name name(head.ns, head.id);
    const auto before = missing[PartitionOf(name)].extract(name);
    if (!before.empty() && before.mapped().revision == head.revision) continue;
    flows_.ForgetLatest(head.ns, head.id);
    news.push_back({.name = name, .head = std::move(head)});
  }
  // Gone, or damaged.
  std::vector<Name> names;
  for (const auto& heads : missing) {
    for (const auto& [name, head] : heads) names.push_back(name);
  }
  ASSIGN_OR_RETURN(std::vector<News> rest, LookAt(names));
  std::move(rest.begin(), rest.end(), std::back_inserter(news));
  return news;
}

Result<std::vector<FlowFollower::News>> FlowFollower::LookAt(const std::vector<Name>& names) {
  std::vector<News> news;
  for (const Name& name : names) {
    flows_.ForgetLatest(name.first, name.second);
    const auto row = store_.Get(name.first, name.second, 0);
    if (row) {
      news.push_back({.name = name, .head = FlowHead::Of(*row)});
    } else if (row.error().code == Code::kNotFound) {
      news.push_back({.name = name});
    } else if (row.error().code == Code::kUnavailable) {
      return Fail(row.error());
    } else {
      spdlog::error("flow {}/{} stays as it was: {}", name.first, name.second, row.error().ToString());
    }
  }
  return news;
}

// None of a flow that cannot be understood.
Result<std::vector<TriggerSpecPtr>> FlowFollower::TriggersOf(const FlowHead& head) {
  const auto flow = flows_.Get(head.ns, head.id, head.revision);
  if (!flow && flow.error().code == Code::kUnavailable) return Fail(flow.error());
  auto specs = flow ? ReadTriggers(flow->program->flow(), zone_) : Result<std::vector<TriggerSpecPtr>>(Fail(flow.error()));
  if (specs) return specs;
  spdlog::error("the triggers of flow {}/{}: {}", head.ns, head.id, specs.error().ToString());
  return std::vector<TriggerSpecPtr>();
}

}  // namespace headrace::scheduler
