#include "worker/http/request_plan.h"

#include <algorithm>
#include <cctype>
#include <charconv>

#include "common/base/text.h"
#include "worker/files/task_files.h"

namespace headrace::worker {
namespace {

constexpr std::string_view kMultipart = "multipart/form-data";

std::string TextOf(const Value* value) { return value == nullptr ? std::string() : ToText(*value); }

const Value* Find(const Object& object, std::string_view name) {
  const Value* value = object.if_contains(name);
  return value == nullptr || value->is_null() ? nullptr : value;
}

// A map, or one as JSON text.
Result<Object> MapOf(const Object& properties, std::string_view name) {
  const Value* value = Find(properties, name);
  if (value == nullptr) return Object();
  if (value->is_object()) return value->get_object();
  auto parsed = ParseJson(ToText(*value));
  if (!parsed || !parsed->is_object()) return InvalidArgument(std::string(name) + ": expected a map");
  return std::move(parsed->get_object());
}

void Append(std::string& query, std::string_view name, const Value& value) {
  if (const Array* items = value.if_array()) {
    for (const Value& item : *items) Append(query, name, item);
    return;
  }
  if (!query.empty()) query += '&';
  query += PercentEncode(name) + "=" + PercentEncode(ToText(value));
}

Status SetUri(const Object& properties, HttpRequest& request) {
  request.uri = std::string(Trim(TextOf(Find(properties, "uri"))));
  std::string scheme = request.uri.substr(0, std::min(request.uri.find(':'), std::size_t{8}));
  for (char& c : scheme) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  if ((scheme != "http" && scheme != "https") || request.uri.find("://") == std::string::npos)
    return InvalidArgument("uri: '" + request.uri + "' is no http:// or https:// URI");
  ASSIGN_OR_RETURN(const Object params, MapOf(properties, "params"));
  std::string query;
  for (const auto& [name, value] : params) Append(query, name, value);
  if (query.empty()) return {};
  const std::size_t hash = request.uri.find('#');
  const std::string fragment = hash == std::string::npos ? "" : request.uri.substr(hash);
  if (hash != std::string::npos) request.uri.resize(hash);
  request.uri += (request.uri.find('?') == std::string::npos ? "?" : "&") + query + fragment;
  return {};
}

Result<HttpPart> Part(std::string_view name, const Value& value, const FileOpener& open) {
  HttpPart part{.name = std::string(name)};
  const Value* content = value.is_object() ? Member(value, "content") : &value;
  if (content == nullptr) return InvalidArgument("formData: '" + part.name + "' has no content");
  const std::string text = ToText(*content);
  if (!IsFileUri(text) || open == nullptr) {
    part.text = text;
    return part;
  }
  auto file = open(text);
  if (!file) return Fail(std::move(file.error()).Wrap("formData"));
  part.file = std::move(*file);
  const Value* shown = value.is_object() ? Member(value, "name") : nullptr;
  part.file_name = shown != nullptr ? ToText(*shown) : text.substr(text.rfind('/') + 1);
  return part;
}

Status SetBody(const Object& properties, const FileOpener& open, HttpRequest& request) {
  std::string type = TextOf(Find(properties, "contentType"));
  if (Find(properties, "formData") != nullptr) {
    ASSIGN_OR_RETURN(const Object form, MapOf(properties, "formData"));
    if (type.starts_with(kMultipart)) {
      for (const auto& [name, value] : form) {
        ASSIGN_OR_RETURN(HttpPart part, Part(name, value, open));
        request.parts.push_back(std::move(part));
      }
      return {};
    }
    std::string body;
    for (const auto& [name, value] : form) Append(body, name, value);
    request.body = std::move(body);
    type = "application/x-www-form-urlencoded";
  } else if (const Value* body = Find(properties, "body")) {
    request.body = ToText(*body);
    if (type.empty()) type = "application/json";
  } else {
    return {};
  }
  const bool named = std::any_of(request.headers.begin(), request.headers.end(), [](const auto& header) {
    static constexpr std::string_view kName = "content-type";
    return header.first.size() == kName.size() &&
           std::equal(kName.begin(), kName.end(), header.first.begin(),
                      [](char a, char b) { return a == std::tolower(static_cast<unsigned char>(b)); });
  });
  if (!named) request.headers.emplace_back("Content-Type", type);
  return {};
}

Status SetSpan(const Value& options, std::string_view path, Duration& span) {
  const Value* value = AtPath(options, path);
  if (value == nullptr || value->is_null()) return {};
  auto parsed = ParseDuration(ToText(*value));
  if (!parsed) return Fail(std::move(parsed.error()).Wrap("options." + std::string(path)));
  span = *parsed;
  return {};
}

bool Truthy(const Value& options, std::string_view path, bool fallback) {
  const Value* value = AtPath(options, path);
  return value == nullptr || value->is_null() ? fallback : IsTruthy(ToText(*value));
}

Status SetLogin(const Value& options, HttpRequest& request) {
  const Value* auth = Member(options, "auth");
  if (auth == nullptr || auth->is_null()) {
    request.user = TextOf(Member(options, "basicAuthUser"));
    request.password = TextOf(Member(options, "basicAuthPassword"));
    return {};
  }
  const std::string type = TextOf(Member(*auth, "type"));
  if (type == "BASIC") {
    request.user = TextOf(Member(*auth, "username"));
    request.password = TextOf(Member(*auth, "password"));
  } else if (type == "BEARER") {
    request.bearer = TextOf(Member(*auth, "token"));
  } else {
    return InvalidArgument("options.auth.type: '" + type + "' is neither BASIC nor BEARER");
  }
  return {};
}

void SetProxy(const Value& options, HttpRequest& request) {
  const std::string address = TextOf(AtPath(options, "proxy.address"));
  if (address.empty()) return;
  const std::string type = TextOf(AtPath(options, "proxy.type"));
  const std::string port = TextOf(AtPath(options, "proxy.port"));
  request.proxy = (type == "SOCKS" ? "socks5h://" : "http://") + address + (port.empty() ? "" : ":" + port);
  const std::string user = TextOf(AtPath(options, "proxy.username"));
  if (!user.empty()) request.proxy_login = user + ":" + TextOf(AtPath(options, "proxy.password"));
}

Status SetOptions(const Object& properties, HttpRequest& request) {
  ASSIGN_OR_RETURN(Object map, MapOf(properties, "options"));
  const Value options(std::move(map));
  RETURN_IF_ERROR(SetSpan(options, "connectTimeout", request.connect_timeout));
  RETURN_IF_ERROR(SetSpan(options, "timeout.connectTimeout", request.connect_timeout));
  RETURN_IF_ERROR(SetSpan(options, "readTimeout", request.idle_timeout));
  RETURN_IF_ERROR(SetSpan(options, "readIdleTimeout", request.idle_timeout));
  RETURN_IF_ERROR(SetSpan(options, "timeout.readIdleTimeout", request.idle_timeout));
  request.follow_redirects = Truthy(options, "followRedirects", true);
  request.allow_failed = Truthy(options, "allowFailed", false) || Truthy(Value(properties), "allowFailed", false);
  request.verify_tls = !Truthy(options, "ssl.insecureTrustAllCertificates", false) &&
                       !Truthy(Value(properties), "sslOptions.insecureTrustAllCertificates", false);
  if (const Value* codes = Member(options, "allowedResponseCodes"); codes != nullptr && codes->is_array()) {
    for (const Value& code : codes->get_array()) {
      const std::string text = ToText(code);
      int number = 0;
      if (std::from_chars(text.data(), text.data() + text.size(), number).ec != std::errc())
        return InvalidArgument("options.allowedResponseCodes: '" + text + "' is no status code");
      request.allowed_codes.push_back(number);
    }
  }
  SetProxy(options, request);
  return SetLogin(options, request);
}

}  // namespace

std::string PercentEncode(std::string_view text) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte < 0x80 && std::isalnum(byte)) || c == '-' || c == '.' || c == '_' || c == '~') {
      out += c;
    } else {
      out += '%';
      out += kHex[byte >> 4U];
      out += kHex[byte & 0xfU];
    }
  }
  return out;
}

