// The way to other schedulers: PeerService of the address that each announces, over one gRPC channel an address.
// Shapes: bytes there and back, 8 MiB at most.
// Errors: what the other scheduler says comes back as it said it. UNAVAILABLE when it cannot be reached or does not answer in time,
//   FAILED_PRECONDITION when it does not let us in or is of another version, RESOURCE_EXHAUSTED when it is too busy or too much
//   was sent: each names the address and what helps.
// Threads: any. Ending fails the calls under way and waits for their `done`: not from within one.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>

#include "scheduler/engine.h"

namespace headrace::api {

// PEM texts.
struct PeerTls {
  std::string ca;             // of the others' certificates, or "system": those that this machine trusts
  std::string certificate{};  // of ours, for those that ask for one
  std::string key{};
  std::string name{};         // that the others' certificates have; empty: the host of the address
  std::string token{};
};

struct PeerClientOptions {
  std::optional<PeerTls> tls{};
  std::size_t channels_max = 64;             // then the one that was not used for longest is closed
  Duration idle = std::chrono::minutes(5);   // as is one that was not used for so long
};

class GrpcPeerClient final : public scheduler::PeerClient {
 public:
  explicit GrpcPeerClient(PeerClientOptions options);
  ~GrpcPeerClient() override;
  void Call(const std::string& address, std::string request, Duration timeout, scheduler::PeerDone done) override;
  // That are kept.
  std::size_t channels() const;

 private:
  class State;
  const std::unique_ptr<State> state_;
};

}  // namespace headrace::api
