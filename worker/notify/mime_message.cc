#include "worker/notify/mime_message.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdio>

#include "common/base/hash.h"
#include "common/base/text.h"
#include "worker/mask_patterns.h"

namespace headrace::worker {
namespace {

constexpr std::size_t kLineBytes = 76;
constexpr std::size_t kNameBytes = 200;   // keeps every line below RFC 5322's 998
constexpr std::size_t kWordBytes = 39;   // of UTF-8 in one encoded word: with its frame and the name of the header a line of 76

bool IsControl(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }
bool HasControl(std::string_view text) { return std::any_of(text.begin(), text.end(), IsControl); }
bool IsAscii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

Status CheckHeader(std::string_view field, std::string_view text) {
  if (!HasControl(text) && IsValidUtf8(text)) return {};
  return InvalidArgument(std::string(field) + ": a line break or another control character would change the mail's headers");
}

// RFC 2047, in words of whole characters, a line each.
std::string EncodedWords(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    std::size_t cut = std::min(text.size(), kWordBytes);
    while (cut < text.size() && (static_cast<unsigned char>(text[cut]) & 0xC0U) == 0x80U) --cut;
    if (!out.empty()) out += "\r\n ";
    out += "=?UTF-8?B?" + Base64Encode(text.substr(0, cut)) + "?=";
    text.remove_prefix(cut);
  }
  return out;
}

// A text that itself looks like an encoded word is encoded, so that it arrives as it was written.
std::string HeaderText(std::string_view text) {
  const bool plain = IsAscii(text) && text.size() < 800 && text.find("=?") == std::string_view::npos;
  return plain ? std::string(text) : EncodedWords(text);
}

std::string Quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + '"';
}

std::string Shown(const MailAddress& address) {
  if (address.name.empty()) return address.address;
  const bool plain = IsAscii(address.name) && address.name.size() < 200 && address.name.find("=?") == std::string::npos;
  return (plain ? Quoted(address.name) : EncodedWords(address.name)) + " <" + address.address + ">";
}

Status AddAddresses(std::string& head, std::string_view field, const std::vector<MailAddress>& addresses) {
  if (addresses.empty()) return {};
  head += std::string(field) + ": ";
  for (std::size_t i = 0; i < addresses.size(); ++i) {
    RETURN_IF_ERROR(CheckHeader(field, addresses[i].name));
    RETURN_IF_ERROR(CheckHeader(field, addresses[i].address));
    if (i > 0) head += ",\r\n ";
    head += Shown(addresses[i]);
  }
  head += "\r\n";
  return {};
}

std::string DateText(Timestamp at) {
  static constexpr std::array<const char*, 7> kDays = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static constexpr std::array<const char*, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                          "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const auto day = std::chrono::floor<std::chrono::days>(at);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss time(std::chrono::floor<std::chrono::seconds>(at - day));
  std::array<char, 64> text{};
  const int length = std::snprintf(
      text.data(), text.size(), "%s, %02u %s %04d %02d:%02d:%02d +0000", kDays[std::chrono::weekday(day).c_encoding()],
      static_cast<unsigned>(date.day()), kMonths[static_cast<unsigned>(date.month()) - 1], static_cast<int>(date.year()),
      static_cast<int>(time.hours().count()), static_cast<int>(time.minutes().count()), static_cast<int>(time.seconds().count()));
  return {text.data(), static_cast<std::size_t>(length)};
}

std::string Base64Lines(std::string_view bytes) {
  const std::string all = Base64Encode(bytes);
  std::string out;
  out.reserve(all.size() + all.size() / kLineBytes * 2 + 2);
  for (std::size_t at = 0; at < all.size(); at += kLineBytes) out.append(all, at, kLineBytes).append("\r\n");
  return out;
}

// An entity: its headers, an empty line, its body.
std::string TextEntity(std::string_view type, std::string_view text) {
  return "Content-Type: " + std::string(type) + "; charset=UTF-8\r\nContent-Transfer-Encoding: base64\r\n\r\n" + Base64Lines(text);
}

// RFC 2231 for names beyond ASCII, with a name beside it that every reader understands.
std::string NameParameter(std::string_view key, std::string_view name) {
  if (IsAscii(name)) return "; " + std::string(key) + "=" + Quoted(name);
  std::string plain;
  std::string encoded;
  for (const char c : name) {
    const auto byte = static_cast<unsigned char>(c);
    const bool simple = byte < 0x80 && (std::isalnum(byte) != 0 || c == '.' || c == '-' || c == '_');
    if (byte < 0x80) plain += c;
    else if ((byte & 0xC0U) != 0x80U) plain += '_';
    if (simple) {
      encoded += c;
      continue;
    }
    static constexpr std::string_view kHex = "0123456789ABCDEF";
    encoded += {'%', kHex[byte >> 4U], kHex[byte & 0xFU]};
  }
  return "; " + std::string(key) + "=" + Quoted(plain) + ";\r\n " + std::string(key) + "*=UTF-8''" + encoded;
}

