// The functions that headrace keeps in Redis (redis_functions.lua), named by what they say.
// Shapes: names end with a digest of the text, so that two versions of headrace never call each other's.
// Threads: pure but for Load, which speaks through the caller's link.
#pragma once

#include "common/store/redis_link.h"

namespace headrace::store {

// "headrace_commit_1a2b3c4d" for "commit".
const std::string& FunctionName(std::string_view verb);
// Puts the functions there, if they are not yet.
Status LoadFunctions(RedisLink& link, Duration timeout);
// FCALL of one of them with its key and the one that never exists; arguments are added by the caller. For the sake of the second a
// cluster refuses the whole call while it moves their slot, when some keys that the function finds by itself may be elsewhere.
Command GuardedCall(std::string_view verb, std::string_view key);
// FCALL of one that uses its key alone; more keys or arguments are added by the caller.
Command FunctionCall(std::string_view verb, std::string_view key);

}  // namespace headrace::store
