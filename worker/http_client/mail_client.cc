#include "worker/http_client/mail_client.h"

#include <curl/curl.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <optional>

#include "common/base/text.h"
#include "worker/http_client/address_rules.h"
#include "worker/http_client/curl_run.h"

namespace headrace::worker {
namespace {

bool EndsLine(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; });
}

std::string ShownServer(const MailServer& server) { return server.host + ":" + std::to_string(server.port); }

// One message on its way. Its address is known to libcurl: it stays where it is.
class Delivery {
 public:
  Delivery(const MailServer& server, const MailEnvelope& envelope, std::string_view message, AddressRules rules)
      : server_(server), envelope_(envelope), left_(message), size_(message.size()), rules_(std::move(rules)),
        easy_(curl_easy_init()), multi_(curl_multi_init()) {}
  Delivery(const Delivery&) = delete;
  Delivery& operator=(const Delivery&) = delete;
  ~Delivery() { curl_multi_remove_handle(multi_.get(), easy_.get()); }

  Status Prepare();
  Status Run(CancelToken& cancel);

 private:
  template <typename T>
  void Set(CURLoption option, T value) {
    curl_easy_setopt(easy_.get(), option, value);
  }
  Status SetServer();
  void SetTls();
  Status SetEnvelope();
  Status Conclude(CURLcode code, CancelToken& cancel);

  static std::size_t OnRead(char* into, std::size_t, std::size_t room, void* self);
  static std::size_t OnAnswer(char* bytes, std::size_t, std::size_t count, void* self);
  static curl_socket_t OnOpen(void* self, curlsocktype, curl_sockaddr* address);

  const MailServer& server_;
  const MailEnvelope& envelope_;
  std::string_view left_;
  const std::size_t size_;
  const AddressRules rules_;
  CurlEasy easy_;
  CurlMulti multi_;
  CurlList recipients_;
  std::string last_answer_;
  std::optional<Error> problem_;
};

Status Delivery::Prepare() {
  if (easy_ == nullptr || multi_ == nullptr) return Fail(Code::kResourceExhausted, "no memory for a mail");
  RETURN_IF_ERROR(SetServer());
  SetTls();
  RETURN_IF_ERROR(SetEnvelope());
  Set(CURLOPT_UPLOAD, 1L);
  Set(CURLOPT_READFUNCTION, &Delivery::OnRead);
  Set(CURLOPT_READDATA, this);
  Set(CURLOPT_INFILESIZE_LARGE, static_cast<curl_off_t>(size_));
  Set(CURLOPT_HEADERFUNCTION, &Delivery::OnAnswer);
  Set(CURLOPT_HEADERDATA, this);
  Set(CURLOPT_WRITEFUNCTION, +[](char*, std::size_t, std::size_t count, void*) { return count; });
  Set(CURLOPT_OPENSOCKETFUNCTION, &Delivery::OnOpen);
  Set(CURLOPT_OPENSOCKETDATA, this);
  return {};
}

Status Delivery::SetServer() {
  const bool name = !server_.host.empty() && std::all_of(server_.host.begin(), server_.host.end(), [](unsigned char c) {
    return c > 0x20 && c != 0x7f && std::string_view("/@?#\\").find(static_cast<char>(c)) == std::string_view::npos;
  });
  if (!name) return InvalidArgument("host: '" + server_.host + "' is no name of a server");
  if (server_.port < 1 || server_.port > 65535)
    return InvalidArgument("port: " + std::to_string(server_.port) + " is no port");
  const bool v6 = server_.host.find(':') != std::string::npos && !server_.host.starts_with('[');
  const std::string host = v6 ? "[" + server_.host + "]" : server_.host;
  const std::string scheme = server_.tls == MailTls::kImplicit ? "smtps" : "smtp";
  Set(CURLOPT_PROTOCOLS_STR, scheme.c_str());
  Set(CURLOPT_URL, (scheme + "://" + host + ":" + std::to_string(server_.port) + "/headrace").c_str());
  // The worker's own proxy variables do not count: the address is checked, that of a proxy's is not.
  Set(CURLOPT_PROXY, "");
  Set(CURLOPT_NOSIGNAL, 1L);
  const auto millis = std::chrono::ceil<std::chrono::milliseconds>(server_.timeout).count();
  const long seconds = std::max(1L, static_cast<long>((millis + 999) / 1000));
  Set(CURLOPT_CONNECTTIMEOUT_MS, std::max(1L, static_cast<long>(millis)));
  Set(CURLOPT_SERVER_RESPONSE_TIMEOUT, seconds);
  Set(CURLOPT_LOW_SPEED_LIMIT, 1L);
  Set(CURLOPT_LOW_SPEED_TIME, seconds);
  if (server_.user.empty()) return {};
  Set(CURLOPT_USERNAME, server_.user.c_str());
  Set(CURLOPT_PASSWORD, server_.password.c_str());
  return {};
}

