#include "common/store/redis_locator.h"

#include "common/base/check.h"
#include "common/store/redis_errors.h"
#include "common/store/redis_watch.h"

namespace headrace::store {
namespace {

Status CheckMaster(const Reply& role, const std::string& place) {
  if (role.error()) return Fail(ConnectErrorOf(role.text, place));
  if (role.items.empty() || role.items[0].text == "master") return {};
  std::string text = "Redis at " + place + " is no master but a " + role.items[0].text;
  if (role.items.size() > 2) text += " of " + role.items[1].text + ":" + std::to_string(role.items[2].number());
  return Fail(Code::kUnavailable, text + "; name the master, or the sentinels");
}

Status CheckIdentity(const Reply& found, const std::string& expected, bool cluster, const std::string& place) {
  // One master of a cluster has it; of the others the writer compares what they have (redis_writer_link.cc).
  if (cluster && found.error() && ReadTrouble(found.text).trouble == Trouble::kSlot) return {};
  if (found.error()) return Fail(ConnectErrorOf(found.text, place));
  if (found.text == expected) return {};
  return Fail(Code::kDataLoss, "Redis at " + place + " has lost the data of headrace: its database " +
                                   (found.nil() ? "is empty or another one" : "belongs to another store") +
                                   "; restore its data, or start anew knowing that what ran is gone");
}

}  // namespace

Result<RedisEndpoint> RedisLocator::FindMaster(Duration timeout, std::optional<RedisSlot> slot) const {
  if (cluster_) {
    CHECK(slot.has_value());
    return cluster_->MasterOf(*slot, timeout);
  }
  if (!address_.sentinel()) return address_.endpoints.front();
  RedisAddress of_sentinel = address_;
  of_sentinel.user.clear();
  of_sentinel.password = address_.sentinel_password;
  of_sentinel.database = 0;
  std::string reasons;
  for (const RedisEndpoint& endpoint : address_.endpoints) {
    const auto found = [&]() -> Result<RedisEndpoint> {
      ASSIGN_OR_RETURN(const auto link, RedisLink::Open(of_sentinel, endpoint, timeout));
      ASSIGN_OR_RETURN(const Reply reply, link->Call({"SENTINEL", "get-master-addr-by-name", address_.master}, timeout));
      if (reply.error()) return Fail(ErrorOf(reply.text, link->place()));
      if (reply.items.size() == 2) return RedisEndpoint{.host = reply.items[0].text, .port = reply.items[1].text};
      return Fail(Code::kUnavailable, "the sentinel at " + link->place() + " knows no master '" + address_.master + "'");
    }();
    if (found) return found;
    reasons += (reasons.empty() ? "" : "; ") + found.error().message;
  }
  return Fail(Code::kUnavailable, "no sentinel says where the master is: " + reasons);
}

Result<std::vector<RedisEndpoint>> RedisLocator::FindMasters(Duration timeout) const {
  if (cluster_) return cluster_->Masters(timeout);
  ASSIGN_OR_RETURN(RedisEndpoint one, FindMaster(timeout));
  return std::vector<RedisEndpoint>{std::move(one)};
}

Result<std::unique_ptr<RedisLink>> RedisLocator::Connect(Duration timeout, std::optional<RedisSlot> slot) const {
  ASSIGN_OR_RETURN(const RedisEndpoint master, FindMaster(timeout, slot));
  return ConnectTo(master, timeout);
}

Result<std::unique_ptr<RedisLink>> RedisLocator::ConnectTo(const RedisEndpoint& master, Duration timeout) const {
  auto link = Greeted(master, timeout);
  if (!link && cluster_) cluster_->Doubt();
  return link;
}

Result<std::unique_ptr<RedisLink>> RedisLocator::Greeted(const RedisEndpoint& master, Duration timeout) const {
  ASSIGN_OR_RETURN(std::unique_ptr<RedisLink> link, RedisLink::Open(address_, master, timeout));
  std::vector<std::string> commands{Command{"ROLE"}.Take(), Command{"INFO", "server"}.Take(), Command{"INFO", "replication"}.Take()};
  if (!identity_.empty()) commands.push_back(Command{"HGET", kIdentityKey, "id"}.Take());
  ASSIGN_OR_RETURN(const std::vector<Reply> replies, link->Exchange(commands, timeout));
  RETURN_IF_ERROR(CheckMaster(replies[0], link->place()));
  for (const std::size_t info : {1, 2}) {
    if (replies[info].error()) return Fail(ConnectErrorOf(replies[info].text, link->place()));
  }
  if (!identity_.empty()) RETURN_IF_ERROR(CheckIdentity(replies[3], identity_, address_.cluster, link->place()));
  link->SetServer(InfoValue(replies[1].text, "run_id") + "/" + InfoValue(replies[2].text, "master_replid"));
  return link;
}

}  // namespace headrace::store
