#include "common/store/redis_errors.h"

#include <array>

namespace headrace::store {
namespace {

struct Class {
  std::string_view word;
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
    Class{"MOVED", Trouble::kRefused, Code::kFailedPrecondition, "it is part of a Redis Cluster, which is not supported; name one server, or sentinels"},
    Class{"ASK", Trouble::kRefused, Code::kFailedPrecondition, "it is part of a Redis Cluster, which is not supported; name one server, or sentinels"},
    Class{"CROSSSLOT", Trouble::kRefused, Code::kFailedPrecondition, "it is part of a Redis Cluster, which is not supported; name one server, or sentinels"},
    Class{"OOM", Trouble::kFull, Code::kResourceExhausted, "its maxmemory is reached; raise it, or purge executions"},
    Class{"NOAUTH", Trouble::kRefused, Code::kUnauthenticated, "it wants a password: redis://user:password@host"},
    Class{"WRONGPASS", Trouble::kRefused, Code::kUnauthenticated, "user or password is wrong"},
    Class{"NOPERM", Trouble::kRefused, Code::kPermissionDenied, "its ACL forbids this user what headrace needs; docs/redis.md has the rule to set"},
    Class{"WRONGTYPE", Trouble::kRefused, Code::kDataLoss, "somebody else has written keys of headrace; restore a backup, and give headrace a database of its own"},
    Class{"NOSCRIPT", Trouble::kLoad, Code::kUnavailable, "its functions are gone"},
    Class{"HRFENCED", Trouble::kFenced, Code::kAborted, "another scheduler owns the partition now"},
    Class{"HRGAP", Trouble::kGap, Code::kDataLoss, "it has forgotten commits that it had confirmed"},
};

const Class* Find(std::string_view reply) {
  const std::string_view word = reply.substr(0, reply.find(' '));
  for (const Class& one : kClasses) {
    if (one.word == word) return &one;
  }
  return nullptr;
}

bool FunctionMissing(std::string_view reply) { return reply.starts_with("ERR Function not found"); }

}  // namespace

ReplyTrouble ReadTrouble(std::string_view reply) {
  if (FunctionMissing(reply)) return {Trouble::kLoad, "its functions are gone"};
  if (const Class* found = Find(reply)) return {found->trouble, std::string(found->remedy)};
  return {Trouble::kRefused, "see its log"};
}

Error ErrorOf(std::string_view reply, std::string_view place) {
  const Class* found = Find(reply);
  Code code = found != nullptr ? found->code : Code::kInternal;
  if (FunctionMissing(reply)) code = Code::kUnavailable;
  return {code, "Redis at " + std::string(place) + " answers '" + std::string(reply.substr(0, 200)) + "': " + ReadTrouble(reply).remedy, {}};
}

}  // namespace headrace::store
