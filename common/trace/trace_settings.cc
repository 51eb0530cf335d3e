#include "common/trace/trace_settings.h"

#include <algorithm>
#include <charconv>

#include "common/base/text.h"

namespace headrace::trace {
namespace {

constexpr std::string_view kPath = "/v1/traces";
constexpr std::int64_t kTimeoutMostMs = 600'000;
using Pairs = std::vector<std::pair<std::string, std::string>>;

// That of traces, or that of all signals.
std::optional<std::pair<std::string, std::string>> Exporter(const Variable& variable, const std::string& what) {
  for (const std::string& name : {"OTEL_EXPORTER_OTLP_TRACES_" + what, "OTEL_EXPORTER_OTLP_" + what}) {
    if (auto value = variable(name.c_str())) return std::pair(name, *value);
  }
  return std::nullopt;
}

std::optional<int> HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return std::nullopt;
}

std::string Unescape(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto high = text[i] == '%' && i + 2 < text.size() ? HexDigit(text[i + 1]) : std::nullopt;
    const auto low = high ? HexDigit(text[i + 2]) : std::nullopt;
    if (low) {
      out += static_cast<char>(*high * 16 + *low);
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

// "a=1,b=2", values with %XX.
Result<Pairs> ReadPairs(const std::string& name, std::string_view text) {
  Pairs out;
  while (!text.empty()) {
    const std::size_t comma = std::min(text.find(','), text.size());
    const std::string_view one = Trim(text.substr(0, comma));
    text.remove_prefix(std::min(comma + 1, text.size()));
    if (one.empty()) continue;
    const std::size_t equals = one.find('=');
    if (equals == std::string_view::npos || Trim(one.substr(0, equals)).empty()) {
      return InvalidArgument(name + " must be a list such as key=value,other=value; entry " + std::to_string(out.size() + 1) + " is none");
    }
    out.emplace_back(std::string(Trim(one.substr(0, equals))), Unescape(Trim(one.substr(equals + 1))));
    if (!IsValidUtf8(out.back().second)) return InvalidArgument(name + ": the value of " + out.back().first + " is not UTF-8");
  }
  return out;
}

Status CheckUrl(const std::string& name, const std::string& url) {
  const bool known = url.starts_with("http://") || url.starts_with("https://");
  const bool has_host = url.find_first_not_of('/', std::min(url.find(':') + 1, url.size())) != std::string::npos;
  if (known && has_host && url.find_first_of(" \t\r\n") == std::string::npos) return {};
  return InvalidArgument(name + " must be the URL of a collector that speaks OTLP over HTTP, such as http://localhost:4318");
}

std::string WithPath(std::string url) {
  while (url.ends_with('/')) url.pop_back();
  return url.ends_with(kPath) ? url : url + std::string(kPath);
}

// Empty: none is named.
Result<std::string> ReadUrl(const std::string& endpoint, const Variable& variable) {
  if (!endpoint.empty()) {
    RETURN_IF_ERROR(CheckUrl("--otlp-endpoint", endpoint));
    return WithPath(endpoint);
  }
  const auto of_traces = variable("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT");
  if (of_traces) {
    RETURN_IF_ERROR(CheckUrl("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", *of_traces));
    return *of_traces;  // as it is
  }
  const auto of_all = variable("OTEL_EXPORTER_OTLP_ENDPOINT");
  if (!of_all) return std::string();
  RETURN_IF_ERROR(CheckUrl("OTEL_EXPORTER_OTLP_ENDPOINT", *of_all));
  return WithPath(*of_all);
}

Result<Duration> ReadTimeout(const Variable& variable) {
  const auto given = Exporter(variable, "TIMEOUT");
  if (!given) return TraceSettings().timeout;
  const auto& [name, text] = *given;
  std::int64_t ms = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), ms);
  if (read.ec != std::errc() || read.ptr != text.data() + text.size() || ms < 1 || ms > kTimeoutMostMs) {
    return InvalidArgument(name + " must be a number of milliseconds from 1 to 600000");
  }
  return std::chrono::milliseconds(ms);
}

Result<double> ReadRatio(const Variable& variable) {
  const auto text = variable("OTEL_TRACES_SAMPLER_ARG");
  if (!text) return 1.0;
  double ratio = -1;
  const auto read = std::from_chars(text->data(), text->data() + text->size(), ratio);
  if (read.ec != std::errc() || read.ptr != text->data() + text->size() || !(ratio >= 0 && ratio <= 1)) {
    return InvalidArgument("OTEL_TRACES_SAMPLER_ARG must be a number from 0 to 1");
  }
  return ratio;
}

Result<Sampler> ReadSampler(const Variable& variable) {
  constexpr std::string_view kParent = "parentbased_";
  const std::string given = variable("OTEL_TRACES_SAMPLER").value_or("parentbased_always_on");
  std::string_view name = given;
  Sampler sampler{.follows_caller = name.starts_with(kParent)};
  if (sampler.follows_caller) name.remove_prefix(kParent.size());
  if (name == "always_on") return sampler;
  if (name == "always_off") sampler.ratio = 0;
  else if (name != "traceidratio") {
    return InvalidArgument("OTEL_TRACES_SAMPLER must be always_on, always_off, traceidratio or one of them behind parentbased_");
  } else {
    ASSIGN_OR_RETURN(sampler.ratio, ReadRatio(variable));
  }
  return sampler;
}

void Put(std::vector<Attribute>& attributes, const std::string& key, const std::string& value) {
  const auto same = std::find_if(attributes.begin(), attributes.end(), [&](const Attribute& one) { return one.first == key; });
  if (same != attributes.end()) same->second = value;
  else attributes.emplace_back(key, value);
}

Result<std::vector<Attribute>> ReadResource(const Variable& variable, std::vector<Attribute> known) {
  ASSIGN_OR_RETURN(const Pairs given, ReadPairs("OTEL_RESOURCE_ATTRIBUTES", variable("OTEL_RESOURCE_ATTRIBUTES").value_or("")));
  for (const auto& [key, value] : given) Put(known, key, value);
  if (const auto name = variable("OTEL_SERVICE_NAME")) Put(known, "service.name", *name);
  return known;
}

}  // namespace

