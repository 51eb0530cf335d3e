#include "worker/github/app_jwt.h"

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include <algorithm>
#include <memory>

#include "common/base/text.h"
#include "common/expr/base64.h"
#include "common/model/value.h"

namespace headrace::worker::github {
namespace {

struct FreeBio {
  void operator()(BIO* bio) const { BIO_free(bio); }
};
struct FreeKey {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
struct FreeDigest {
  void operator()(EVP_MD_CTX* digest) const { EVP_MD_CTX_free(digest); }
};

std::string Base64Url(std::string_view bytes) {
  std::string text = expr::ToBase64(bytes);
  std::replace(text.begin(), text.end(), '+', '-');
  std::replace(text.begin(), text.end(), '/', '_');
  std::erase(text, '=');
  return text;
}

// A key that went through an environment variable may have its line breaks written out.
std::string Unfolded(std::string_view pem) {
  std::string text(Trim(pem));
  for (std::size_t at = text.find("\\n"); at != std::string::npos; at = text.find("\\n", at)) text.replace(at, 2, "\n");
  return text + "\n";
}

Result<std::unique_ptr<EVP_PKEY, FreeKey>> ReadKey(std::string_view pem) {
  const std::string text = Unfolded(pem);
  const std::unique_ptr<BIO, FreeBio> bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
  // Without a callback OpenSSL would ask the terminal for a password.
  const auto no_password = [](char*, int, int, void*) { return 0; };
  std::unique_ptr<EVP_PKEY, FreeKey> key(PEM_read_bio_PrivateKey(bio.get(), nullptr, no_password, nullptr));
  if (key == nullptr || EVP_PKEY_base_id(key.get()) != EVP_PKEY_RSA)
    return InvalidArgument("privateKey: is no RSA key in PEM form (-----BEGIN RSA PRIVATE KEY----- or -----BEGIN PRIVATE KEY-----)");
  return key;
}

Result<std::string> Sign(EVP_PKEY* key, const std::string& text) {
  const std::unique_ptr<EVP_MD_CTX, FreeDigest> digest(EVP_MD_CTX_new());
  std::size_t size = 0;
  const auto* bytes = reinterpret_cast<const unsigned char*>(text.data());
  if (EVP_DigestSignInit(digest.get(), nullptr, EVP_sha256(), nullptr, key) != 1 ||
      EVP_DigestSign(digest.get(), nullptr, &size, bytes, text.size()) != 1)
    return Fail(Code::kInternal, "privateKey: cannot sign");
  std::string signature(size, '\0');
  if (EVP_DigestSign(digest.get(), reinterpret_cast<unsigned char*>(signature.data()), &size, bytes, text.size()) != 1)
    return Fail(Code::kInternal, "privateKey: cannot sign");
  signature.resize(size);
  return signature;
}

}  // namespace

Result<std::string> MakeAppJwt(const App& app, Timestamp now) {
  ASSIGN_OR_RETURN(const auto key, ReadKey(app.private_key));
  const std::int64_t at = ToMicros(now) / 1'000'000;
  const std::string head = ToJson(Object{{"alg", "RS256"}, {"typ", "JWT"}});
  const std::string claims = ToJson(Object{{"iat", at - 60}, {"exp", at + 540}, {"iss", app.client_id}});
  const std::string text = Base64Url(head) + "." + Base64Url(claims);
  ASSIGN_OR_RETURN(const std::string signature, Sign(key.get(), text));
  return text + "." + Base64Url(signature);
}

}  // namespace headrace::worker::github
