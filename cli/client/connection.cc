#include "cli/client/connection.h"

#include <grpcpp/grpcpp.h>

#include <utility>

#include "api/grpc_log.h"
#include "api/status.h"

namespace headrace::cli {
namespace {

constexpr int kReceiveBytesMax = 64 << 20;  // an answer with one large task run; a server cuts the rest
constexpr int kMetadataBytesMax = 64 << 10;
constexpr int kKeepaliveMs = 30'000;
constexpr int kReconnectMs = 1'000;

grpc::ChannelArguments Arguments() {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(kReceiveBytesMax);
  arguments.SetInt(GRPC_ARG_MAX_METADATA_SIZE, kMetadataBytesMax);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, kKeepaliveMs);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, kReconnectMs);
  // A proxy of the environment must not stand between loopback addresses.
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  return arguments;
}

// A token goes to nobody whose certificate was not checked.
std::shared_ptr<grpc::ChannelCredentials> CredentialsOf(const ServerTrust& trust) {
  if (trust.ca.empty()) return grpc::InsecureChannelCredentials();
  grpc::SslCredentialsOptions options;
  if (trust.ca != "system") options.pem_root_certs = trust.ca;
  options.pem_cert_chain = trust.certificate;
  options.pem_private_key = trust.key;
  auto credentials = grpc::SslCredentials(options);
  if (trust.token.empty()) return credentials;
  return grpc::CompositeChannelCredentials(credentials, grpc::AccessTokenCredentials(trust.token));
}

// gRPC's chain of causes by its last one: "Connection refused".
std::string LastCause(const std::string& message) {
  const std::size_t colon = message.rfind(": ");
  return colon == std::string::npos ? message : message.substr(colon + 2);
}

}  // namespace

Connection::Connection(std::string address, std::string program, const ServerTrust& trust)
    : address_(std::move(address)), program_(std::move(program)), tls_(!trust.ca.empty()) {
  api::RouteGrpcLog();
  channel_ = grpc::CreateCustomChannel(address_, CredentialsOf(trust), Arguments());
}

std::shared_ptr<const Connection> ConnectTo(const Context& context) {
  return std::make_shared<const Connection>(context.server, context.program, context.trust);
}

void Connection::Prepare(grpc::ClientContext& context, std::chrono::milliseconds timeout) {
  context.set_deadline(std::chrono::system_clock::now() + timeout);
}

Error Connection::ToError(const grpc::Status& status) const {
  Error error = api::FromGrpcStatus(status);
  // A status with details is an answer; without, gRPC itself failed on the way.
  if (!status.error_details().empty()) return error;
  if (error.code == Code::kUnavailable && (tls_ || address_.find("127.") != 0)) {
    error.message = "no headrace server answers at " + address_ + " (" + LastCause(error.message) + "); " +
                    (tls_ ? "does its certificate name this host, and does --tls-ca name who signed it?"
                          : "one that others can reach wants TLS: name --tls-ca, and a token in HEADRACE_TOKEN");
  } else if (error.code == Code::kUnavailable) {
    error.message = "no headrace server answers at " + address_ + " (" + LastCause(error.message) + "); start one with `" + program_ +
                    " standalone`, or name another with --server HOST:PORT or HEADRACE_SERVER";
  } else if (error.code == Code::kDeadlineExceeded) {
    error.message = "the server at " + address_ + " did not answer in time";
  } else if (error.code == Code::kResourceExhausted && error.message.find("larger than max") != std::string::npos) {
    error.message = "the server at " + address_ + " takes no message as large as this (" + LastCause(error.message) +
                    "); hand large values on as files or URIs";
  } else if (error.code == Code::kUnimplemented) {
    error.message = "the server at " + address_ + " does not know this request: it is of another version, or no headrace server";
  }
  return error;
}

bool Connection::AwaitServer(std::chrono::milliseconds at_most) const {
  return channel_->WaitForConnected(std::chrono::system_clock::now() + at_most);
}

}  // namespace headrace::cli
