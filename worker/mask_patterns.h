// The forms in which a secret may show itself.
// Threads: pure.
#pragma once

#include <set>
#include <string>
#include <string_view>

namespace headrace::worker {

// Adds the raw, trimmed, base64, URL-encoded and JSON-escaped forms of `secret` and of its longer lines.
void AddSecretForms(std::string_view secret, std::set<std::string>& forms);

std::string Base64Encode(std::string_view bytes);

}  // namespace headrace::worker
