// How a scheduler joins the others of its Redis: what it tells them about itself, and how it asks them.
// Errors: INVALID_ARGUMENT naming the flag and what would be right; no message holds a token.
// Threads: pure but for files and the environment.
#pragma once

#include <optional>
#include <string>

#include "api/peer_client.h"
#include "api/server.h"

namespace headrace::cli {

struct ClusterFlags {
  std::string advertise{};          // --advertise
  std::string advertise_workers{};  // --advertise-workers
  std::string partition_lease = "5s";
  std::string peer_ca{};          // --peer-ca
  std::string peer_name{};        // --peer-name
  std::string peer_token_file{};  // --peer-token-file; HEADRACE_PEER_TOKEN otherwise
};

struct ClusterChoice {
  std::string id{};  // of this process, among all that ever ran
  std::string api_address{};
  std::string workers{};  // as the flag has it
  std::string build{};
  Duration lease{};
  api::PeerClientOptions peers{};
};

// `bound`: HOST:PORT of our API. `tls`: what it is served with.
Result<ClusterChoice> ChooseCluster(const ClusterFlags& flags, const std::string& bound, const std::optional<api::ApiTls>& tls);
// Of --lease and a partition's lease (0: there is none). What runs must outlive the time in which nobody drives its partition:
// if it is not given it is long enough, and if it is given and too short that is told.
Result<Duration> LeaseOfTasks(const std::string& wanted, Duration of_partition);
// Whether any is there that needs others.
Status RefuseClusterFlags(const ClusterFlags& flags);

// What others connect to: HOST, HOST:PORT or [IPV6]:PORT of the flag, or where we are bound. A port that is missing or 0 is the
// bound one; a wildcard is this machine's name.
Result<std::string> AdvertisedApi(const std::string& wanted, const std::string& bound);
// The same for "tcp://HOST:PORT". What is bound and no tcp is told as it is.
Result<std::string> AdvertisedWorkers(const std::string& wanted, const std::string& bound);

}  // namespace headrace::cli
