#include <algorithm>

#include "common/base/log.h"
#include "common/store/query.h"
#include "common/store/redis_core.h"
#include "common/store/redis_layout.h"
#include "common/store/redis_library.h"

namespace headrace::store {
namespace {

constexpr std::string_view kFlowsKey = "{hr}:flows";
constexpr std::string_view kVersionKey = "{hr}:flows:v";
constexpr std::string_view kChangesKey = "{hr}:flows:changed";

std::string RevisionsKey(const std::string& ns, const std::string& id) { return "{hr}:f:" + FlowKey(ns, id); }

// What two revisions must share to be the same: whether it is deleted, and the digest.
std::string PackHead(const FlowRow& flow) {
  std::string head(1, flow.deleted ? '\1' : '\0');
  AppendNumber(head, flow.digest.size(), 2);
  return head + flow.digest;
}

std::string Pack(const FlowRow& flow) {
  std::string out = PackHead(flow);
  AppendNumber(out, static_cast<std::uint64_t>(ToMicros(flow.created)), 8);
  return out + PackRecord(flow.source);
}

Result<FlowRow> Unpack(const std::string& ns, const std::string& id, std::int64_t revision, std::string_view packed) {
  FlowRow flow{.ns = ns, .id = id, .revision = static_cast<int>(revision)};
  const std::size_t digest = packed.size() < 3 ? 0 : ReadNumber(packed.substr(1), 2);
  if (packed.size() < 3 + digest + 8) return Fail(Code::kDataLoss, "flow " + ns + "." + id + " in Redis is cut short: apply it again");
  flow.deleted = packed[0] != '\0';
  flow.digest = packed.substr(3, digest);
  flow.created = FromMicros(static_cast<std::int64_t>(ReadNumber(packed.substr(3 + digest), 8)));
  auto source = UnpackRecord(packed.substr(3 + digest + 8));
  if (!source) return Fail(std::move(source.error()).Wrap("flow " + ns + "." + id));
  flow.source = std::move(*source);
  return flow;
}

class RedisFlowStore final : public FlowStore {
 public:
  explicit RedisFlowStore(RedisCorePtr core) : core_(std::move(core)) {}

  Result<FlowRow> Put(FlowRow flow) override {
    Command call{"FCALL", FunctionName("put_flow"), "4", RevisionsKey(flow.ns, flow.id), kFlowsKey, kVersionKey, kChangesKey};
    call.Add(PackHead(flow)).Add(Pack(flow)).Add(FlowKey(flow.ns, flow.id));
    ASSIGN_OR_RETURN(const std::vector<Reply> replies, CallDurably(std::move(call)));
    const std::vector<Reply>& stored = replies[0].items;
    if (stored.size() != 2) return Fail(Code::kInternal, "Redis gave no revision for flow " + flow.ns + "." + flow.id);
    return Unpack(flow.ns, flow.id, stored[0].number(), stored[1].text);
  }

  Result<FlowRow> Get(const std::string& ns, const std::string& id, int revision) override {
    const std::string key = RevisionsKey(ns, id);
    const std::vector<std::string> questions{Command{"LLEN", key}.Take(),
                                             Command{"LINDEX", key, revision == 0 ? "-1" : std::to_string(revision - 1)}.Take()};
    if (revision < 0) return FlowNotFound(ns, id, revision);
    ASSIGN_OR_RETURN(const std::vector<Reply> replies, core_->steady_pool.Call(questions));
    if (replies[1].nil()) return FlowNotFound(ns, id, revision);
    ASSIGN_OR_RETURN(FlowRow flow, Unpack(ns, id, revision == 0 ? replies[0].integer : revision, replies[1].text));
    if (revision == 0 && flow.deleted) return FlowNotFound(ns, id, revision);
    return flow;
  }