Result<HttpRequest> PlanRequest(const Object& properties, const WorkerOptions& options, const FileOpener& open) {
  HttpRequest request;
  request.allow = options.http_allow;
  if (const Value* method = Find(properties, "method")) request.method = ToText(*method);
  for (char& c : request.method) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  const auto letter = [](unsigned char c) { return std::isalpha(c) != 0; };
  if (request.method.empty() || !std::all_of(request.method.begin(), request.method.end(), letter))
    return InvalidArgument("method: '" + request.method + "' is no HTTP method");
  RETURN_IF_ERROR(SetUri(properties, request));
  ASSIGN_OR_RETURN(const Object headers, MapOf(properties, "headers"));
  for (const auto& [name, value] : headers)
    if (!value.is_null()) request.headers.emplace_back(name, ToText(value));
  RETURN_IF_ERROR(SetBody(properties, open, request));
  RETURN_IF_ERROR(SetOptions(properties, request));
  return request;
}

Object HeaderLists(const HttpAnswer& answer) {
  Object lists;
  for (const auto& [name, value] : answer.headers) {
    Value& list = lists[name];
    if (!list.is_array()) list = Array();
    list.get_array().emplace_back(value);
  }
  return lists;
}

Result<std::string> BodyText(const HttpAnswer& answer) {
  if (IsValidUtf8(answer.body)) return answer.body;
  return InvalidArgument("Illegal unicode code point in response body: only valid text can be an output. Use the Download task instead.");
}

Result<Value> BodyValue(const HttpAnswer& answer) {
  ASSIGN_OR_RETURN(const std::string text, BodyText(answer));
  std::string type(answer.Header("content-type").substr(0, answer.Header("content-type").find(';')));
  for (char& c : type) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  const std::string_view trimmed = Trim(type);
  if (trimmed == "application/json" || trimmed.ends_with("+json")) {
    if (auto parsed = ParseJson(text)) return std::move(*parsed);
  }
  return Value(json::string(text));
}

}  // namespace headrace::worker
