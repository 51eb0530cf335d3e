// Whether a request to a loopback address comes from this machine's own programs and not from a page in its browser: a
// page of elsewhere may reach loopback under its own name (DNS rebinding) or across origins. Errors: PERMISSION_DENIED
// with the remedy. Threads: pure. Source: FAILURES row 73.
#pragma once

#include <string>
#include <vector>

#include "api/http/message.h"
#include "common/base/error.h"

namespace headrace::api::http {

bool IsLoopbackHost(std::string_view host);
// `host` is the name in the request, without port; `names` are further names of this server.
Status CheckLocalCaller(const std::string& host, const Headers& headers, const std::vector<std::string>& names);

}  // namespace headrace::api::http
