#include "api/server.h"

#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/health_check_service_interface.h>
#include <grpcpp/impl/codegen/service_type.h>

#include <mutex>
#include <utility>
#include <vector>

#include "api/access.h"
#include "api/address.h"
#include "api/execution_requests.h"
#include "api/grpc_log.h"
#include "api/grpc_meter.h"
#include "api/peer_reply.h"
#include "api/services.h"
#include "api/serving.h"
#include "api/status.h"

namespace headrace::api {
namespace {

constexpr int kKeepaliveMs = 30'000;
constexpr int kKeepaliveTimeoutMs = 10'000;
constexpr int kPingIntervalMinMs = 10'000;
constexpr std::chrono::seconds kLastWords(1);
// Calls of other schedulers never wait for threads that themselves wait for other schedulers.
constexpr std::size_t kPeerThreads = 2;
constexpr std::size_t kPeerWaitingMax = 1024;

// gRPC knows one bound for all services of a port.
std::size_t ReceiveBytesMax(bool peers) { return peers ? kPeerBytesMax + kPeerEnvelopeBytes : kMessageBytesMax; }

void SetLimits(grpc::ServerBuilder& builder, bool peers) {
  builder.SetMaxReceiveMessageSize(static_cast<int>(ReceiveBytesMax(peers)));
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, kKeepaliveMs);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, kKeepaliveTimeoutMs);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, kPingIntervalMinMs);
  // Two servers on one port would share its connections by chance.
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
}

void EnablePlugins() {
  static std::once_flag once;
  std::call_once(once, [] {
    RouteGrpcLog();
    grpc::EnableDefaultHealthCheckService(true);
    grpc::reflection::InitProtoReflectionServerBuilderPlugin();
  });
}

std::string_view Find(const grpc::AuthMetadataProcessor::InputMetadata& metadata, const char* name) {
  const auto found = metadata.find(name);
  return found == metadata.end() ? std::string_view() : std::string_view(found->second.data(), found->second.size());
}

// Asked before any method sees a call. What the call touches is looked at later (caller_engine.h).
class TokenCheck final : public grpc::AuthMetadataProcessor {
 public:
  TokenCheck(std::shared_ptr<const http::Authenticator> tokens, CallTold refused, std::shared_ptr<AuditLog> audit)
      : tokens_(std::move(tokens)), refused_(std::move(refused)), audit_(std::move(audit)) {}

  bool IsBlocking() const override { return false; }
  grpc::Status Process(const InputMetadata& metadata, grpc::AuthContext*, OutputMetadata*, OutputMetadata*) override {
    const std::string_view method = Find(metadata, ":path");
    const auto access = AccessOf(method);
    if (access && (access->in_request || access->role == http::Role::kPublic)) return grpc::Status::OK;
    const auto who = WhoCalls(*tokens_, metadata.count("authorization") == 1 ? Find(metadata, "authorization") : std::string_view());
    const Status may = !access ? MayCall(http::Principal{}, method) : who ? MayCall(*who, method) : Fail(who.error());
    if (may) return grpc::Status::OK;
    if (refused_) refused_(CountedMethod(method), CountedCode(static_cast<int>(may.error().code)));
    if (audit_) Tell(method, who ? *who : http::Principal{}, may.error().code);
    return ToGrpcStatus(may.error());
  }

 private:
  void Tell(std::string_view method, const http::Principal& who, Code code) const {
    const std::string_view name = method.substr(method.rfind('.') == std::string_view::npos ? 0 : method.rfind('.') + 1);
    audit_->Tell({.who = who.name, .role = who.name.empty() ? "" : std::string(http::RoleName(who.role)), .method = std::string(name),
                  .outcome = std::string(CodeName(code)), .denied = true});
  }

  const std::shared_ptr<const http::Authenticator> tokens_;
  const CallTold refused_;
  const std::shared_ptr<AuditLog> audit_;
};

