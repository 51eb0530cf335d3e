#include "worker/http_client/http_client.h"

#include <curl/curl.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <memory>

#include "common/base/text.h"
#include "worker/http_client/address_rules.h"
#include "worker/http_client/curl_run.h"

namespace headrace::worker {
namespace {

constexpr std::size_t kErrorBodyBytes = 16 * 1024;
constexpr long kRedirectsMax = 20;

struct FreeMime {
  void operator()(curl_mime* mime) const { curl_mime_free(mime); }
};

bool SameName(std::string_view a, std::string_view b) {
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(), [](unsigned char x, unsigned char y) {
           return std::tolower(x) == std::tolower(y);
         });
}

bool HasLineBreak(std::string_view text) { return text.find_first_of(std::string_view("\r\n\0", 3)) != std::string_view::npos; }

// One request on its way. Its address is known to libcurl: it stays where it is.
class Transfer {
 public:
  Transfer(const HttpRequest& request, AddressRules rules, std::uint64_t body_max, const HttpSink& sink)
      : request_(request), rules_(std::move(rules)), body_max_(body_max), sink_(sink), easy_(curl_easy_init()),
        multi_(curl_multi_init()) {}
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;
  ~Transfer() { curl_multi_remove_handle(multi_.get(), easy_.get()); }

  Status Prepare();
  Result<HttpAnswer> Run(CancelToken& cancel);

 private:
  template <typename T>
  void Set(CURLoption option, T value) {
    curl_easy_setopt(easy_.get(), option, value);
  }
  void SetLimits();
  void SetLogin();
  Status SetHeaders();
  void SetBody();
  Result<HttpAnswer> Conclude(CURLcode code, CancelToken& cancel);
  Status CheckCode() const;
  bool Fails(long code) const;
  Status Take(std::string_view piece);

  static std::size_t OnBody(char* bytes, std::size_t, std::size_t count, void* self);
  static std::size_t OnHeader(char* bytes, std::size_t, std::size_t count, void* self);
  static curl_socket_t OnOpen(void* self, curlsocktype, curl_sockaddr* address);

