// What an error reply of Redis means and what to do about it: one table.
// Shapes: how a reply begins is its class; the table says whether waiting, another server, or a person helps.
// Errors: each names the server and the remedy. Threads: pure.
// Source: FAILURES row 38; Redis 7.0's server.c (createSharedObjects), script.c and cluster.c.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "common/base/error.h"

namespace headrace::store {

enum class Trouble {
  kWait,       // the same server can do it later
  kElsewhere,  // connect anew: another server is, or will be, the master
  kSlot,       // another master of the cluster has the slot, or has it soon; a refusal where no cluster was named
  kLoad,       // our functions are not there
  kFenced,     // another owner's epoch holds
  kGap,        // batches before this one are not there
  kFull,       // no memory for what is new
  kRefused,    // a person must do something
};

struct ReplyTrouble {
  Trouble trouble = Trouble::kRefused;
  std::string remedy{};
};

ReplyTrouble ReadTrouble(std::string_view reply);
// With the code that fits: UNAVAILABLE, ABORTED, RESOURCE_EXHAUSTED, UNAUTHENTICATED, FAILED_PRECONDITION …
Error ErrorOf(std::string_view reply, std::string_view place);
// Of a reply while a connection is made: what the table does not know is UNAVAILABLE, for a server, or what stands before it,
// says many things while it starts or is full, and none of them is about what we asked.
Error ConnectErrorOf(std::string_view reply, std::string_view place);
// Of kSlot, where a cluster was named: it passes.
Error SlotErrorOf(std::string_view reply, std::string_view place);
// Of a partition that was taken and is not there any more: DATA_LOSS.
Error LostPartition(std::uint32_t partition, std::string_view place);
// Whether the same call may be made again after a pause.
inline bool Passes(Trouble trouble) { return trouble == Trouble::kWait || trouble == Trouble::kElsewhere || trouble == Trouble::kLoad; }

}  // namespace headrace::store