  Result<std::vector<FlowRow>> ListLatest(const std::string& ns_prefix) override {
    ASSIGN_OR_RETURN(const Reply members, core_->steady_pool.Call({"SMEMBERS", kFlowsKey}));
    std::vector<std::pair<std::string, std::string>> names;
    for (const Reply& member : members.items) {
      auto name = SplitFlowKey(member.text);
      if (InNamespace(name.first, ns_prefix)) names.push_back(std::move(name));
    }
    std::sort(names.begin(), names.end());
    std::vector<FlowRow> latest;
    if (names.empty()) return latest;
    std::vector<std::string> questions;
    for (const auto& [ns, id] : names) {
      questions.push_back(Command{"LLEN", RevisionsKey(ns, id)}.Take());
      questions.push_back(Command{"LINDEX", RevisionsKey(ns, id), "-1"}.Take());
    }
    ASSIGN_OR_RETURN(const std::vector<Reply> replies, core_->steady_pool.Call(questions));
    for (std::size_t i = 0; i < names.size(); ++i) {
      if (replies[2 * i + 1].nil()) continue;
      auto flow = UnpackOrLeaveOut(names[i].first, names[i].second, replies[2 * i].integer, replies[2 * i + 1].text);
      if (flow && !flow->deleted) latest.push_back(std::move(*flow));
    }
    return latest;
  }

  Result<std::vector<FlowRow>> Revisions(const std::string& ns, const std::string& id) override {
    ASSIGN_OR_RETURN(const Reply all, core_->pool.Call({"LRANGE", RevisionsKey(ns, id), "0", "-1"}));
    std::vector<FlowRow> revisions;
    for (std::size_t i = 0; i < all.items.size(); ++i) {
      auto flow = UnpackOrLeaveOut(ns, id, static_cast<std::int64_t>(i) + 1, all.items[i].text);
      if (flow) revisions.push_back(std::move(*flow));
    }
    return revisions;
  }

  Result<FlowChanges> ChangedSince(std::uint64_t version) override {
    const std::vector<std::string> questions{
        Command{"GET", kVersionKey}.Take(),
        Command{"ZREVRANGEBYSCORE", kChangesKey, "+inf", "(" + std::to_string(version), "WITHSCORES"}.Take()};
    ASSIGN_OR_RETURN(const std::vector<Reply> replies, core_->steady_pool.Call(questions));
    FlowChanges changes{.version = static_cast<std::uint64_t>(replies[0].number())};
    const std::vector<Reply>& told = replies[1].items;  // the latest first, each with its version
    const std::uint64_t latest = told.size() < 2 ? version : static_cast<std::uint64_t>(told[1].number());
    // A server that has forgotten some changes, or an earlier release that changes flows and does not say which: any may be others.
    if (changes.version < version || latest < changes.version) {
      ASSIGN_OR_RETURN(const Reply all, core_->steady_pool.Call({"SMEMBERS", kFlowsKey}));
      for (const Reply& name : all.items) changes.flows.push_back(SplitFlowKey(name.text));
      return changes;
    }
    for (std::size_t i = 0; i < told.size(); i += 2) changes.flows.push_back(SplitFlowKey(told[i].text));
    return changes;
  }

 private:
  // One that is damaged stops its own flow only.
  static std::optional<FlowRow> UnpackOrLeaveOut(const std::string& ns, const std::string& id, std::int64_t revision, std::string_view packed) {
    auto flow = Unpack(ns, id, revision, packed);
    if (flow) return std::move(*flow);
    spdlog::error("{}; revision {} is left out: apply the flow again", flow.error().message, revision);
    return std::nullopt;
  }

  // The same flow put twice is one revision: it may be tried again until the replicas have it.
  Result<std::vector<Reply>> CallDurably(Command call) {
    std::vector<std::string> commands{std::move(call).Take()};
    const bool wait = core_->options.durability == RedisDurability::kReplica;
    if (wait) commands.push_back(Command{"WAIT", std::to_string(core_->options.replicas), "1000"}.Take());
    ASSIGN_OR_RETURN(std::vector<Reply> replies, core_->pool.Call(commands));
    if (wait && replies[1].integer < core_->options.replicas) {
      return Fail(Code::kUnavailable, "fewer than " + std::to_string(core_->options.replicas) + " replicas follow Redis at " +
                                          core_->locator.address().ToString() + "; try again when they do");
    }
    return replies;
  }

  const RedisCorePtr core_;
};

}  // namespace

std::unique_ptr<FlowStore> MakeRedisFlowStore(RedisCorePtr core) { return std::make_unique<RedisFlowStore>(std::move(core)); }

}  // namespace headrace::store