std::shared_ptr<grpc::ServerCredentials> CredentialsOf(const std::optional<ApiTls>& tls, const CallTold& refused, const std::shared_ptr<AuditLog>& audit) {
  if (!tls) return grpc::InsecureServerCredentials();
  grpc::SslServerCredentialsOptions options(tls->client_ca.empty() ? GRPC_SSL_DONT_REQUEST_CLIENT_CERTIFICATE
                                                                   : GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
  options.pem_root_certs = tls->client_ca;
  options.pem_key_cert_pairs.push_back({tls->key, tls->certificate});
  auto credentials = grpc::SslServerCredentials(options);
  credentials->SetAuthMetadataProcessor(std::make_shared<TokenCheck>(tls->tokens, refused, audit));
  return credentials;
}

class GrpcServer final : public ApiServer {
 public:
  GrpcServer(const ApiOptions& options, scheduler::Engine& engine)
      : tls_(options.tls),
        call_ended_(options.call_ended),
        pool_(options.threads, options.waiting_max),
        calls_(options.unary_cap, options.streams_max),
        serving_{engine, pool_, calls_, options.version, tls_ ? tls_->tokens : nullptr, options.audit} {
    services_.push_back(MakeFlowService(serving_));
    services_.push_back(MakeExecutionService(serving_));
    services_.push_back(MakeTriggerService(serving_));
    services_.push_back(MakeWorkerService(serving_));
    services_.push_back(MakeSystemService(serving_));
    services_.push_back(MakeScalerService(serving_, serving_.tokens));
    if (!options.peers) return;
    peer_pool_ = std::make_unique<TaskPool>(kPeerThreads, kPeerWaitingMax);
    peer_serving_ = std::make_unique<Serving>(Serving{engine, *peer_pool_, calls_, options.version});
    services_.push_back(MakePeerService(*peer_serving_));
  }
  ~GrpcServer() override { Shutdown(); }

  Status Serve() {
    Build("");
    return server_ != nullptr ? Status() : Fail(Code::kInternal, "gRPC could not start");
  }

  Status Listen(const std::string& address, const HostPort& where) {
    Build(address);
    if (server_ != nullptr && port_ != 0) return {};
    return Fail(CannotListen(where));
  }

  int port() const override { return port_; }

  std::shared_ptr<grpc::Channel> InProcessChannel() override {
    grpc::ChannelArguments arguments;
    arguments.SetMaxReceiveMessageSize(-1);
    return server_->InProcessChannel(arguments);
  }

  void Shutdown() override {
    if (server_ == nullptr) return;
    if (auto* health = server_->GetHealthCheckService()) health->Shutdown();
    calls_.Close();
    server_->Shutdown(std::chrono::system_clock::now() + kLastWords);
    server_->Wait();
    pool_.Stop();
    if (peer_pool_) peer_pool_->Stop();
    server_.reset();
  }

 private:
  void Build(const std::string& address) {
    grpc::ServerBuilder builder;
    SetLimits(builder, peer_pool_ != nullptr);
    if (!address.empty()) builder.AddListeningPort(address, CredentialsOf(tls_, call_ended_, serving_.audit), &port_);
    if (call_ended_) AddMeter(builder, call_ended_);
    for (const auto& service : services_) builder.RegisterService(service.get());
    server_ = builder.BuildAndStart();
  }

  const std::optional<ApiTls> tls_;
  const CallTold call_ended_;
  TaskPool pool_;
  CallBook calls_;
  Serving serving_;
  std::unique_ptr<TaskPool> peer_pool_;
  std::unique_ptr<Serving> peer_serving_;
  std::vector<std::unique_ptr<grpc::Service>> services_;
  std::unique_ptr<grpc::Server> server_;
  int port_ = 0;
};

}  // namespace

Status ApiServer::Check(const ApiOptions& options) {
  if (options.address.empty()) return {};
  ASSIGN_OR_RETURN(const HostPort where, SplitAddress(options.address));
  if (options.tls || IsLoopback(where.host)) return {};
  return InvalidArgument("the API does not listen on " + options.address +
                         " without TLS and tokens, as others could reach it: name --grpc-cert, --grpc-key and --token-file, or use a loopback "
                         "address such as 127.0.0.1:" + std::to_string(where.port) + ", from elsewhere through ssh -L");
}

Result<std::unique_ptr<ApiServer>> ApiServer::Start(const ApiOptions& options, scheduler::Engine& engine) {
  RETURN_IF_ERROR(Check(options));
  if (options.address.empty()) {
    RouteGrpcLog();
    auto server = std::make_unique<GrpcServer>(options, engine);
    RETURN_IF_ERROR(server->Serve());
    return server;
  }
  EnablePlugins();
  ASSIGN_OR_RETURN(const HostPort where, SplitAddress(options.address));
  auto server = std::make_unique<GrpcServer>(options, engine);
  RETURN_IF_ERROR(server->Listen(options.address, where));
  return server;
}

}  // namespace headrace::api