void Delivery::SetTls() {
  if (server_.tls != MailTls::kImplicit)
    Set(CURLOPT_USE_SSL, static_cast<long>(server_.tls == MailTls::kRequired ? CURLUSESSL_ALL : CURLUSESSL_TRY));
  Set(CURLOPT_SSL_VERIFYPEER, server_.verify_chain ? 1L : 0L);
  Set(CURLOPT_SSL_VERIFYHOST, server_.verify_name ? 2L : 0L);
}

Status Delivery::SetEnvelope() {
  if (envelope_.to.empty()) return InvalidArgument("to: nobody is to get the mail");
  for (const std::string& address : envelope_.to) {
    if (EndsLine(address)) return InvalidArgument("to: an address has a control character");
    Append(recipients_, "<" + address + ">");
  }
  if (EndsLine(envelope_.from)) return InvalidArgument("from: the address has a control character");
  Set(CURLOPT_MAIL_FROM, ("<" + envelope_.from + ">").c_str());
  Set(CURLOPT_MAIL_RCPT, recipients_.get());
  return {};
}

Status Delivery::Run(CancelToken& cancel) {
  return Conclude(RunTransfer(easy_.get(), multi_.get(), cancel), cancel);
}

Status Delivery::Conclude(CURLcode code, CancelToken& cancel) {
  if (code == CURLE_OK && !cancel.requested()) return {};
  if (cancel.requested()) return Fail(Code::kCancelled, "the mail was cancelled");
  if (problem_) return Fail(std::move(*problem_));
  std::string text = "SMTP " + ShownServer(server_) + ": ";
  // What the server said tells more than what libcurl makes of it.
  const bool refused = !last_answer_.empty() && (last_answer_.front() == '4' || last_answer_.front() == '5');
  if (code == CURLE_LOGIN_DENIED) text += "the login is refused" + (refused ? ": " + last_answer_ : "");
  else if (refused) text += "the server answered " + last_answer_;
  else text += curl_easy_strerror(code);
  return Fail(Code::kUnavailable, std::move(text));
}

std::size_t Delivery::OnRead(char* into, std::size_t, std::size_t room, void* self) {
  auto& delivery = *static_cast<Delivery*>(self);
  const std::size_t count = std::min(room, delivery.left_.size());
  std::copy_n(delivery.left_.data(), count, into);
  delivery.left_.remove_prefix(count);
  return count;
}

std::size_t Delivery::OnAnswer(char* bytes, std::size_t, std::size_t count, void* self) {
  static constexpr std::size_t kShown = 500;
  const std::string_view line = Trim(std::string_view(bytes, std::min(count, kShown)));
  // The farewell comes after whatever went wrong.
  if (!line.starts_with("221")) static_cast<Delivery*>(self)->last_answer_ = std::string(line);
  return count;
}

curl_socket_t Delivery::OnOpen(void* self, curlsocktype, curl_sockaddr* address) {
  auto& delivery = *static_cast<Delivery*>(self);
  if (const std::string why = delivery.rules_.Refuse(address->addr); !why.empty()) {
    delivery.problem_ =
        Error{Code::kPermissionDenied, "SMTP " + ShownServer(delivery.server_) + ": its address is refused: " + why, {}};
    return CURL_SOCKET_BAD;
  }
  delivery.problem_.reset();
  return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

}  // namespace

Status SendMail(const MailServer& server, const MailEnvelope& envelope, std::string_view message, CancelToken& cancel) {
  static const CURLcode ready = curl_global_init(CURL_GLOBAL_DEFAULT);
  if (ready != CURLE_OK) return Fail(Code::kInternal, std::string("libcurl: ") + curl_easy_strerror(ready));
  ASSIGN_OR_RETURN(AddressRules rules, AddressRules::Parse(server.allow));
  Delivery delivery(server, envelope, message, std::move(rules));
  RETURN_IF_ERROR(delivery.Prepare());
  return delivery.Run(cancel);
}

}  // namespace headrace::worker
