#include "api/caller.h"

#include <algorithm>
#include <filesystem>
#include <optional>
#include <utility>

namespace headrace::api {
namespace {

constexpr std::string_view kStorage = "kestra:///";
constexpr std::string_view kNamespaceFile = "nsfile://";
constexpr std::string_view kInNamespace = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
constexpr std::string_view kInPath = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-/~+=,";
// A JSON text in a JSON text, and so on.
constexpr int kEscapedDeep = 8;

// Whose file `path` is, as workers lay them out: NS/_files/…, NS/_kv/…, NS/FLOW/executions/…; of less than that all of it counts.
// Nothing for what was given as an input: that is named by chance.
std::optional<std::string> NamespaceOfPath(std::string_view written) {
  const std::string path = std::filesystem::path(written).lexically_normal().string();
  if (path.empty() || path.starts_with("_inputs/")) return std::nullopt;
  const std::size_t own = path.find("/_");
  const std::size_t executions = path.find("/executions/");
  std::string_view folder = std::string_view(path).substr(0, std::min(own, executions));
  if (executions < own) folder = folder.substr(0, folder.rfind('/') == std::string_view::npos ? 0 : folder.rfind('/'));
  while (folder.ends_with('/')) folder.remove_suffix(1);
  std::string ns(folder);
  std::replace(ns.begin(), ns.end(), '/', '.');
  return ns;
}

// The namespace of the first file in `text` that is out of reach.
std::optional<std::string> ForeignIn(const http::Principal& principal, std::string_view text) {
  for (std::size_t at = 0; (at = text.find(kNamespaceFile, at)) != std::string_view::npos;) {
    at += kNamespaceFile.size();
    const std::string_view ns = text.substr(at, text.find_first_not_of(kInNamespace, at) - at);
    // None is that of the flow.
    if (!ns.empty() && !principal.Reaches(ns)) return std::string(ns);
  }
  for (std::size_t at = 0; (at = text.find(kStorage, at)) != std::string_view::npos;) {
    at += kStorage.size();
    auto ns = NamespaceOfPath(text.substr(at, text.find_first_not_of(kInPath, at) - at));
    if (ns && !principal.Reaches(*ns)) return ns;
  }
  return std::nullopt;
}

int HexDigits(char letter) { return letter == 'u' ? 4 : letter == 'x' ? 2 : letter == 'U' ? 8 : 0; }

// What JSON and YAML make of the escapes of a quoted text; of those that make no part of a URI a blank.
std::string Unescape(std::string_view text) {
  static constexpr std::string_view kBlanks = " \t\r\n";
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\' || i + 1 == text.size()) {
      out += text[i];
      continue;
    }
    const char letter = text[++i];
    const std::string_view digits = text.substr(i + 1, static_cast<std::size_t>(HexDigits(letter)));
    if (!digits.empty() && digits.find_first_not_of("0123456789abcdefABCDEF") == std::string_view::npos) {
      const unsigned long code = std::stoul(std::string(digits), nullptr, 16);
      out += code < 0x80 ? static_cast<char>(code) : ' ';
      i += digits.size();
    } else if (letter == '\n' || letter == '\r') {
      // YAML goes on with what stands next.
      while (i + 1 < text.size() && kBlanks.find(text[i + 1]) != std::string_view::npos) ++i;
    } else {
      out += letter == '/' || letter == '\\' ? letter : ' ';
    }
  }
  return out;
}

// Also where an input is the text of a JSON or YAML value.
std::optional<std::string> ForeignInText(const http::Principal& principal, std::string text) {
  for (int depth = 0;; ++depth) {
    if (auto ns = ForeignIn(principal, text)) return ns;
    if (depth == kEscapedDeep || text.find('\\') == std::string::npos) return std::nullopt;
    text = Unescape(text);
  }
}

std::optional<std::string> ForeignInValue(const http::Principal& principal, const Value& value) {
  std::optional<std::string> ns;
  if (value.is_string()) return ForeignInText(principal, std::string(value.get_string()));
  if (value.is_array()) {
    for (const Value& one : value.get_array()) {
      if ((ns = ForeignInValue(principal, one))) return ns;
    }
  }
  if (!value.is_object()) return ns;
  for (const auto& member : value.get_object()) {
    if ((ns = ForeignInText(principal, std::string(member.key())))) return ns;
    if ((ns = ForeignInValue(principal, member.value()))) return ns;
  }
  return ns;
}

}  // namespace

Status Caller::StillKnown() const {
  if (tokens_ == nullptr || tokens_->Holds(principal_)) return {};
  return Fail(Code::kUnauthenticated, "the token is not known here any more");
}

Status Caller::CheckNamespace(const char* method, const Touched& touched) const {
  if (Reaches(touched.ns)) return {};
  Tell(method, touched, Code::kPermissionDenied, true);
  return Fail(Code::kPermissionDenied, "the token of " + principal_.name + " does not reach namespace " + touched.ns);
}

Status Caller::CheckInputs(const char* method, const Object& inputs) const {
  if (!bound() || inputs.empty()) return {};
  const auto ns = ForeignInValue(principal_, Value(inputs));
  if (!ns) return {};
  Tell(method, {.ns = *ns}, Code::kPermissionDenied, true);
  return Fail(Code::kPermissionDenied, "the token of " + principal_.name + " does not reach namespace '" + *ns + "', of which the inputs name a file");
}

Result<model::Execution> Caller::Find(scheduler::Engine& engine, const char* method, const ExecutionId& id) const {
  const auto missing = [&] { return NotFound("there is no execution " + id.str()); };
  Result<model::Execution> head = engine.GetExecutionHead(id);
  // The same words for both: nobody learns of an execution by being refused.
  if (!head) return head.error().code == Code::kNotFound ? missing() : Fail(std::move(head.error()));
  if (Reaches(head->ns)) return head;
  Tell(method, {head->ns, head->flow_id, id.str()}, Code::kNotFound, true);
  return missing();
}

Status Caller::Refuse(const char* method, const Touched& touched) const {
  Tell(method, touched, Code::kPermissionDenied, true);
  return Fail(Code::kPermissionDenied, "the token of " + principal_.name + " is bound to namespaces; this needs one that is not");
}

void Caller::Tell(const char* method, const Touched& touched, Code outcome) const { Tell(method, touched, outcome, false); }

void Caller::Tell(const char* method, const Touched& touched, Code outcome, bool denied) const {
  if (audit_ == nullptr) return;
  audit_->Tell({.who = principal_.name, .role = std::string(http::RoleName(principal_.role)), .method = method, .ns = touched.ns, .flow = touched.flow,
                .object = touched.object, .outcome = std::string(CodeName(outcome)), .denied = denied, .peer = peer_});
}

}  // namespace headrace::api
