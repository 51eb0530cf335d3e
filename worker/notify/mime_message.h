// A mail as text: headers and parts, ready for SMTP.
// Shapes: lines end with CRLF and are short; all text is UTF-8 and stands as base64, so no body can look like a boundary;
//   several bodies are alternatives, pictures stand beside the HTML (cid:NAME), files beside everything.
// Errors: INVALID_ARGUMENT naming the field: a line break in what becomes a header, an address that is none.
// Threads: pure. Source: RFC 5322, 2045, 2047, 2183, 2231, 2387.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/error.h"
#include "common/base/time.h"

namespace headrace::worker {

struct MailAddress {
  std::string name{};  // may be empty
  std::string address;
};

// "a@b.c; Jane Doe <jane@b.c>", parted by ';' or ','; `field` names the property.
Result<std::vector<MailAddress>> ParseAddresses(std::string_view text, std::string_view field);

struct MailPart {
  std::string name;
  std::string content_type;
  std::string bytes;
};

struct MailMessage {
  MailAddress from;
  std::vector<MailAddress> to{};
  std::vector<MailAddress> cc{};
  std::vector<MailAddress> reply_to{};
  std::string subject{};
  std::optional<std::string> plain{};
  std::optional<std::string> html{};
  std::vector<MailPart> attachments{};
  std::vector<MailPart> images{};  // of the HTML; without one they are attachments
  Timestamp date{};
  std::string id;  // of the Message-ID, without brackets
};

Result<std::string> WriteMime(const MailMessage& message);

}  // namespace headrace::worker
