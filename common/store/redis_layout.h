// How rows look in Redis: the names of keys, and values packed with a checksum (docs/redis.md).
// Errors: a value that does not pass its checksum is DATA_LOSS. Threads: pure.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "common/store/lease.h"
#include "common/store/store.h"

namespace headrace::store {

inline constexpr PartitionId kRedisPartitions = 256;
// In one list, the execution's row included (redis_functions.lua).
inline constexpr std::size_t kRunsAList = 512;

// "{p7}:": every key of a partition begins so, and lies in one slot of a cluster.
std::string PartitionPrefix(PartitionId partition);
std::string PartitionHead(PartitionId partition);
std::string ExecutionKey(PartitionId partition, const std::string& id);
// Where an execution is looked for first, and a request of this name.
PartitionId HomePartition(const ExecutionId& id);
PartitionId HomePartition(std::string_view request);

// A record behind its checksum.
std::string PackRecord(std::string_view record);
Result<std::string> UnpackRecord(std::string_view packed);

// An execution's row without what its keys say. The functions of Redis read its first bytes and put four before it.
std::string PackRow(const ExecutionRow& row);
// id, ns, flow_id and created are not in it.
Result<ExecutionRow> UnpackRow(const std::string& id, std::string_view packed);
std::string FlowKey(const std::string& ns, const std::string& flow_id);
std::pair<std::string, std::string> SplitFlowKey(std::string_view key);

std::string TimerField(const TimerRow& row);
std::string PackDue(const TimerRow& row);
Result<TimerRow> UnpackTimer(std::string_view field, std::string_view packed);

Result<OutboxRow> UnpackOutbox(std::string_view field, std::string_view packed);

std::string PackRequest(const RequestRow& row);
Result<RequestRow> UnpackRequest(const std::string& request_id, std::string_view packed);

// It is there for `lifetime` from when it says so, of which `left` are left; less than none: not known.
std::string PackMember(const Member& member, Duration lifetime);
Result<Present> UnpackMember(const std::string& id, std::string_view packed, Duration left);

// Fixed-width numbers, little end first.
void AppendNumber(std::string& to, std::uint64_t number, int bytes);
std::uint64_t ReadNumber(std::string_view from, int bytes);

}  // namespace headrace::store
