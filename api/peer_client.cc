#include "api/peer_client.h"

#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <condition_variable>
#include <map>
#include <mutex>
#include <set>
#include <utility>
#include <vector>

#include "api/grpc_log.h"
#include "api/peer_reply.h"

namespace headrace::api {
namespace {

using Stub = wire::v1::PeerService::Stub;
using Steady = std::chrono::steady_clock;

constexpr int kBytesMax = static_cast<int>(kPeerBytesMax + kPeerEnvelopeBytes);
constexpr int kMetadataBytesMax = 64 << 10;
constexpr int kKeepaliveMs = 30'000;
constexpr int kKeepaliveTimeoutMs = 5'000;
constexpr int kReconnectMs = 500;

grpc::ChannelArguments ArgumentsOf(const PeerClientOptions& options) {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(kBytesMax);
  arguments.SetMaxSendMessageSize(kBytesMax);
  arguments.SetInt(GRPC_ARG_MAX_METADATA_SIZE, kMetadataBytesMax);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, kKeepaliveMs);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, kKeepaliveTimeoutMs);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, kReconnectMs);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, kReconnectMs);
  // Nobody stands between schedulers.
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  if (options.tls && !options.tls->name.empty()) arguments.SetSslTargetNameOverride(options.tls->name);
  return arguments;
}

// A token goes to nobody whose certificate was not checked.
std::shared_ptr<grpc::ChannelCredentials> CredentialsOf(const std::optional<PeerTls>& tls) {
  if (!tls) return grpc::InsecureChannelCredentials();
  grpc::SslCredentialsOptions options;
  if (tls->ca != "system") options.pem_root_certs = tls->ca;
  options.pem_cert_chain = tls->certificate;
  options.pem_private_key = tls->key;
  auto credentials = grpc::SslCredentials(options);
  if (tls->token.empty()) return credentials;
  return grpc::CompositeChannelCredentials(credentials, grpc::AccessTokenCredentials(tls->token));
}

bool Has(const std::string& text, const char* part) { return text.find(part) != std::string::npos; }

std::string Unreached(const std::string& message, bool tls) {
  std::string out = " cannot be reached (" + message + ")";
  if (tls && (Has(message, "andshake") || Has(message, "Peer name") || Has(message, "ertificate"))) {
    out += "; does --peer-ca name who signed its certificate, and does that name its host, or what --peer-name says?";
  }
  return out;
}

// What gRPC, or the other's door, says: the other scheduler itself has answered nothing.
Error OnTheWay(const std::string& address, const grpc::Status& status, Duration timeout, bool tls) {
  const std::string peer = "the scheduler at " + address;
  const std::string& message = status.error_message();
  switch (status.error_code()) {
    case grpc::StatusCode::UNAVAILABLE:
    case grpc::StatusCode::CANCELLED: return {Code::kUnavailable, peer + Unreached(message, tls), {}};
    case grpc::StatusCode::DEADLINE_EXCEEDED:
      return {Code::kUnavailable, peer + " did not answer within " + std::to_string(timeout / std::chrono::milliseconds(1)) + " ms", {}};
    case grpc::StatusCode::UNAUTHENTICATED:
    case grpc::StatusCode::PERMISSION_DENIED:
      return {Code::kFailedPrecondition,
              peer + " does not let this one in (" + message +
                  "): start this one with a token of role scheduler from its --token-file, in HEADRACE_PEER_TOKEN or --peer-token-file",
              {}};
    case grpc::StatusCode::UNIMPLEMENTED:
      return {Code::kFailedPrecondition, peer + " takes no calls of other schedulers: it is of another version, or has a store of its own", {}};
    default: return {static_cast<Code>(status.error_code()), peer + ": " + message, {}};
  }
}

// Holds its channel to the last: gRPC's own threads must not be the ones that let go of the last channel, since whoever does
// waits for those threads.
struct Outgoing {
  std::string address;
  Duration timeout{};
  scheduler::PeerDone done;
  std::shared_ptr<Stub> stub;
  grpc::ClientContext context;
  wire::v1::PeerRequest request;
  wire::v1::PeerReply reply;
};
using OutgoingPtr = std::shared_ptr<Outgoing>;

}  // namespace

class GrpcPeerClient::State {
 public:
  explicit State(PeerClientOptions options)
      : options_(std::move(options)), credentials_(CredentialsOf(options_.tls)), arguments_(ArgumentsOf(options_)) {
    RouteGrpcLog();
  }

