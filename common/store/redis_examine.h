// Whether a Redis is fit to be the truth: its version, its memory policy, its append-only file, its replicas.
// Errors: the server cannot be asked. Threads: the caller's.
#pragma once

#include "common/store/redis_link.h"
#include "common/store/redis_store.h"

namespace headrace::store {

Result<std::vector<RedisFinding>> Examine(RedisLink& link, const RedisOptions& options, bool cluster);
// Faults as one FAILED_PRECONDITION.
Status RefuseFaults(const std::vector<RedisFinding>& findings, const std::string& place);
// Into the process's log.
void WarnOf(const std::vector<RedisFinding>& findings, const std::string& place);

}  // namespace headrace::store
