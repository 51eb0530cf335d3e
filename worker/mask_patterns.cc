#include "worker/mask_patterns.h"

#include <algorithm>
#include <array>

#include "common/base/text.h"
#include "common/model/value.h"
#include "worker/masker.h"

namespace headrace::worker {
namespace {

// A shorter piece of base64 stands in too many innocent texts.
constexpr std::size_t kCoreMin = 6;
constexpr std::size_t kLineMin = 8;

void Add(std::set<std::string>& forms, std::string form) {
  if (form.size() >= kSecretBytesMin) forms.insert(std::move(form));
}

void AddBothAlphabets(std::set<std::string>& forms, std::string base64) {
  std::string url = base64;
  std::replace(url.begin(), url.end(), '+', '-');
  std::replace(url.begin(), url.end(), '/', '_');
  Add(forms, std::move(url));
  Add(forms, std::move(base64));
}

// Inside a longer text the secret starts at any of three offsets of a base64 group; only the characters that the secret
// alone decides are known.
void AddBase64(std::string_view secret, std::set<std::string>& forms) {
  AddBothAlphabets(forms, Base64Encode(secret));
  for (std::size_t offset = 0; offset < 3; ++offset) {
    const std::string padded = Base64Encode(std::string(offset, '\0') + std::string(secret));
    const std::size_t first = (8 * offset + 5) / 6;
    const std::size_t last = 8 * (offset + secret.size()) / 6;
    if (last - first >= kCoreMin) AddBothAlphabets(forms, padded.substr(first, last - first));
  }
}

void AddUrlEncoded(std::string_view secret, std::set<std::string>& forms) {
  static constexpr std::string_view kHex[] = {"0123456789ABCDEF", "0123456789abcdef"};
  static constexpr std::string_view kUnreserved = "-._~";
  for (const std::string_view digits : kHex) {
    std::string plus;
    std::string percent;
    for (const char c : secret) {
      const auto byte = static_cast<unsigned char>(c);
      const bool plain = (byte < 0x80 && std::isalnum(byte)) || kUnreserved.find(c) != std::string_view::npos;
      const std::string code = {'%', digits[byte >> 4U], digits[byte & 15U]};
      percent += plain ? std::string(1, c) : code;
      plus += plain ? std::string(1, c) : c == ' ' ? "+" : code;
    }
    Add(forms, std::move(percent));
    Add(forms, std::move(plus));
  }
}

void AddJsonEscaped(std::string_view secret, std::set<std::string>& forms) {
  if (!IsValidUtf8(secret)) return;
  std::string escaped = ToJson(Value(json::string(secret)));
  escaped = escaped.substr(1, escaped.size() - 2);
  std::string slashes;
  for (const char c : escaped) {
    if (c == '/') slashes += '\\';
    slashes += c;
  }
  Add(forms, std::move(slashes));
  Add(forms, std::move(escaped));
}

void AddForms(std::string_view secret, std::set<std::string>& forms) {
  if (secret.size() < kSecretBytesMin) return;
  Add(forms, std::string(secret));
  AddBase64(secret, forms);
  AddUrlEncoded(secret, forms);
  AddJsonEscaped(secret, forms);
}

}  // namespace

void AddSecretForms(std::string_view secret, std::set<std::string>& forms) {
  AddForms(secret, forms);
  const std::string_view trimmed = Trim(secret);
  if (trimmed.size() != secret.size()) AddForms(trimmed, forms);
  if (secret.find('\n') == std::string_view::npos) return;
  for (std::size_t from = 0; from < secret.size();) {
    const std::size_t to = std::min(secret.find('\n', from), secret.size());
    const std::string_view line = Trim(secret.substr(from, to - from));
    if (line.size() >= kLineMin) AddForms(line, forms);
    from = to + 1;
  }
}

std::string Base64Encode(std::string_view bytes) {
  static constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::size_t n = std::min<std::size_t>(3, bytes.size() - i);
    std::uint32_t group = 0;
    for (std::size_t j = 0; j < 3; ++j)
      group = group << 8U | (j < n ? static_cast<unsigned char>(bytes[i + j]) : 0U);
    for (std::size_t j = 0; j < 4; ++j)
      out += j <= n ? kAlphabet[group >> (18 - 6 * j) & 63U] : '=';
  }
  return out;
}

}  // namespace headrace::worker
