// What a scheduler answers another one, as a message and back. For .cc files that need grpc's headers anyway.
// Shapes: errors keep code, message and violations, whole.
// Threads: pure.
#pragma once

#include <cstddef>
#include <string>

#include "common/base/error.h"
#include "headrace/wire/v1/peer.grpc.pb.h"

namespace headrace::api {

// Of what is asked, and of what is answered.
inline constexpr std::size_t kPeerBytesMax = 8u << 20;
inline constexpr std::size_t kPeerEnvelopeBytes = 64u << 10;

// An answer that is too large is RESOURCE_EXHAUSTED.
wire::v1::PeerReply ToReply(Result<std::string> result);
Result<std::string> FromReply(wire::v1::PeerReply reply);

}  // namespace headrace::api
