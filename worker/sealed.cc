#include "worker/sealed.h"

#include "common/base/clock.h"
#include "common/expr/environment.h"
#include "common/expr/template.h"
#include "common/flow/inputs.h"
#include "worker/secrets.h"

namespace headrace::worker {
namespace {

bool IsSealed(const Object& object) {
  const Value* type = object.if_contains("type");
  const Value* text = object.if_contains("value");
  return type != nullptr && type->is_string() && type->get_string() == kSealedType && text != nullptr && text->is_string();
}

}  // namespace

Sealer::Sealer(const std::map<std::string, std::string>& environment) {
  const auto key = environment.find(std::string(flow::kEncryptionKeyVariable));
  if (key != environment.end()) key_ = key->second;
}

// The expression language's own encrypt() and decrypt(): one place for the cipher.
Result<std::string> Sealer::Call(std::string_view expression, std::string_view text) const {
  if (key_.empty()) {
    return Fail(Code::kFailedPrecondition, "a SECRET input cannot be read or kept: set " +
                                               std::string(flow::kEncryptionKeyVariable) + " for this process");
  }
  ASSIGN_OR_RETURN(const auto compiled, expr::Template::Compile(expression));
  expr::BasicEnvironment environment(SystemClock().Now(), Random::FromSystem().Next());
  return compiled->RenderText(Object{{"key", key_}, {"text", text}}, environment);
}

Result<std::string> Sealer::Seal(std::string_view plain) const { return Call("{{ encrypt(key, text) }}", plain); }
Result<std::string> Sealer::Open(std::string_view sealed) const { return Call("{{ decrypt(key, text) }}", sealed); }

Status CheckEncryptionKey(const std::map<std::string, std::string>& environment) {
  const std::string name(flow::kEncryptionKeyVariable);
  const auto key = environment.find(name);
  if (key == environment.end() || key->second.empty()) return {};
  const auto bytes = Base64Decode(key->second);
  if (bytes && (bytes->size() == 16 || bytes->size() == 24 || bytes->size() == 32)) return {};
  return InvalidArgument(name + " is " + (bytes ? "base64 of " + std::to_string(bytes->size()) + " bytes" : "not base64") +
                         ", it must be base64 of 32 (or 16 or 24) bytes: " + name + "=$(openssl rand -base64 32)");
}

Status OpenSealed(Value& value, const Sealer& sealer, Masker& masker) {
  if (Array* items = value.if_array()) {
    for (Value& item : *items) RETURN_IF_ERROR(OpenSealed(item, sealer, masker));
  } else if (Object* object = value.if_object()) {
    if (IsSealed(*object)) {
      ASSIGN_OR_RETURN(const std::string plain, sealer.Open(object->at("value").get_string()));
      masker.Register(plain);
      value = json::string(plain);
      return {};
    }
    for (auto& [key, member] : *object) RETURN_IF_ERROR(OpenSealed(member, sealer, masker));
  }
  return {};
}

}  // namespace headrace::worker
