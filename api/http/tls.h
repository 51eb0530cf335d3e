// TLS of the HTTP server: its certificate, as OpenSSL has it.
// Units: TLS 1.2 at least. Errors: INVALID_ARGUMENT says which of the two cannot be used.
// Threads: shared by all connections.
#pragma once

#include <memory>
#include <string>

#include "common/base/error.h"

struct ssl_ctx_st;

namespace headrace::api::http {

using ServerTls = std::shared_ptr<ssl_ctx_st>;

// PEM texts: the certificate with those between it and its authority, and its key.
Result<ServerTls> MakeServerTls(const std::string& certificate, const std::string& key);

}  // namespace headrace::api::http