  const HttpRequest& request_;
  const AddressRules rules_;
  const std::uint64_t body_max_;
  const HttpSink& sink_;
  CurlEasy easy_;
  CurlMulti multi_;
  CurlList headers_;
  std::unique_ptr<curl_mime, FreeMime> mime_;
  HttpAnswer answer_;
  std::optional<Error> problem_;
};

Status Transfer::Prepare() {
  if (easy_ == nullptr || multi_ == nullptr) return Fail(Code::kResourceExhausted, "no memory for an HTTP request");
  if (HasLineBreak(request_.uri) || HasLineBreak(request_.method))
    return InvalidArgument("uri: control characters are not allowed");
  Set(CURLOPT_URL, request_.uri.c_str());
  Set(CURLOPT_PROTOCOLS_STR, "http,https");
  Set(CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
  Set(CURLOPT_NOSIGNAL, 1L);
  Set(CURLOPT_ACCEPT_ENCODING, "");
  Set(CURLOPT_USERAGENT, "headrace");
  SetLimits();
  SetLogin();
  RETURN_IF_ERROR(SetHeaders());
  SetBody();
  Set(CURLOPT_WRITEFUNCTION, &Transfer::OnBody);
  Set(CURLOPT_WRITEDATA, this);
  Set(CURLOPT_HEADERFUNCTION, &Transfer::OnHeader);
  Set(CURLOPT_HEADERDATA, this);
  if (request_.unix_socket.empty()) {
    Set(CURLOPT_OPENSOCKETFUNCTION, &Transfer::OnOpen);
    Set(CURLOPT_OPENSOCKETDATA, this);
  } else {
    Set(CURLOPT_UNIX_SOCKET_PATH, request_.unix_socket.c_str());
  }
  return {};
}

void Transfer::SetLimits() {
  const auto millis = [](Duration span) { return static_cast<long>(std::chrono::ceil<std::chrono::milliseconds>(span).count()); };
  Set(CURLOPT_FOLLOWLOCATION, request_.follow_redirects ? 1L : 0L);
  Set(CURLOPT_MAXREDIRS, kRedirectsMax);
  Set(CURLOPT_CONNECTTIMEOUT_MS, millis(request_.connect_timeout));
  if (request_.timeout > Duration::zero()) Set(CURLOPT_TIMEOUT_MS, millis(request_.timeout));
  if (request_.idle_timeout > Duration::zero()) {
    Set(CURLOPT_LOW_SPEED_LIMIT, 1L);
    Set(CURLOPT_LOW_SPEED_TIME, std::max(1L, millis(request_.idle_timeout) / 1000));
  }
  if (!request_.verify_tls) {
    Set(CURLOPT_SSL_VERIFYPEER, 0L);
    Set(CURLOPT_SSL_VERIFYHOST, 0L);
  }
}

// libcurl keeps logins from other hosts after a redirect.
void Transfer::SetLogin() {
  if (!request_.user.empty()) {
    Set(CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
    Set(CURLOPT_USERNAME, request_.user.c_str());
    Set(CURLOPT_PASSWORD, request_.password.c_str());
  } else if (!request_.bearer.empty()) {
    Set(CURLOPT_HTTPAUTH, CURLAUTH_BEARER);
    Set(CURLOPT_XOAUTH2_BEARER, request_.bearer.c_str());
  }
  // The worker's own proxy variables do not count: the address of a request is checked, that of a proxy's is not.
  Set(CURLOPT_PROXY, request_.proxy.c_str());
  if (!request_.proxy_login.empty()) Set(CURLOPT_PROXYUSERPWD, request_.proxy_login.c_str());
}

Status Transfer::SetHeaders() {
  // libcurl writes them as they are.
  if (HasLineBreak(request_.bearer) || HasLineBreak(request_.user) || HasLineBreak(request_.password)) {
    return InvalidArgument("the login of the request has a line break: does a secret end with one?");
  }
  for (const auto& [name, value] : request_.headers) {
    if (HasLineBreak(name) || HasLineBreak(value) || name.empty() || name.find(':') != std::string::npos)
      return InvalidArgument("headers: '" + name + "' has a line break or no fitting name");
    // A header without a value would be left out.
    Append(headers_, value.empty() ? name + ";" : name + ": " + value);
  }
  Append(headers_, "Expect:");
  Set(CURLOPT_HTTPHEADER, headers_.get());
  return {};
}

void Transfer::SetBody() {
  if (request_.method == "HEAD") Set(CURLOPT_NOBODY, 1L);
  if (!request_.parts.empty()) {
    mime_.reset(curl_mime_init(easy_.get()));
    for (const HttpPart& part : request_.parts) {
      curl_mimepart* to = curl_mime_addpart(mime_.get());
      curl_mime_name(to, part.name.c_str());
      if (part.file) {
        // Streams it; the path is this process's own handle.
        curl_mime_filedata(to, ("/proc/self/fd/" + std::to_string(part.file->get())).c_str());
        curl_mime_filename(to, part.file_name.c_str());
      } else {
        curl_mime_data(to, part.text.data(), part.text.size());
      }
    }
    Set(CURLOPT_MIMEPOST, mime_.get());
  } else if (request_.body) {
    Set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request_.body->size()));
    Set(CURLOPT_POSTFIELDS, request_.body->data());
  }
  if (request_.method != "HEAD") Set(CURLOPT_CUSTOMREQUEST, request_.method.c_str());
}

Result<HttpAnswer> Transfer::Run(CancelToken& cancel) {
  return Conclude(RunTransfer(easy_.get(), multi_.get(), cancel), cancel);
}

Result<HttpAnswer> Transfer::Conclude(CURLcode code, CancelToken& cancel) {
  if (cancel.requested()) return Fail(Code::kCancelled, "the request was cancelled");
  // A refused address does no harm when another of the same name was taken.
  if (code != CURLE_OK && problem_) return Fail(std::move(*problem_));
  if (code != CURLE_OK) {
    curl_off_t connected = 0;  // when everything was ready to send
    curl_easy_getinfo(easy_.get(), CURLINFO_PRETRANSFER_TIME_T, &connected);
    return Fail(connected > 0 ? Code::kAborted : Code::kUnavailable,
                "HTTP " + request_.method + " " + request_.uri + ": " + curl_easy_strerror(code));
  }
  long status = 0;
  curl_easy_getinfo(easy_.get(), CURLINFO_RESPONSE_CODE, &status);
  answer_.code = static_cast<int>(status);
  RETURN_IF_ERROR(CheckCode());
  return std::move(answer_);
}

bool Transfer::Fails(long code) const {
  if (!request_.allowed_codes.empty())
    return std::find(request_.allowed_codes.begin(), request_.allowed_codes.end(), code) == request_.allowed_codes.end();
  return code >= 400 && !request_.allow_failed;
}

Status Transfer::CheckCode() const {
  if (!Fails(answer_.code)) return {};
  std::string text = "Failed http request with response code '" + std::to_string(answer_.code) + "'";
  if (!answer_.body.empty()) text += " and body:\n" + answer_.body.substr(0, kErrorBodyBytes);
  return Fail(Code::kFailedPrecondition, std::move(text));
}

Status Transfer::Take(std::string_view piece) {
  long code = 0;
  curl_easy_getinfo(easy_.get(), CURLINFO_RESPONSE_CODE, &code);
  answer_.bytes += piece.size();
  if (Fails(code)) {
    answer_.body.append(piece.substr(0, kErrorBodyBytes - std::min(answer_.body.size(), kErrorBodyBytes)));
    return {};
  }
  if (answer_.bytes > body_max_)
    return Fail(Code::kResourceExhausted, "the answer of " + request_.uri + " is larger than " + std::to_string(body_max_) +
                                              " bytes");
  if (sink_) return sink_(piece);
  answer_.body.append(piece);
  return {};
}

std::size_t Transfer::OnBody(char* bytes, std::size_t, std::size_t count, void* self) {
  auto& transfer = *static_cast<Transfer*>(self);
  if (auto taken = transfer.Take({bytes, count}); !taken) {
    transfer.problem_ = std::move(taken.error());
    return 0;
  }
  return count;
}

std::size_t Transfer::OnHeader(char* bytes, std::size_t, std::size_t count, void* self) {
  auto& transfer = *static_cast<Transfer*>(self);
  const std::string_view line(bytes, count);
  // Each answer of a redirect begins anew.
  if (line.starts_with("HTTP/")) transfer.answer_.headers.clear();
  const std::size_t colon = line.find(':');
  if (colon != std::string_view::npos && !line.starts_with("HTTP/"))
    transfer.answer_.headers.emplace_back(line.substr(0, colon), Trim(line.substr(colon + 1)));
  return count;
}

curl_socket_t Transfer::OnOpen(void* self, curlsocktype, curl_sockaddr* address) {
  auto& transfer = *static_cast<Transfer*>(self);
  const std::string why = transfer.request_.proxy.empty() ? transfer.rules_.Refuse(address->addr) : "";
  if (!why.empty()) {
    transfer.problem_ = Error{Code::kPermissionDenied, "HTTP " + transfer.request_.uri + ": its address is refused: " + why, {}};
    return CURL_SOCKET_BAD;
  }
  transfer.problem_.reset();
  return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

std::string HostOf(const std::string& uri) {
  const std::unique_ptr<CURLU, decltype(&curl_url_cleanup)> url(curl_url(), &curl_url_cleanup);
  char* host = nullptr;
  if (curl_url_set(url.get(), CURLUPART_URL, uri.c_str(), 0) != CURLUE_OK ||
      curl_url_get(url.get(), CURLUPART_HOST, &host, 0) != CURLUE_OK)
    return {};
  std::string text = host;
  curl_free(host);
  if (text.starts_with('[') && text.ends_with(']')) text = text.substr(1, text.size() - 2);
  return text;
}

}  // namespace

std::string_view HttpAnswer::Header(std::string_view name) const {
  const auto at = std::find_if(headers.begin(), headers.end(), [&](const auto& header) { return SameName(header.first, name); });
  return at == headers.end() ? std::string_view() : std::string_view(at->second);
}

Result<HttpAnswer> CallHttp(const HttpRequest& request, CancelToken& cancel, std::uint64_t body_max, const HttpSink& sink) {
  static const CURLcode ready = curl_global_init(CURL_GLOBAL_DEFAULT);
  if (ready != CURLE_OK) return Fail(Code::kInternal, std::string("libcurl: ") + curl_easy_strerror(ready));
  ASSIGN_OR_RETURN(AddressRules rules, AddressRules::Parse(request.allow));
  // Through a proxy only an address that is written out can be checked.
  if (!request.proxy.empty()) {
    if (const std::string why = rules.RefuseHost(HostOf(request.uri)); !why.empty())
      return Fail(Code::kPermissionDenied, "HTTP " + request.uri + ": its address is refused: " + why);
  }
  Transfer transfer(request, std::move(rules), body_max, sink);
  RETURN_IF_ERROR(transfer.Prepare());
  return transfer.Run(cancel);
}

}  // namespace headrace::worker
