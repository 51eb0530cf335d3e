// AES-GCM as Kestra's EncryptionService writes it: base64 of a 12-byte nonce, the cipher text and a 16-byte tag; the key
// is base64 of 16, 24 or 32 bytes.
#include <openssl/evp.h>

#include <memory>

#include "common/expr/base64.h"
#include "common/expr/builtin.h"

namespace headrace::expr {
namespace {

constexpr std::size_t kNonceBytes = 12;
constexpr std::size_t kTagBytes = 16;

using Cipher = std::unique_ptr<EVP_CIPHER_CTX, decltype(&EVP_CIPHER_CTX_free)>;

const unsigned char* Bytes(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }
unsigned char* Bytes(std::string& text) { return reinterpret_cast<unsigned char*>(text.data()); }

const EVP_CIPHER* AlgorithmOf(std::size_t key_bytes) {
  switch (key_bytes) {
    case 16: return EVP_aes_128_gcm();
    case 24: return EVP_aes_192_gcm();
    case 32: return EVP_aes_256_gcm();
    default: return nullptr;
  }
}

Result<std::string> KeyOf(const Invocation& call) {
  std::optional<std::string> key = FromBase64(call.Text(0));
  if (!key) return Refuse(call, "the key is not base64");
  if (AlgorithmOf(key->size()) == nullptr) {
    return Refuse(call, "Invalid AES key length: " + std::to_string(key->size()) + " bytes; write base64 of 16, 24 or 32");
  }
  return std::move(*key);
}

// GCM breaks when two texts share key and nonce. A render that is repeated draws the same chance again, so the nonce
// depends on what is sealed as well.
std::string Nonce(Random& random, std::string_view key, std::string_view plain) {
  std::string seed;
  for (int i = 0; i < 16; ++i) seed += static_cast<char>(random.Below(256));
  seed.append(key).append(plain);
  std::string digest(EVP_MAX_MD_SIZE, '\0');
  unsigned size = 0;
  EVP_Digest(seed.data(), seed.size(), Bytes(digest), &size, EVP_sha256(), nullptr);
  digest.resize(kNonceBytes);
  return digest;
}

Result<Value> EncryptFunction(const Invocation& call) {
  if (call.Argument(0) == nullptr) return Refuse(call, "the key is null");
  if (call.Argument(1) == nullptr) return Value(nullptr);
  ASSIGN_OR_RETURN(const std::string key, KeyOf(call));
  const std::string plain = call.Text(1);
  RETURN_IF_ERROR(call.budget().SpendText(2 * plain.size()));
  const std::string nonce = Nonce(call.session.environment().random(), key, plain);
  std::string sealed(plain.size(), '\0');
  std::string tag(kTagBytes, '\0');
  int size = 0;
  const Cipher cipher(EVP_CIPHER_CTX_new(), EVP_CIPHER_CTX_free);
  const bool done =
      EVP_EncryptInit_ex(cipher.get(), AlgorithmOf(key.size()), nullptr, Bytes(key), Bytes(nonce)) == 1 &&
      EVP_EncryptUpdate(cipher.get(), Bytes(sealed), &size, Bytes(plain), static_cast<int>(plain.size())) == 1 &&
      EVP_EncryptFinal_ex(cipher.get(), Bytes(sealed) + size, &size) == 1 &&
      EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_GCM_GET_TAG, kTagBytes, tag.data()) == 1;
  if (!done) return Refuse(call, "AES-GCM is not available in this build of OpenSSL");
  return Value(ToBase64(nonce + sealed + tag));
}

Result<Value> DecryptFunction(const Invocation& call) {
  if (call.Argument(0) == nullptr) return Refuse(call, "the key is null");
  if (call.Argument(1) == nullptr) return Value(nullptr);
  ASSIGN_OR_RETURN(const std::string key, KeyOf(call));
  const std::string text = call.Text(1);
  RETURN_IF_ERROR(call.budget().SpendText(text.size()));
  const std::optional<std::string> sealed = FromBase64(text);
  if (!sealed || sealed->size() < kNonceBytes + kTagBytes) return Refuse(call, "the text is not what encrypt() makes");
  const std::string_view nonce = std::string_view(*sealed).substr(0, kNonceBytes);
  const std::string_view body = std::string_view(*sealed).substr(kNonceBytes, sealed->size() - kNonceBytes - kTagBytes);
  std::string tag = sealed->substr(sealed->size() - kTagBytes);
  std::string plain(body.size(), '\0');
  int size = 0;
  const Cipher cipher(EVP_CIPHER_CTX_new(), EVP_CIPHER_CTX_free);
  const bool done =
      EVP_DecryptInit_ex(cipher.get(), AlgorithmOf(key.size()), nullptr, Bytes(key), Bytes(nonce)) == 1 &&
      EVP_DecryptUpdate(cipher.get(), Bytes(plain), &size, Bytes(body), static_cast<int>(body.size())) == 1 &&
      EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_GCM_SET_TAG, kTagBytes, tag.data()) == 1 &&
      EVP_DecryptFinal_ex(cipher.get(), Bytes(plain) + size, &size) == 1;
  if (!done) return Refuse(call, "the key does not fit, or the text was changed");
  return Value(std::move(plain));
}

constexpr Builtin kFunctions[] = {
    {"decrypt", DecryptFunction, {"key", "encrypted"}, 2},
    {"encrypt", EncryptFunction, {"key", "plaintext"}, 2},
};

}  // namespace

std::span<const Builtin> CipherFunctions() { return kFunctions; }

}  // namespace headrace::expr
