#include "common/store/redis_errors.h"

#include <array>

namespace headrace::store {
namespace {

struct Class {
  std::string_view beginning;  // whole words
  Trouble trouble;
  Code code;
  std::string_view remedy;
};

constexpr std::array kClasses = {
    Class{"LOADING", Trouble::kWait, Code::kUnavailable, "it reads its data from disk and will answer when it has"},
    Class{"BUSY", Trouble::kWait, Code::kUnavailable, "somebody's script runs for long; end it with SCRIPT KILL or FUNCTION KILL"},
    Class{"MISCONF", Trouble::kWait, Code::kUnavailable, "it cannot write to its disk; make room there, its log says where"},
    Class{"NOREPLICAS", Trouble::kWait, Code::kUnavailable, "too few replicas follow it (min-replicas-to-write); look after them"},
    Class{"TRYAGAIN", Trouble::kWait, Code::kUnavailable, "slots are being moved"},
    Class{"READONLY", Trouble::kElsewhere, Code::kUnavailable, "it is a replica; name its master, or the sentinels"},
    Class{"MASTERDOWN", Trouble::kElsewhere, Code::kUnavailable, "it is a replica that has lost its master"},
    Class{"UNBLOCKED", Trouble::kElsewhere, Code::kUnavailable, "it became a replica meanwhile"},
    Class{"CLUSTERDOWN", Trouble::kWait, Code::kUnavailable, "its cluster lacks slots"},
    Class{"MOVED", Trouble::kSlot, Code::kFailedPrecondition, "it is part of a Redis Cluster; name it so: redis+cluster://host,host"},
    Class{"ASK", Trouble::kSlot, Code::kFailedPrecondition, "it is part of a Redis Cluster; name it so: redis+cluster://host,host"},
    Class{"CROSSSLOT", Trouble::kRefused, Code::kFailedPrecondition, "it is part of a Redis Cluster; name it so: redis+cluster://host,host"},
    Class{"OOM", Trouble::kFull, Code::kResourceExhausted, "its maxmemory is reached; raise it, or purge executions"},
    Class{"ERR max number of clients reached", Trouble::kWait, Code::kUnavailable, "raise its maxclients, or end clients that idle"},
    Class{"ERR WAIT cannot be used with replica", Trouble::kElsewhere, Code::kUnavailable, "it became a replica meanwhile"},
    Class{"ERR This instance has cluster support disabled", Trouble::kRefused, Code::kFailedPrecondition, "it is no part of a Redis Cluster: name it redis://host"},
    Class{"ERR Function not found", Trouble::kLoad, Code::kUnavailable, "its functions are gone"},
    Class{"ERR AUTH", Trouble::kRefused, Code::kUnauthenticated, "it has no such password: leave it out of the address, or set requirepass"},
    Class{"ERR DB index is out of range", Trouble::kRefused, Code::kInvalidArgument, "it has fewer databases; name another one, or raise its databases"},
    Class{"NOAUTH", Trouble::kRefused, Code::kUnauthenticated, "it wants a password: redis://user:password@host"},
    Class{"WRONGPASS", Trouble::kRefused, Code::kUnauthenticated, "user or password is wrong"},
    Class{"NOPERM", Trouble::kRefused, Code::kPermissionDenied, "its ACL forbids this user what headrace needs; docs/redis.md has the rule to set"},
    Class{"WRONGTYPE", Trouble::kRefused, Code::kDataLoss, "somebody else has written keys of headrace; restore a backup, and give headrace a database of its own"},
    Class{"NOSCRIPT", Trouble::kLoad, Code::kUnavailable, "its functions are gone"},
    Class{"HRFENCED", Trouble::kFenced, Code::kAborted, "another scheduler owns the partition now"},
    Class{"HRGAP", Trouble::kGap, Code::kDataLoss, "it has forgotten commits that it had confirmed"},
};

const Class* Find(std::string_view reply) {
  for (const Class& one : kClasses) {
    if (!reply.starts_with(one.beginning)) continue;
    const std::string_view rest = reply.substr(one.beginning.size());
    if (rest.empty() || rest.front() == ' ') return &one;
  }
  return nullptr;
}

Error Told(Code code, std::string_view reply, std::string_view place) {
  return {code, "Redis at " + std::string(place) + " answers '" + std::string(reply.substr(0, 200)) + "': " + ReadTrouble(reply).remedy, {}};
}

}  // namespace

Error SlotErrorOf(std::string_view reply, std::string_view place) {
  return {Code::kUnavailable, "Redis at " + std::string(place) + " answers '" + std::string(reply.substr(0, 200)) + "': slots of its cluster move", {}};
}

Error LostPartition(std::uint32_t partition, std::string_view place) {
  return {Code::kDataLoss, "Redis at " + std::string(place) + " has lost the data of headrace: nothing of partition " + std::to_string(partition) +
                               " is there; restore its data, or start anew knowing that what ran is gone", {}};
}

ReplyTrouble ReadTrouble(std::string_view reply) {
  if (const Class* found = Find(reply)) return {found->trouble, std::string(found->remedy)};
  return {Trouble::kRefused, "see its log"};
}

Error ErrorOf(std::string_view reply, std::string_view place) {
  const Class* found = Find(reply);
  return Told(found != nullptr ? found->code : Code::kInternal, reply, place);
}

Error ConnectErrorOf(std::string_view reply, std::string_view place) {
  const Class* found = Find(reply);
  return Told(found != nullptr ? found->code : Code::kUnavailable, reply, place);
}

}  // namespace headrace::store
