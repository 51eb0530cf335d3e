#include "common/store/redis_tls.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>

namespace headrace::store {
namespace {

using ContextPtr = std::unique_ptr<SSL_CTX, void (*)(SSL_CTX*)>;
using SslPtr = std::unique_ptr<SSL, void (*)(SSL*)>;

std::string LastReason() {
  char text[256] = "no reason given";
  if (const unsigned long error = ERR_get_error(); error != 0) ERR_error_string_n(error, text, sizeof(text));
  ERR_clear_error();
  return text;
}

int Descriptor(BIO* bio) { return static_cast<int>(reinterpret_cast<std::intptr_t>(BIO_get_data(bio))); }

// OpenSSL's own sockets write with signals: a server that went away would end this process.
int WriteQuietly(BIO* bio, const char* bytes, int size) {
  BIO_clear_retry_flags(bio);
  const ssize_t sent = send(Descriptor(bio), bytes, static_cast<std::size_t>(size), MSG_NOSIGNAL);
  if (sent < 0 && (errno == EAGAIN || errno == EINTR)) BIO_set_retry_write(bio);
  return static_cast<int>(sent);
}

int ReadQuietly(BIO* bio, char* to, int size) {
  BIO_clear_retry_flags(bio);
  const ssize_t got = recv(Descriptor(bio), to, static_cast<std::size_t>(size), 0);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) BIO_set_retry_read(bio);
  return static_cast<int>(got);
}

long Control(BIO*, int command, long, void*) { return command == BIO_CTRL_FLUSH ? 1 : 0; }

// Owned by the SSL that it is given to; the descriptor is not its own.
BIO* MakeBio(int fd) {
  static BIO_METHOD* const method = [] {
    BIO_METHOD* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "headrace");
    BIO_meth_set_write(made, WriteQuietly);
    BIO_meth_set_read(made, ReadQuietly);
    BIO_meth_set_ctrl(made, Control);
    return made;
  }();
  BIO* bio = BIO_new(method);
  BIO_set_data(bio, reinterpret_cast<void*>(static_cast<std::intptr_t>(fd)));
  BIO_set_init(bio, 1);
  return bio;
}

Result<ContextPtr> MakeContext(const RedisTls& tls) {
  ContextPtr context(SSL_CTX_new(TLS_client_method()), SSL_CTX_free);
  if (!context) return Fail(Code::kUnavailable, "TLS cannot be started: " + LastReason());
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
  SSL_CTX_set_mode(context.get(), SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  const bool trusted = tls.ca_file.empty() ? SSL_CTX_set_default_verify_paths(context.get()) == 1
                                           : SSL_CTX_load_verify_locations(context.get(), tls.ca_file.c_str(), nullptr) == 1;
  if (!trusted) return Fail(Code::kInvalidArgument, "ca=" + tls.ca_file + " cannot be used: " + LastReason());
  if (!tls.cert_file.empty() && (SSL_CTX_use_certificate_chain_file(context.get(), tls.cert_file.c_str()) != 1 ||
                                 SSL_CTX_use_PrivateKey_file(context.get(), tls.key_file.c_str(), SSL_FILETYPE_PEM) != 1)) {
    return Fail(Code::kInvalidArgument, "cert=" + tls.cert_file + " with key=" + tls.key_file + " cannot be used: " + LastReason());
  }
  return context;
}

class TlsSocket final : public Socket {
 public:
  TlsSocket(ContextPtr context, SslPtr ssl, int fd, std::string place)
      : context_(std::move(context)), ssl_(std::move(ssl)), fd_(fd), place_(std::move(place)) {}
  ~TlsSocket() override {
    SSL_shutdown(ssl_.get());
    ssl_.reset();
    close(fd_);
  }
  int fd() const override { return fd_; }
  bool pending() const override { return SSL_pending(ssl_.get()) > 0; }

  Status Handshake(Deadline deadline) {
    while (true) {
      ERR_clear_error();
      const int done = SSL_connect(ssl_.get());
      if (done == 1) return {};
      const int error = SSL_get_error(ssl_.get(), done);
      if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE) {
        const long verified = SSL_get_verify_result(ssl_.get());
        return Fail(Code::kUnavailable, "TLS with Redis at " + place_ + " failed: " +
                                            (verified != X509_V_OK ? X509_verify_cert_error_string(verified) : LastReason()) +
                                            "; ?ca=FILE names who signed its certificate");
      }
      if (!WaitFor(fd_, error == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT, deadline)) {
        return Fail(Code::kUnavailable, "TLS with Redis at " + place_ + " failed: no answer in time");
      }
    }
  }

  Result<std::size_t> Write(std::string_view bytes) override {
    std::size_t sent = 0;
    ERR_clear_error();
    if (SSL_write_ex(ssl_.get(), bytes.data(), bytes.size(), &sent) == 1) return sent;
    return Later(0);
  }
  Result<std::size_t> Read(char* to, std::size_t most) override {
    std::size_t got = 0;
    ERR_clear_error();
    if (SSL_read_ex(ssl_.get(), to, most, &got) == 1) return got;
    return Later(0);
  }

 private:
  Result<std::size_t> Later(int result) {
    const int error = SSL_get_error(ssl_.get(), result);
    if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) return 0;
    return Fail(Code::kUnavailable, "the connection to Redis at " + place_ + " broke: " +
                                        (error == SSL_ERROR_ZERO_RETURN ? "it closed the connection" : LastReason()));
  }
  const ContextPtr context_;
  SslPtr ssl_;
  const int fd_;
  const std::string place_;
};

void NameServer(SSL* ssl, const std::string& host) {
  X509_VERIFY_PARAM* check = SSL_get0_param(ssl);
  if (X509_VERIFY_PARAM_set1_ip_asc(check, host.c_str()) == 1) return;  // an address has no name to send
  X509_VERIFY_PARAM_set1_host(check, host.c_str(), 0);
  SSL_set_tlsext_host_name(ssl, host.c_str());
}

}  // namespace

Result<std::unique_ptr<Socket>> StartTls(int fd, const RedisEndpoint& endpoint, const RedisTls& tls, Deadline deadline) {
  auto context = MakeContext(tls);
  if (!context) {
    close(fd);
    return Fail(std::move(context.error()));
  }
  SslPtr ssl(SSL_new(context->get()), SSL_free);
  BIO* const bio = MakeBio(fd);
  SSL_set_bio(ssl.get(), bio, bio);
  NameServer(ssl.get(), endpoint.host);
  auto made = std::make_unique<TlsSocket>(std::move(*context), std::move(ssl), fd, endpoint.ToString());
  RETURN_IF_ERROR(made->Handshake(deadline));
  return made;
}

}  // namespace headrace::store
