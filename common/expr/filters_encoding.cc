#include <openssl/evp.h>

#include "common/expr/base64.h"
#include "common/expr/builtin.h"

namespace headrace::expr {
namespace {

bool IsAlphanumeric(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

Result<std::string> Input(const Invocation& call) {
  std::string text = ToText(call.input);
  RETURN_IF_ERROR(call.budget().SpendText(text.size()));
  return text;
}

Result<Value> Digest(const Invocation& call, const EVP_MD* algorithm) {
  if (call.input.is_null()) return Value(nullptr);
  ASSIGN_OR_RETURN(const std::string text, Input(call));
  unsigned char hash[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  if (EVP_Digest(text.data(), text.size(), hash, &size, algorithm, nullptr) != 1) {
    return Refuse(call, "the hash is not available in this build of OpenSSL");
  }
  static constexpr char kHex[] = "0123456789abcdef";
  std::string out;
  for (unsigned i = 0; i < size; ++i) {
    out += kHex[hash[i] >> 4U];
    out += kHex[hash[i] & 15U];
  }
  return Value(std::move(out));
}
Result<Value> Md5Filter(const Invocation& call) { return Digest(call, EVP_md5()); }
Result<Value> Sha1Filter(const Invocation& call) { return Digest(call, EVP_sha1()); }
Result<Value> Sha256Filter(const Invocation& call) { return Digest(call, EVP_sha256()); }
Result<Value> Sha512Filter(const Invocation& call) { return Digest(call, EVP_sha512()); }

Result<Value> Base64EncodeFilter(const Invocation& call) {
  if (call.input.is_null()) return Value(nullptr);
  ASSIGN_OR_RETURN(const std::string text, Input(call));
  return Value(ToBase64(text));
}

Result<Value> Base64DecodeFilter(const Invocation& call) {
  if (call.input.is_null()) return Value(nullptr);
  ASSIGN_OR_RETURN(const std::string text, Input(call));
  std::optional<std::string> bytes = FromBase64(text);
  if (!bytes) return Refuse(call, "the text is not base64");
  return Value(std::move(*bytes));
}

Result<Value> UrlEncodeFilter(const Invocation& call) {
  if (call.input.is_null()) return Value(nullptr);
  ASSIGN_OR_RETURN(const std::string text, Input(call));
  static constexpr char kHex[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (IsAlphanumeric(c) || c == '.' || c == '-' || c == '*' || c == '_') {
      out += c;
    } else if (c == ' ') {
      out += '+';
    } else {
      out += '%';
      out += kHex[byte >> 4U];
      out += kHex[byte & 15U];
    }
  }
  return Value(std::move(out));
}

Result<Value> UrlDecodeFilter(const Invocation& call) {
  if (call.input.is_null()) return Value(nullptr);
  ASSIGN_OR_RETURN(const std::string text, Input(call));
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i] == '+' ? ' ' : text[i];
      continue;
    }
    const int high = i + 2 < text.size() ? HexDigit(text[i + 1]) : -1;
    const int low = i + 2 < text.size() ? HexDigit(text[i + 2]) : -1;
    if (high < 0 || low < 0) return Refuse(call, "`%` must be followed by two hexadecimal digits");
    out += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return Value(std::move(out));
}

std::string ShellWord(std::string_view text) {
  std::string word = "'";
  for (const char c : text) word += c == '\'' ? std::string_view("'\\''") : std::string_view(&c, 1);
  return word + "'";
}

// A null is an empty word, so that the words behind it keep their places.
Result<Value> ShellQuoteFilter(const Invocation& call) {
  std::string words;
  const auto add = [&](const Value& value) -> Status {
    const std::string text = ToText(value);
    if (text.find('\0') != std::string::npos) return Refuse(call, "no word of a shell can hold a NUL");
    RETURN_IF_ERROR(call.budget().SpendAppend(words.size(), text.size() + 3));
    words += (words.empty() ? "" : " ") + ShellWord(text);
    return {};
  };
  if (const Array* list = call.input.if_array()) {
    for (const Value& item : *list) RETURN_IF_ERROR(add(item));
  } else {
    RETURN_IF_ERROR(add(call.input));
  }
  return Value(std::move(words));
}

constexpr Builtin kFilters[] = {
    {"base64decode", Base64DecodeFilter}, {"base64encode", Base64EncodeFilter}, {"md5", Md5Filter},
    {"sha1", Sha1Filter},                 {"sha256", Sha256Filter},             {"sha512", Sha512Filter},
    {"shq", ShellQuoteFilter},            {"urldecode", UrlDecodeFilter},       {"urlencode", UrlEncodeFilter},
};

}  // namespace

std::span<const Builtin> EncodingFilters() { return kFilters; }

}  // namespace headrace::expr