  ~State() {
    for (const OutgoingPtr& call : Close()) call->context.TryCancel();
    std::unique_lock lock(mutex_);
    ended_.wait(lock, [this] { return under_way_ == 0; });
  }

  void Start(OutgoingPtr call) {
    std::vector<Channel> unused;  // closed at the end: without the lock, and never the last one
    {
      std::unique_lock lock(mutex_);
      if (closing_) {
        lock.unlock();
        return call->done(Fail(Code::kUnavailable, "the scheduler at " + call->address + " is not asked any more: this one ends"));
      }
      call->stub = StubOf(call->address, unused);
      open_.insert(call);
      ++under_way_;
    }
    Outgoing& to = *call;
    to.context.set_deadline(std::chrono::system_clock::now() + to.timeout);
    const std::shared_ptr<Stub> stub = to.stub;
    stub->async()->Call(&to.context, &to.request, &to.reply,
                        [this, call = std::move(call)](const grpc::Status& status) mutable { Finish(std::move(call), status); });
  }

  std::size_t channels() const {
    std::lock_guard lock(mutex_);
    return channels_.size();
  }

 private:
  struct Channel {
    std::shared_ptr<Stub> stub;
    Steady::time_point used{};
  };

  std::vector<OutgoingPtr> Close() {
    std::lock_guard lock(mutex_);
    closing_ = true;
    return {open_.begin(), open_.end()};
  }

  // Under the lock. `unused` gets what is kept no longer.
  std::shared_ptr<Stub> StubOf(const std::string& address, std::vector<Channel>& unused) {
    const Steady::time_point now = Steady::now();
    const auto found = channels_.find(address);
    if (found != channels_.end()) {
      found->second.used = now;
      return found->second.stub;
    }
    DropUnused(now - options_.idle, unused);
    auto stub = std::make_shared<Stub>(grpc::CreateCustomChannel(address, credentials_, arguments_));
    channels_.emplace(address, Channel{stub, now});
    return stub;
  }

  // Those not used since then, and the one not used for longest if there are too many. Those of calls under way stay.
  void DropUnused(Steady::time_point since, std::vector<Channel>& unused) {
    const auto take = [&](auto at) {
      unused.push_back(std::move(at->second));
      return channels_.erase(at);
    };
    auto oldest = channels_.end();
    for (auto at = channels_.begin(); at != channels_.end();) {
      const bool busy = at->second.stub.use_count() > 1;
      if (!busy && at->second.used <= since) {
        at = take(at);
        continue;
      }
      if (!busy && (oldest == channels_.end() || at->second.used < oldest->second.used)) oldest = at;
      ++at;
    }
    if (channels_.size() >= options_.channels_max && oldest != channels_.end()) take(oldest);
  }

  void Finish(OutgoingPtr call, const grpc::Status& status) {
    Result<std::string> result = status.ok() ? FromReply(std::move(call->reply))
                                             : Fail(OnTheWay(call->address, status, call->timeout, options_.tls.has_value()));
    scheduler::PeerDone done = std::move(call->done);
    {
      std::lock_guard lock(mutex_);
      open_.erase(call);
    }
    call.reset();
    done(std::move(result));
    done = nullptr;
    std::lock_guard lock(mutex_);
    if (--under_way_ == 0) ended_.notify_all();
  }

  const PeerClientOptions options_;
  const std::shared_ptr<grpc::ChannelCredentials> credentials_;
  const grpc::ChannelArguments arguments_;
  mutable std::mutex mutex_;
  std::condition_variable ended_;
  bool closing_ = false;
  std::map<std::string, Channel> channels_;
  std::set<OutgoingPtr> open_;
  std::size_t under_way_ = 0;  // those, and those that are just ending
};

GrpcPeerClient::GrpcPeerClient(PeerClientOptions options) : state_(std::make_unique<State>(std::move(options))) {}
GrpcPeerClient::~GrpcPeerClient() = default;

void GrpcPeerClient::Call(const std::string& address, std::string request, Duration timeout, scheduler::PeerDone done) {
  if (request.size() > kPeerBytesMax) {
    return done(Fail(Code::kResourceExhausted, "what is asked of the scheduler at " + address + " has " + std::to_string(request.size()) +
                                                   " bytes; at most " + std::to_string(kPeerBytesMax) + " can be handed on"));
  }
  auto call = std::make_shared<Outgoing>();
  call->address = address;
  call->timeout = timeout;
  call->done = std::move(done);
  call->request.set_body(std::move(request));
  state_->Start(std::move(call));
}

std::size_t GrpcPeerClient::channels() const { return state_->channels(); }

}  // namespace headrace::api
