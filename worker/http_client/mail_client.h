// Hands one finished message to an SMTP server, over libcurl; beside http_client.cc the only home of it.
// Shapes: the message is a whole one, headers and all, with CRLF at its lines' ends; addresses stand without names.
// Errors: UNAVAILABLE naming the server, the step and its answer; PERMISSION_DENIED for an address that is not allowed;
//   CANCELLED; INVALID_ARGUMENT for an address that would end its line.
// Threads: any; SendMail blocks its caller until the end or the token's.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/base/error.h"
#include "common/base/time.h"
#include "worker/cancel_token.h"

namespace headrace::worker {

enum class MailTls {
  kImplicit,     // from the first byte: SMTPS
  kRequired,     // STARTTLS, or nothing is sent
  kIfAvailable,  // STARTTLS when the server offers it
};

struct MailServer {
  std::string host;
  int port = 465;
  std::string user{};
  std::string password{};
  MailTls tls = MailTls::kImplicit;
  bool verify_chain = true;
  bool verify_name = true;
  Duration timeout = std::chrono::seconds(10);  // to connect, for each answer, and without a byte
  std::vector<std::string> allow{};             // networks besides the public ones
};

struct MailEnvelope {
  std::string from;
  std::vector<std::string> to;
};

Status SendMail(const MailServer& server, const MailEnvelope& envelope, std::string_view message, CancelToken& cancel);

}  // namespace headrace::worker