Result<std::string> FileEntity(const MailPart& part, bool inside) {
  const std::string field = inside ? "embeddedImages" : "attachments";
  RETURN_IF_ERROR(CheckHeader(field + ".name", part.name));
  if (part.name.size() > kNameBytes) return InvalidArgument(field + ".name: '" + part.name + "' is too long");
  const std::size_t slash = part.content_type.find('/');
  const bool token = slash != std::string::npos && slash > 0 && slash + 1 < part.content_type.size() &&
                     IsAscii(part.content_type) && !HasControl(part.content_type) && part.content_type.size() <= kNameBytes;
  if (!token) return InvalidArgument(field + ".contentType: '" + part.content_type + "' is none such as application/pdf");
  std::string entity = "Content-Type: " + part.content_type + NameParameter("name", part.name) + "\r\n";
  entity += "Content-Transfer-Encoding: base64\r\n";
  entity += std::string("Content-Disposition: ") + (inside ? "inline" : "attachment") + NameParameter("filename", part.name) + "\r\n";
  if (inside) {
    if (!IsAscii(part.name) || part.name.find_first_of("<> \"") != std::string::npos)
      return InvalidArgument("embeddedImages.name: '" + part.name + "' is not only letters, digits and signs: the HTML names it as cid:NAME");
    entity += "Content-ID: <" + part.name + ">\r\n";
  }
  return entity + "\r\n" + Base64Lines(part.bytes);
}

std::string Multipart(std::string_view kind, const std::vector<std::string>& entities, std::string_view id, int level) {
  // '_' stands in no base64, so no part holds it; a level has one of its own.
  std::array<char, 48> boundary{};
  std::snprintf(boundary.data(), boundary.size(), "=_headrace_%d_%016llx", level,
                static_cast<unsigned long long>(StableHash(id)));
  const std::string line = boundary.data();
  std::string out = "Content-Type: multipart/" + std::string(kind) + ";\r\n boundary=\"" + line + "\"\r\n\r\n";
  for (const std::string& entity : entities) out += "--" + line + "\r\n" + entity;
  return out + "--" + line + "--\r\n";
}

Result<std::string> Body(const MailMessage& message) {
  std::vector<std::string> images;
  std::vector<std::string> files;
  for (const MailPart& part : message.images) {
    ASSIGN_OR_RETURN(std::string entity, FileEntity(part, true));
    (message.html ? images : files).push_back(std::move(entity));
  }
  for (const MailPart& part : message.attachments) {
    ASSIGN_OR_RETURN(std::string entity, FileEntity(part, false));
    files.push_back(std::move(entity));
  }
  std::string body;
  if (message.html) {
    body = TextEntity("text/html", *message.html);
    if (!images.empty()) {
      images.insert(images.begin(), std::move(body));
      body = Multipart("related; type=\"text/html\"", images, message.id, 3);
    }
  }
  // Readers show the last one that they can: the plainest comes first.
  if (message.plain && message.html) body = Multipart("alternative", {TextEntity("text/plain", *message.plain), body}, message.id, 2);
  else if (!message.html) body = TextEntity("text/plain", message.plain.value_or(""));
  if (files.empty()) return body;
  files.insert(files.begin(), std::move(body));
  return Multipart("mixed", files, message.id, 1);
}

Result<MailAddress> ParseAddress(std::string_view text, std::string_view field) {
  MailAddress parsed;
  std::string_view address = text;
  if (const std::size_t open = text.rfind('<'); open != std::string_view::npos && text.ends_with('>')) {
    std::string_view name = Trim(text.substr(0, open));
    if (name.size() >= 2 && name.starts_with('"') && name.ends_with('"')) name = name.substr(1, name.size() - 2);
    parsed.name = std::string(name);
    address = Trim(text.substr(open + 1, text.size() - open - 2));
  }
  const std::size_t at = address.rfind('@');
  const bool fits = at != std::string_view::npos && at > 0 && at + 1 < address.size() && IsAscii(address) &&
                    address.find_first_of(" <>,;\"()[]\\") == std::string_view::npos && address.find('@') == at && address.size() <= kNameBytes;
  if (HasControl(text) || !fits)
    return InvalidArgument(std::string(field) + ": '" + std::string(text) + "' is no address such as jane@example.com or Jane <jane@example.com>");
  parsed.address = std::string(address);
  return parsed;
}

}  // namespace

Result<std::vector<MailAddress>> ParseAddresses(std::string_view text, std::string_view field) {
  // Before it is cut: a break at an end would be trimmed away in silence, and one inside is no address.
  if (HasControl(Trim(text)))
    return InvalidArgument(std::string(field) + ": a line break or another control character would change the mail's headers");
  std::vector<MailAddress> addresses;
  std::string one;
  bool quoted = false;
  const auto flush = [&]() -> Status {
    if (!Trim(one).empty()) {
      ASSIGN_OR_RETURN(MailAddress parsed, ParseAddress(Trim(one), field));
      addresses.push_back(std::move(parsed));
    }
    one.clear();
    return {};
  };
  for (const char c : text) {
    if (c == '"') quoted = !quoted;
    if (!quoted && (c == ';' || c == ',')) {
      RETURN_IF_ERROR(flush());
    } else {
      one += c;
    }
  }
  RETURN_IF_ERROR(flush());
  return addresses;
}

Result<std::string> WriteMime(const MailMessage& message) {
  std::string head = "Date: " + DateText(message.date) + "\r\n";
  RETURN_IF_ERROR(AddAddresses(head, "From", {message.from}));
  RETURN_IF_ERROR(AddAddresses(head, "To", message.to));
  RETURN_IF_ERROR(AddAddresses(head, "Cc", message.cc));
  RETURN_IF_ERROR(AddAddresses(head, "Reply-To", message.reply_to));
  RETURN_IF_ERROR(CheckHeader("subject", message.subject));
  RETURN_IF_ERROR(CheckHeader("Message-ID", message.id));
  head += "Subject: " + HeaderText(message.subject) + "\r\nMessage-ID: <" + message.id + ">\r\n";
  head += "MIME-Version: 1.0\r\nAuto-Submitted: auto-generated\r\n";
  ASSIGN_OR_RETURN(const std::string body, Body(message));
  return head + body;
}

}  // namespace headrace::worker