bool Sampler::Takes(const TraceId& trace, const std::optional<TraceContext>& caller) const {
  if (follows_caller && caller) return caller->sampled;
  if (ratio >= 1) return true;
  // The last 56 bits, as the sampler of the specification has it: services agree about a trace.
  constexpr std::size_t kDigits = 14;
  std::uint64_t draw = 0;
  const std::string& text = trace.str();
  std::from_chars(text.data() + (text.size() - std::min(kDigits, text.size())), text.data() + text.size(), draw, 16);
  return static_cast<double>(draw) < ratio * static_cast<double>(std::uint64_t{1} << (4 * kDigits));
}

Result<std::optional<TraceSettings>> ReadTraceSettings(const std::string& endpoint, const Variable& variable, std::vector<Attribute> known) {
  const std::string exporter = variable("OTEL_TRACES_EXPORTER").value_or("otlp");
  if (variable("OTEL_SDK_DISABLED") == "true" || exporter == "none") return std::nullopt;
  TraceSettings settings;
  ASSIGN_OR_RETURN(settings.url, ReadUrl(endpoint, variable));
  if (settings.url.empty()) return std::nullopt;
  if (exporter != "otlp") return InvalidArgument("OTEL_TRACES_EXPORTER must be otlp or none");
  if (const auto protocol = Exporter(variable, "PROTOCOL"); protocol && !protocol->second.starts_with("http/")) {
    return InvalidArgument(protocol->first + " must be http/json or http/protobuf: give the collector's HTTP endpoint, mostly port 4318");
  }
  if (const auto headers = Exporter(variable, "HEADERS")) {
    ASSIGN_OR_RETURN(settings.headers, ReadPairs(headers->first, headers->second));
  }
  ASSIGN_OR_RETURN(settings.timeout, ReadTimeout(variable));
  ASSIGN_OR_RETURN(settings.sampler, ReadSampler(variable));
  ASSIGN_OR_RETURN(settings.resource, ReadResource(variable, std::move(known)));
  return settings;
}

}  // namespace headrace::trace
