#include "api/server.h"

#include <arpa/inet.h>
#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/health_check_service_interface.h>
#include <grpcpp/impl/codegen/service_type.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <mutex>
#include <utility>

#include "api/access.h"
#include "api/execution_requests.h"
#include "api/grpc_log.h"
#include "api/services.h"
#include "api/serving.h"
#include "api/status.h"

namespace headrace::api {
namespace {

constexpr int kKeepaliveMs = 30'000;
constexpr int kKeepaliveTimeoutMs = 10'000;
constexpr int kPingIntervalMinMs = 10'000;
constexpr int kPortMax = 65'535;
constexpr std::chrono::seconds kLastWords(1);

struct HostPort {
  std::string host;
  int port = 0;
};

Result<HostPort> SplitAddress(const std::string& address) {
  const std::size_t colon = address.rfind(':');
  HostPort out;
  bool valid = colon != std::string::npos && colon + 1 < address.size();
  if (valid) {
    const char* end = address.data() + address.size();
    const auto parsed = std::from_chars(address.data() + colon + 1, end, out.port);
    valid = parsed.ec == std::errc() && parsed.ptr == end && out.port >= 0 && out.port <= kPortMax;
  }
  if (!valid) return InvalidArgument("'" + address + "' is no address: it must be HOST:PORT, such as 127.0.0.1:8082");
  out.host = address.substr(0, colon);
  if (out.host.starts_with('[') && out.host.ends_with(']')) out.host = out.host.substr(1, out.host.size() - 2);
  return out;
}

bool IsLoopback(const std::string& host) {
  if (host == "localhost" || host == "::1") return true;
  in_addr address{};
  return inet_pton(AF_INET, host.c_str(), &address) == 1 && (ntohl(address.s_addr) >> 24U) == 127;
}

// Why nobody can listen there: gRPC itself only says that it failed.
std::string WhyNot(const HostPort& where) {
  const bool six = where.host == "::1";
  const int fd = socket(six ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return std::strerror(errno);
  const int on = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  int failed = 0;
  if (six) {
    sockaddr_in6 to{};
    to.sin6_family = AF_INET6;
    to.sin6_addr = in6addr_loopback;
    to.sin6_port = htons(static_cast<std::uint16_t>(where.port));
    failed = bind(fd, reinterpret_cast<const sockaddr*>(&to), sizeof to);
  } else {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    inet_pton(AF_INET, where.host == "localhost" ? "127.0.0.1" : where.host.c_str(), &to.sin_addr);
    to.sin_port = htons(static_cast<std::uint16_t>(where.port));
    failed = bind(fd, reinterpret_cast<const sockaddr*>(&to), sizeof to);
  }
  const int why = errno;
  close(fd);
  if (failed == 0) return "gRPC could not listen there";
  if (why == EADDRINUSE) {
    return "port " + std::to_string(where.port) + " is in use by another process; end that one (ss -ltnp shows it) or " +
           "choose another port (0 takes a free one)";
  }
  return std::strerror(why);
}

void SetLimits(grpc::ServerBuilder& builder) {
  builder.SetMaxReceiveMessageSize(static_cast<int>(kMessageBytesMax));
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

// Asked before any method sees a call. What it takes it does not hand on: no service sees a token.
class TokenCheck final : public grpc::AuthMetadataProcessor {
 public:
  explicit TokenCheck(std::shared_ptr<const http::Authenticator> tokens) : tokens_(std::move(tokens)) {}

  bool IsBlocking() const override { return false; }
  grpc::Status Process(const InputMetadata& metadata, grpc::AuthContext*, OutputMetadata* consumed, OutputMetadata*) override {
    const std::string_view authorization = Find(metadata, "authorization");
    if (metadata.count("authorization") == 1) consumed->emplace("authorization", std::string(authorization));
    const Status may = MayCall(*tokens_, Find(metadata, ":path"), metadata.count("authorization") == 1 ? authorization : std::string_view());
    return may ? grpc::Status::OK : ToGrpcStatus(may.error());
  }

 private:
  const std::shared_ptr<const http::Authenticator> tokens_;
};

std::shared_ptr<grpc::ServerCredentials> CredentialsOf(const std::optional<ApiTls>& tls) {
  if (!tls) return grpc::InsecureServerCredentials();
  grpc::SslServerCredentialsOptions options(tls->client_ca.empty() ? GRPC_SSL_DONT_REQUEST_CLIENT_CERTIFICATE
                                                                   : GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
  options.pem_root_certs = tls->client_ca;
  options.pem_key_cert_pairs.push_back({tls->key, tls->certificate});
  auto credentials = grpc::SslServerCredentials(options);
  credentials->SetAuthMetadataProcessor(std::make_shared<TokenCheck>(tls->tokens));
  return credentials;
}

class GrpcServer final : public ApiServer {
 public:
  GrpcServer(const ApiOptions& options, scheduler::Engine& engine)
      : tls_(options.tls),
        pool_(options.threads, options.waiting_max),
        calls_(options.unary_cap, options.streams_max),
        serving_{engine, pool_, calls_, options.version},
        services_{MakeFlowService(serving_), MakeExecutionService(serving_), MakeTriggerService(serving_),
                  MakeWorkerService(serving_),
                  MakeSystemService(serving_)} {}
  ~GrpcServer() override { Shutdown(); }

  Status Serve() {
    Build("");
    return server_ != nullptr ? Status() : Fail(Code::kInternal, "gRPC could not start");
  }

  Status Listen(const std::string& address, const HostPort& where) {
    Build(address);
    if (server_ != nullptr && port_ != 0) return {};
    return Fail(Code::kUnavailable, "cannot serve the API on " + address + ": " + WhyNot(where));
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
    server_.reset();
  }

 private:
  void Build(const std::string& address) {
    grpc::ServerBuilder builder;
    SetLimits(builder);
    if (!address.empty()) builder.AddListeningPort(address, CredentialsOf(tls_), &port_);
    for (const auto& service : services_) builder.RegisterService(service.get());
    server_ = builder.BuildAndStart();
  }

  const std::optional<ApiTls> tls_;
  TaskPool pool_;
  CallBook calls_;
  Serving serving_;
  std::array<std::unique_ptr<grpc::Service>, 5> services_;
  std::unique_ptr<grpc::Server> server_;
  int port_ = 0;
};

}  // namespace

Result<std::unique_ptr<ApiServer>> ApiServer::Start(const ApiOptions& options, scheduler::Engine& engine) {
  if (options.address.empty()) {
    RouteGrpcLog();
    auto server = std::make_unique<GrpcServer>(options, engine);
    RETURN_IF_ERROR(server->Serve());
    return server;
  }
  ASSIGN_OR_RETURN(const HostPort where, SplitAddress(options.address));
  if (!options.tls && !IsLoopback(where.host)) {
    return InvalidArgument("the API does not listen on " + options.address +
                           " without TLS and tokens, as others could reach it: name --grpc-cert, --grpc-key and --token-file, or use a loopback "
                           "address such as 127.0.0.1:" + std::to_string(where.port) + ", from elsewhere through ssh -L");
  }
  EnablePlugins();
  auto server = std::make_unique<GrpcServer>(options, engine);
  RETURN_IF_ERROR(server->Listen(options.address, where));
  return server;
}

}  // namespace headrace::api
