#include "worker/github/connection.h"

#include <algorithm>
#include <cctype>
#include <charconv>

#include "common/base/hash.h"
#include "common/base/text.h"

namespace headrace::worker::github {
namespace {

const Object* Connections(const Value& document) {
  const Value* found = AtPath(document, "connections.github");
  return found == nullptr ? nullptr : found->if_object();
}

// Reads one connection; every failure names its place.
class Reader {
 public:
  Reader(std::string name, const Value& from, const TextRenderer& render) : name_(std::move(name)), from_(from), render_(render) {}

  Result<std::string> Text(std::string_view path, std::string fallback = "") const {
    const Value* value = AtPath(from_, path);
    if (value == nullptr || value->is_null()) return fallback;
    auto text = render_(ToText(*value));
    if (!text) return Fail(std::move(text.error()).Wrap(Place(path)));
    return std::string(Trim(*text));
  }
  Result<std::int64_t> Count(std::string_view path, std::int64_t fallback) const {
    ASSIGN_OR_RETURN(const std::string text, Text(path, std::to_string(fallback)));
    std::int64_t number = 0;
    const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (problem != std::errc() || end != text.data() + text.size() || number < 1)
      return InvalidArgument(Place(path) + ": '" + text + "' is no number above 0");
    return number;
  }
  Result<double> Share(std::string_view path, double fallback) const {
    ASSIGN_OR_RETURN(std::string text, Text(path));
    if (text.empty()) return fallback;
    const bool percent = text.ends_with('%');
    if (percent) text.pop_back();
    double number = -1;
    const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
    const double share = percent ? number / 100 : number;
    if (problem != std::errc() || end != text.data() + text.size() || share < 0 || share > 0.9)
      return InvalidArgument(Place(path) + ": '" + text + "' is no share such as 20% or 0.2, of at most 90%");
    return share;
  }
  std::string Place(std::string_view path) const { return "connection '" + name_ + "': " + std::string(path); }
  // A word that is misspelled would mean no limit, or no login.
  Status CheckNames() const {
    static const std::vector<std::string> kNames = {"endpoint", "token", "app", "apiVersion", "webhook", "budget", "maxConcurrent"};
    const Object* object = from_.if_object();
    if (object == nullptr) return InvalidArgument("connection '" + name_ + "': expected a map of endpoint, token and so on");
    for (const auto& [key, value] : *object) {
      if (std::find(kNames.begin(), kNames.end(), key) != kNames.end()) continue;
      const auto near = Nearest(key, kNames);
      return InvalidArgument(Place(key) + ": is not known" + (near ? "; did you mean '" + *near + "'?" : ""));
    }
    return {};
  }

 private:
  const std::string name_;
  const Value& from_;
  const TextRenderer& render_;
};

Status ReadLogin(const Reader& reader, Connection& to) {
  ASSIGN_OR_RETURN(to.token, reader.Text("token"));
  ASSIGN_OR_RETURN(to.app.client_id, reader.Text("app.clientId"));
  ASSIGN_OR_RETURN(to.app.installation_id, reader.Text("app.installationId"));
  ASSIGN_OR_RETURN(to.app.private_key, reader.Text("app.privateKey"));
  const bool app = !to.app.client_id.empty() || !to.app.private_key.empty() || !to.app.installation_id.empty();
  if (app && !to.token.empty()) return InvalidArgument(reader.Place("token") + ": give a token or an app, not both");
  if (app && (to.app.client_id.empty() || to.app.private_key.empty() || to.app.installation_id.empty()))
    return InvalidArgument(reader.Place("app") + ": needs clientId, installationId and privateKey");
  if (!app && to.token.empty()) return InvalidArgument(reader.Place("token") + ": is missing (or an app)");
  return {};
}

}  // namespace

Result<Connection> FindConnection(const Value& document, const std::string& name, const TextRenderer& render) {
  const Object* all = Connections(document);
  const Value* from = all == nullptr ? nullptr : all->if_contains(name);
  if (from == nullptr) {
    const std::vector<std::string> names = ConnectionNames(document);
    std::string known;
    for (const std::string& one : names) known += (known.empty() ? "" : ", ") + one;
    return NotFound("there is no connection '" + name + "' in connections.github" + (known.empty() ? "" : "; there are: " + known));
  }
  Connection to{.name = name};
  const Reader reader(name, *from, render);
  RETURN_IF_ERROR(reader.CheckNames());
  ASSIGN_OR_RETURN(const std::string endpoint, reader.Text("endpoint", std::string(kPublicEndpoint)));
  ASSIGN_OR_RETURN(to.endpoint, ReadEndpoint(endpoint));
  RETURN_IF_ERROR(ReadLogin(reader, to));
  ASSIGN_OR_RETURN(to.api_version, reader.Text("apiVersion", "auto"));
  ASSIGN_OR_RETURN(to.webhook_secret, reader.Text("webhook.secret"));
  ASSIGN_OR_RETURN(to.allowance.reserve, reader.Share("budget.reserve", to.allowance.reserve));
  ASSIGN_OR_RETURN(to.allowance.writes_per_minute, reader.Count("budget.writesPerMinute", to.allowance.writes_per_minute));
  ASSIGN_OR_RETURN(to.allowance.writes_per_hour, reader.Count("budget.writesPerHour", to.allowance.writes_per_hour));
  ASSIGN_OR_RETURN(const std::int64_t most, reader.Count("maxConcurrent", to.concurrent_max));
  to.concurrent_max = static_cast<int>(std::min<std::int64_t>(most, 100));
  return to;
}

std::vector<std::string> ConnectionNames(const Value& document) {
  std::vector<std::string> names;
  if (const Object* all = Connections(document)) {
    for (const auto& [name, value] : *all) names.emplace_back(name);
  }
  return names;
}

Result<std::string> ReadEndpoint(std::string_view text) {
  std::string url(Trim(text));
  while (url.ends_with('/')) url.pop_back();
  if (url.empty() || url == "github.com" || url == "https://github.com") return std::string(kPublicEndpoint);
  if (url.find("://") == std::string::npos) url = "https://" + url;
  if (OriginOf(url).empty() || url.find_first_of("?#@ ") != std::string::npos)
    return InvalidArgument("endpoint: '" + std::string(text) + "' is no URL such as https://api.github.com or https://ghe.company/api/v3");
  return url;
}

std::string OriginOf(std::string_view url) {
  const std::size_t scheme = url.find("://");
  if (scheme == std::string_view::npos) return {};
  std::string origin(url.substr(0, url.find_first_of("/?#", scheme + 3)));
  for (char& c : origin) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  if (!origin.starts_with("https://") && !origin.starts_with("http://")) return {};
  if (origin.size() <= scheme + 3) return {};
  return origin;
}

std::string FingerprintOf(std::string_view token) { return Sha256Hex("headrace:" + std::string(token)).substr(0, 16); }

}  // namespace headrace::worker::github
