// Values that rest encrypted: SECRET inputs, as {"type": "io.kestra.datatype:aes_encrypted", "value": …}.
// Shapes: the key is base64 of 16, 24 or 32 bytes; without one nothing can be sealed or opened.
// Errors: no key, a key that is none, a text that was changed. Threads: immutable. Source: FLOWS 1.4 (SECRET).
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "common/model/value.h"
#include "worker/masker.h"

namespace headrace::worker {

// The `type` of a sealed value.
inline constexpr std::string_view kSealedType = "io.kestra.datatype:aes_encrypted";

class Sealer {
 public:
  // HEADRACE_ENCRYPTION_KEY of the environment.
  explicit Sealer(const std::map<std::string, std::string>& environment);

  bool has_key() const { return !key_.empty(); }
  Result<std::string> Seal(std::string_view plain) const;
  Result<std::string> Open(std::string_view sealed) const;

 private:
  Result<std::string> Call(std::string_view expression, std::string_view text) const;
  std::string key_;
};

// INVALID_ARGUMENT when the variable is set to what is no key: better told at the start than by the first SECRET.
Status CheckEncryptionKey(const std::map<std::string, std::string>& environment);

// Opens every sealed value inside `value`; what comes out is hidden by `masker`.
Status OpenSealed(Value& value, const Sealer& sealer, Masker& masker);

}  // namespace headrace::worker
