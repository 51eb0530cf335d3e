#include "worker/files/places.h"

#include <algorithm>
#include <cctype>

#include "common/base/hash.h"
#include "worker/files/beneath.h"

namespace headrace::worker {
namespace {

constexpr std::string_view kScheme = "kestra:///";
constexpr std::string_view kFiles = "/_files/";
constexpr std::string_view kExecutions = "/executions/";
constexpr std::string_view kInputs = "_inputs/";

// What a URI may hold without escapes, so that it is found again inside a script's text.
std::string UriName(std::string_view name) {
  static constexpr std::string_view kAllowed = "-._+~=/,";
  std::string out;
  bool changed = false;
  for (const char c : name) {
    const auto byte = static_cast<unsigned char>(c);
    const bool fine = (byte < 0x80 && std::isalnum(byte)) || kAllowed.find(c) != std::string_view::npos;
    out += fine ? c : '_';
    changed = changed || !fine;
  }
  // Names that differ only in what was replaced stay apart.
  if (changed) out = std::to_string(StableHash(name) % 1'000'000'000) + "-" + out;
  return out;
}

}  // namespace

bool IsStorageUri(std::string_view text) { return text.starts_with(kScheme); }
bool IsNamespaceUri(std::string_view text) { return text.starts_with("nsfile://"); }

std::string ToUri(std::string_view place) { return std::string(kScheme) + std::string(place); }

Result<std::string> PlaceOf(std::string_view uri) {
  if (!IsStorageUri(uri)) return InvalidArgument("'" + std::string(uri) + "' is no kestra:/// URI");
  std::string place(uri.substr(kScheme.size()));
  RETURN_IF_ERROR(CheckRelativeName(place));
  return place;
}

std::string InputPlace(const std::string& unique, std::string_view name) {
  return std::string(kInputs) + unique + "/" + (name.empty() ? "file" : UriName(name));
}

bool IsInputFile(std::string_view place) { return place.starts_with(kInputs); }

std::string NamespaceFolder(std::string_view ns) {
  std::string folder(ns);
  std::replace(folder.begin(), folder.end(), '.', '/');
  return folder;
}

std::string ExecutionFolder(const StartOrder& order) { return ExecutionFolder(order.ns, order.flow_id, order.key.execution); }

std::string ExecutionFolder(std::string_view ns, std::string_view flow_id, const ExecutionId& execution) {
  return NamespaceFolder(ns) + "/" + std::string(flow_id) + std::string(kExecutions) + execution.str();
}

std::optional<ExecutionPlace> ExecutionOf(std::string_view place) {
  if (!IsExecutionFile(place)) return std::nullopt;
  const std::size_t at = place.find(kExecutions);
  const std::size_t begin = at + kExecutions.size();
  const std::size_t end = place.find('/', begin);
  const std::size_t flow = place.substr(0, at).rfind('/');
  if (flow == std::string_view::npos || end == std::string_view::npos || end == begin) return std::nullopt;
  std::string ns(place.substr(0, flow));
  std::replace(ns.begin(), ns.end(), '/', '.');
  return ExecutionPlace{std::string(place.substr(0, end)), std::move(ns), std::string(place.substr(flow + 1, at - flow - 1)),
                        ExecutionId(std::string(place.substr(begin, end - begin)))};
}

std::string TaskPlace(const StartOrder& order, std::string_view name) {
  const auto& fence = order.key.fence;
  return ExecutionFolder(order) + "/tasks/" + order.spec->task_id + "/" + order.task_run.str() + "/" +
         std::to_string(fence.attempt) + "-" + std::to_string(fence.delivery) + "/" + UriName(name);
}

Result<std::string> NamespaceFilePlace(std::string_view ns, std::string_view path) {
  RETURN_IF_ERROR(CheckNamespace(ns));
  while (path.starts_with('/')) path.remove_prefix(1);
  RETURN_IF_ERROR(CheckRelativeName(path));
  return NamespaceFilesFolder(ns) + "/" + std::string(path);
}

std::string NamespaceFilesFolder(std::string_view ns) { return NamespaceFolder(ns) + "/_files"; }
std::string KeysFolder(std::string_view ns) { return NamespaceFolder(ns) + "/_kv"; }

std::optional<std::string> ParentNamespace(std::string_view ns) {
  const std::size_t dot = ns.rfind('.');
  if (dot == std::string_view::npos) return std::nullopt;
  return std::string(ns.substr(0, dot));
}

Status CheckNamespace(std::string_view ns) {
  const auto fine = [](char c) {
    return std::islower(static_cast<unsigned char>(c)) || std::isdigit(static_cast<unsigned char>(c)) || c == '.' ||
           c == '_' || c == '-';
  };
  const bool named = !ns.empty() && ns.size() <= 150 && ns.front() != '.' && ns.front() != '_' && ns.front() != '-' &&
                     ns.back() != '.' && ns.find("..") == std::string_view::npos && std::all_of(ns.begin(), ns.end(), fine);
  if (named) return {};
  return InvalidArgument("'" + std::string(ns.substr(0, 200)) +
                         "' is no namespace: lower-case letters, digits, '.', '_' and '-', beginning with a letter or digit");
}

bool IsNamespaceFile(std::string_view place) {
  const std::size_t files = place.find(kFiles);
  return files != std::string_view::npos && !IsExecutionFile(place.substr(0, files));
}

bool IsExecutionFile(std::string_view place) {
  const std::size_t at = place.find(kExecutions);
  // No namespace part, flow or folder of an execution begins with an underscore.
  return at != std::string_view::npos && place.substr(0, at).find("/_") == std::string_view::npos;
}

}  // namespace headrace::worker
