#include "cli/commands/arguments.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <istream>
#include <iterator>

#include "common/base/text.h"
#include "common/flow/yaml.h"

namespace headrace::cli {
namespace {

namespace fs = std::filesystem;

std::string ReadAll(std::istream& in) { return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()}; }

Result<std::string> ReadFile(const std::string& path) {
  std::error_code error;
  if (!fs::exists(path, error)) return NotFound("there is no file " + path);
  std::ifstream file(path, std::ios::binary);
  if (!file || fs::is_directory(path, error)) return Fail(Code::kUnavailable, path + " cannot be read as a file");
  return ReadAll(file);
}

bool IsFlowFile(const fs::path& path) { return path.extension() == ".yml" || path.extension() == ".yaml"; }

Result<std::vector<std::string>> Expand(const std::string& path) {
  std::error_code error;
  if (!fs::is_directory(path, error)) return std::vector<std::string>{path};
  std::vector<std::string> files;
  for (fs::recursive_directory_iterator it(path, error), end; !error && it != end; it.increment(error)) {
    // What begins with a dot is somebody's own: an editor's, git's, or the copy behind a mounted ConfigMap.
    if (it->path().filename().native().starts_with('.')) {
      if (it->is_directory(error)) it.disable_recursion_pending();
      continue;
    }
    if (it->is_regular_file(error) && IsFlowFile(it->path())) files.push_back(it->path().string());
  }
  if (error) return Fail(Code::kUnavailable, path + ": " + error.message());
  if (files.empty()) return NotFound("there is no .yml or .yaml file in " + path);
  std::sort(files.begin(), files.end());
  return files;
}

// JSON is YAML but for letters escaped as two halves, and needs no aliases counted.
Result<Value> ParseDocument(const std::string& text, const std::string& path) {
  if (Trim(text).starts_with('{') && text.size() <= flow::YamlLimits{}.bytes) {
    if (Result<Value> value = ParseJson(text)) return value;
  }
  return flow::ParseYamlValue(text, path);
}

Status AddFile(const std::string& path, std::istream& in, Object& inputs) {
  std::string text;
  if (path == "-") {
    text = ReadAll(in);
  } else {
    ASSIGN_OR_RETURN(text, ReadFile(path));
  }
  ASSIGN_OR_RETURN(const Value value, ParseDocument(text, path));
  if (value.is_null()) return {};
  if (!value.is_object()) return InvalidArgument(path + " must hold a map of inputs, such as `version: 1.2.3`");
  for (const auto& [key, member] : value.as_object()) inputs[key] = member;
  return {};
}

}  // namespace

Result<FlowName> ParseFlowName(const std::string& text) {
  const std::size_t slash = text.rfind('/');
  if (slash == std::string::npos || slash == 0 || slash + 1 == text.size()) {
    return InvalidArgument("'" + text + "' names no flow: it must be NAMESPACE/ID, such as release/release-oss");
  }
  return FlowName{text.substr(0, slash), text.substr(slash + 1)};
}

Result<std::pair<std::string, std::string>> ParsePair(const std::string& text, const std::string& what) {
  const std::size_t equals = text.find('=');
  if (equals == std::string::npos || equals == 0) {
    return InvalidArgument("'" + text + "' is no " + what + ": it must be KEY=VALUE");
  }
  return std::pair(text.substr(0, equals), text.substr(equals + 1));
}

Result<Object> ParseInputs(const std::vector<std::string>& texts, std::istream& in) {
  Object inputs;
  for (const std::string& text : texts) {
    if (text.find('=') == std::string::npos) {
      RETURN_IF_ERROR(AddFile(text, in, inputs));
      continue;
    }
    ASSIGN_OR_RETURN(const auto pair, ParsePair(text, "input"));
    inputs[pair.first] = pair.second;
  }
  return inputs;
}

Result<Duration> ParseSpan(const std::string& text) {
  if (text.starts_with('P') || text.starts_with('p')) return ParseDuration(text);
  std::int64_t count = 0;
  const char* end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, count);
  constexpr std::int64_t kCountMax = 1'000'000;
  if (parsed.ec == std::errc() && parsed.ptr + 1 == end && count >= 0 && count <= kCountMax) {
    switch (*parsed.ptr) {
      case 's': return std::chrono::seconds(count);
      case 'm': return std::chrono::minutes(count);
      case 'h': return std::chrono::hours(count);
      case 'd': return std::chrono::hours(24 * count);
      default: break;
    }
  }
  return InvalidArgument("'" + text + "' is no span of time: write 90s, 15m, 24h, 7d or PT1H30M");
}

Result<Timestamp> ParseMoment(const std::string& text, Timestamp now) {
  constexpr std::size_t kDateSize = 10;
  if (auto at = ParseInstant(text.size() == kDateSize ? text + "T00:00:00Z" : text)) return *at;
  if (const auto span = ParseSpan(text)) return now - *span;
  return InvalidArgument("'" + text + "' is no moment: write 2026-01-31, 2026-01-31T12:00:00Z, or 30d for so long ago");
}

Status FlowTwins::Add(const std::string& name, const FlowText& text) {
  const auto [first, is_new] = files_.emplace(name, text.file);
  if (is_new) return {};
  const std::string message = "flow " + name + " is in " + first->second + " and in " + text.file + ": change one of the ids";
  return Fail(Error{Code::kInvalidArgument, message, {{"id", message, 0, 0, text.file}}});
}

Result<std::vector<FlowText>> ReadFlowTexts(const std::vector<std::string>& paths, std::istream& in) {
  std::vector<FlowText> texts;
  const auto add = [&texts](const std::string& file, const std::string& content) {
    const std::vector<flow::YamlSlice> slices = flow::SplitDocuments(content);
    for (const flow::YamlSlice& slice : slices) texts.push_back({file, std::string(slice.text), slice.first_line});
    // Nothing in it: the check says so, with the file's name.
    if (slices.empty()) texts.push_back({file, content, 1});
  };
  for (const std::string& path : paths) {
    if (path == "-") {
      add("-", ReadAll(in));
      continue;
    }
    ASSIGN_OR_RETURN(const std::vector<std::string> files, Expand(path));
    for (const std::string& file : files) {
      ASSIGN_OR_RETURN(const std::string content, ReadFile(file));
      add(file, content);
    }
  }
  return texts;
}

void ShiftLines(std::vector<Violation>& violations, int first_line) {
  for (Violation& violation : violations) {
    if (violation.line > 0) violation.line += first_line - 1;
  }
}

}  // namespace headrace::cli
