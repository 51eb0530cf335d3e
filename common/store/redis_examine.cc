#include "common/store/redis_examine.h"

#include <array>
#include <charconv>

#include "common/base/log.h"
#include "common/store/redis_errors.h"
#include "common/store/redis_library.h"
#include "common/store/redis_watch.h"

namespace headrace::store {
namespace {

using Grade = RedisFinding::Grade;

struct Settings {
  std::string info;            // INFO, the default sections
  std::string appendfsync;     // empty: the server does not say
  std::string min_replicas;
  std::string replica_lag;
  std::string full_coverage;

  std::string value(std::string_view name) const { return InfoValue(info, name); }
  std::uint64_t number(std::string_view name) const {
    const std::string text = value(name);
    std::uint64_t number = 0;
    std::from_chars(text.data(), text.data() + text.size(), number);
    return number;
  }
};

std::string ConfigValue(const Reply& reply) { return reply.items.size() == 2 ? reply.items[1].text : ""; }

Result<Settings> Ask(RedisLink& link, Duration timeout) {
  const std::array<std::string, 5> questions{
      Command{"INFO"}.Take(), Command{"CONFIG", "GET", "appendfsync"}.Take(), Command{"CONFIG", "GET", "min-replicas-to-write"}.Take(),
      Command{"CONFIG", "GET", "min-replicas-max-lag"}.Take(), Command{"CONFIG", "GET", "cluster-require-full-coverage"}.Take()};
  ASSIGN_OR_RETURN(const std::vector<Reply> replies, link.Exchange(questions, timeout));
  if (replies[0].error()) return Fail(ErrorOf(replies[0].text, link.place()));
  return Settings{replies[0].text, ConfigValue(replies[1]), ConfigValue(replies[2]), ConfigValue(replies[3]), ConfigValue(replies[4])};
}

RedisFinding OfVersion(const Settings& settings) {
  const std::string version = settings.value("redis_version");
  int major = 0;
  std::from_chars(version.data(), version.data() + version.size(), major);
  if (major >= 7) return {Grade::kGood, "version " + version};
  return {Grade::kFault, "version " + version + " has no functions", "use Redis 7.0 or later"};
}

RedisFinding OfCluster(const Settings& settings, bool named) {
  const bool enabled = settings.number("cluster_enabled") != 0;
  if (!enabled && !named) return {Grade::kGood, "no cluster"};
  if (!named) return {Grade::kFault, "it is part of a Redis Cluster", "name it so: redis+cluster://host,host"};
  if (!enabled) return {Grade::kFault, "it is no part of a Redis Cluster", "name it redis://host, or set cluster-enabled yes"};
  if (settings.full_coverage == "yes") {
    return {Grade::kWarning, "cluster-require-full-coverage yes: while one master is away, all refuse to work",
            "set cluster-require-full-coverage no"};
  }
  return {Grade::kGood, "part of a cluster"};
}

RedisFinding OfPolicy(const Settings& settings) {
  const std::string policy = settings.value("maxmemory_policy");
  if (policy == "noeviction") return {Grade::kGood, "maxmemory-policy noeviction"};
  return {Grade::kFault, "maxmemory-policy " + policy + " throws away executions when memory is full",
          "set maxmemory-policy noeviction"};
}

RedisFinding OfMemory(const Settings& settings) {
  const std::uint64_t most = settings.number("maxmemory");
  if (most != 0) return {Grade::kGood, "maxmemory " + std::to_string(most >> 20) + " MiB, used " + std::to_string(settings.number("used_memory") >> 20)};
  return {Grade::kWarning, "maxmemory is not set: Redis grows until the machine has no more",
          "set maxmemory to at most half of the machine's, as forks copy what changes"};
}

// What is in the append-only file survives the process.
RedisFinding OfFile(const Settings& settings, RedisDurability durability) {
  const bool on = settings.number("aof_enabled") == 1;
  if (durability == RedisDurability::kMemory) return {Grade::kGood, on ? "appendonly yes" : "durability memory needs no file"};
  if (!on && durability == RedisDurability::kReplica) {
    return {Grade::kWarning, "appendonly no: when all servers stop, all is lost", "set appendonly yes"};
  }
  if (!on) {
    return {Grade::kFault, "appendonly no: a restart loses everything since the last snapshot",
            "set appendonly yes, or choose --durability memory or replica"};
  }
  if (settings.appendfsync == "always") return {Grade::kGood, "appendonly yes, appendfsync always: what is answered survives a power cut"};
  const std::string remedy = "set appendfsync always, or take it that a power cut loses up to two seconds";
  if (settings.appendfsync.empty()) return {Grade::kWarning, "appendonly yes; the server does not say its appendfsync (no right to CONFIG GET)", remedy};
  if (durability == RedisDurability::kReplica) return {Grade::kGood, "appendonly yes, appendfsync " + settings.appendfsync};
  return {Grade::kWarning, "appendfsync " + settings.appendfsync + ": a power cut may lose what was answered", remedy};
}

RedisFinding OfReplicas(const Settings& settings, const RedisOptions& options) {
  const std::uint64_t there = settings.number("connected_slaves");
  const std::string text = std::to_string(there) + " replicas";
  if (options.durability != RedisDurability::kReplica) {
    if (there == 0) return {Grade::kGood, text};
    return {Grade::kWarning, text + ", and commits do not wait for them: a failover may lose the last ones", "choose --durability replica"};
  }
  if (there < static_cast<std::uint64_t>(options.replicas)) {
    return {Grade::kWarning, text + ", and commits wait for " + std::to_string(options.replicas), "look after the replicas"};
  }
  if (settings.min_replicas == "0") {
    return {Grade::kWarning, text + "; min-replicas-to-write is 0: a master that was cut off goes on taking writes that nobody keeps",
            "set min-replicas-to-write 1 and min-replicas-max-lag 2"};
  }
  return {Grade::kGood, text};
}

// With no key at all it answers an error of its own, if it is there; it cannot write.
RedisFinding OfFunctions(const Reply& called) {
  if (called.error() && called.text.starts_with("NOPERM")) {
    return {Grade::kFault, "this user may not call functions", "ACL SETUSER NAME +fcall (docs/redis.md has all that it needs)"};
  }
  if (called.error() && called.text.find("Function not found") != std::string::npos) {
    return {Grade::kGood, "functions of this version are not loaded yet: the first scheduler does it, if its user may FUNCTION LOAD"};
  }
  const bool there = !called.error() || called.text.find(FunctionName("holder")) != std::string::npos;
  return {Grade::kGood, there ? "functions of this version are loaded" : "whether functions of this version are loaded it does not say now"};
}

// What is in the file, and flushed, also on a bad day.
std::vector<RedisFinding> OfWrites(const Settings& settings, RedisDurability durability, const std::string& no_flush) {
  std::vector<RedisFinding> findings;
  if (settings.number("aof_enabled") == 0) return findings;
  if (settings.value("aof_last_write_status") == "err") {
    findings.push_back({Grade::kWarning, "its append-only file could not be written: it refuses commits, which wait", "free space on the disk of Redis, or mend it"});
  }
  if (no_flush == "yes" && durability == RedisDurability::kLocal) {
    findings.push_back({Grade::kWarning, "no-appendfsync-on-rewrite yes: while it rewrites its file, a power cut may lose what was answered",
                        "set no-appendfsync-on-rewrite no"});
  }
  return findings;
}

}  // namespace

Result<std::vector<RedisFinding>> Examine(RedisLink& link, const RedisOptions& options, bool cluster) {
  ASSIGN_OR_RETURN(const Settings settings, Ask(link, options.reply));
  std::vector<RedisFinding> findings{OfVersion(settings), OfCluster(settings, cluster), OfPolicy(settings), OfMemory(settings),
                                   OfFile(settings, options.durability), OfReplicas(settings, options)};
  const std::array<std::string, 2> further{Command{"CONFIG", "GET", "no-appendfsync-on-rewrite"}.Take(), Command{"FCALL", FunctionName("holder"), "0"}.Take()};
  ASSIGN_OR_RETURN(const std::vector<Reply> told, link.Exchange(further, options.reply));
  for (RedisFinding& finding : OfWrites(settings, options.durability, ConfigValue(told[0]))) findings.push_back(std::move(finding));
  findings.push_back(OfFunctions(told[1]));
  return findings;
}

Status RefuseFaults(const std::vector<RedisFinding>& findings, const std::string& place) {
  std::string faults;
  for (const RedisFinding& finding : findings) {
    if (finding.grade == Grade::kFault) faults += (faults.empty() ? "" : ". ") + finding.text + ": " + finding.remedy;
  }
  if (faults.empty()) return {};
  return Fail(Code::kFailedPrecondition, "Redis at " + place + " cannot be the store. " + faults);
}

void WarnOf(const std::vector<RedisFinding>& findings, const std::string& place) {
  for (const RedisFinding& finding : findings) {
    if (finding.grade == Grade::kWarning) spdlog::warn("Redis at {}: {}; {}", place, finding.text, finding.remedy);
  }
}

}  // namespace headrace::store
