#include "api/http/tls.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

namespace headrace::api::http {
namespace {

template <typename T, void (*kFree)(T*)>
struct Freed {
  void operator()(T* what) const { kFree(what); }
};
using Certificate = std::unique_ptr<X509, Freed<X509, X509_free>>;
using Key = std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY, EVP_PKEY_free>>;

struct BioFreed {
  void operator()(BIO* what) const { BIO_free(what); }
};
using Text = std::unique_ptr<BIO, BioFreed>;

Text Open(const std::string& text) { return Text(BIO_new_mem_buf(text.data(), static_cast<int>(text.size()))); }

// A key with a password asks nobody at the terminal.
int NoPassword(char*, int, int, void*) { return -1; }

Status UseCertificates(SSL_CTX* context, const std::string& text) {
  const Text in = Open(text);
  const Certificate own(PEM_read_bio_X509_AUX(in.get(), nullptr, NoPassword, nullptr));
  if (own == nullptr || SSL_CTX_use_certificate(context, own.get()) != 1) return InvalidArgument("the certificate cannot be used: it is none in PEM");
  while (Certificate next{PEM_read_bio_X509(in.get(), nullptr, NoPassword, nullptr)}) {
    if (SSL_CTX_add0_chain_cert(context, next.get()) != 1) return InvalidArgument("a certificate behind the first cannot be used");
    static_cast<void>(next.release());
  }
  return {};
}

}  // namespace

Result<ServerTls> MakeServerTls(const std::string& certificate, const std::string& key) {
  ServerTls context(SSL_CTX_new(TLS_server_method()), SSL_CTX_free);
  if (context == nullptr) return Fail(Code::kInternal, "OpenSSL has no memory");
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  SSL_CTX_set_options(context.get(), SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE);
  SSL_CTX_set_mode(context.get(), SSL_MODE_RELEASE_BUFFERS);
  Status usable = UseCertificates(context.get(), certificate);
  if (usable) {
    const Text in = Open(key);
    const Key own(PEM_read_bio_PrivateKey(in.get(), nullptr, NoPassword, nullptr));
    if (own == nullptr) usable = InvalidArgument("the key cannot be used: it is none in PEM, or it has a password");
    else if (SSL_CTX_use_PrivateKey(context.get(), own.get()) != 1) usable = InvalidArgument("the key is not that of the certificate");
  }
  ERR_clear_error();
  if (!usable) return Fail(std::move(usable.error()));
  return context;
}

}  // namespace headrace::api::http
