#include <algorithm>
#include <unordered_map>

#include "common/base/time.h"
#include "common/flow/flow_parts.h"
#include "common/flow/flow_specs.h"
#include "common/flow/property_checks.h"

namespace headrace::flow {
namespace {

bool IsLetterOrDigit(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); }

// Of a checked object: what passed CheckValue as a duration parses.
std::optional<Duration> DurationOf(const Object& object, std::string_view name) {
  const Value* value = object.if_contains(name);
  if (value == nullptr) return std::nullopt;
  const Result<Duration> parsed = ParseDuration(ToText(*value));
  return parsed ? std::optional(*parsed) : std::nullopt;
}

void MustBeLess(Draft& draft, const YamlNode& node, const Path& path, std::string_view smaller,
                std::optional<Duration> small, std::string_view larger, std::optional<Duration> large) {
  if (!small || !large || *small < *large) return;
  const YamlNode* at = node.Find(smaller);
  draft.Error(at == nullptr ? node : *at, path.Key(smaller),
              '`' + std::string(smaller) + "` must be less than `" + std::string(larger) + "` (" +
                  FormatDuration(*large) + ')');
}

void CheckRetry(Draft& draft, const YamlNode& node, const Path& path, const model::RetryPolicy& retry,
                const Object& object) {
  const auto interval = DurationOf(object, "interval");
  const auto max_interval = DurationOf(object, "maxInterval");
  MustBeLess(draft, node, path, "interval", interval, "maxDuration", retry.max_duration);
  if (retry.kind == model::RetryPolicy::Kind::kExponential) {
    MustBeLess(draft, node, path, "interval", interval, "maxInterval", max_interval);
  }
  if (retry.kind == model::RetryPolicy::Kind::kRandom) {
    MustBeLess(draft, node, path, "minInterval", DurationOf(object, "minInterval"), "maxInterval", max_interval);
    MustBeLess(draft, node, path, "maxInterval", max_interval, "maxDuration", retry.max_duration);
  }
  if (object.contains("maxAttempts") && retry.max_attempts < 1) {
    const YamlEntry* at = FindEntry(node, *FindProperty(RetryProperties("constant"), "maxAttempts"));
    draft.Error(at->value, path.Key("maxAttempts"), "`maxAttempts` must be at least 1; it counts the first attempt");
  }
  if (retry.delay_factor < 1) {
    draft.Error(*node.Find("delayFactor"), path.Key("delayFactor"), "`delayFactor` must be at least 1");
  }
}

}  // namespace

void CheckId(Draft& draft, const YamlNode& node, const Path& path, std::string_view extra, std::size_t length_max) {
  const std::string& id = node.text;
  bool fits = !id.empty() && IsLetterOrDigit(id.front());
  for (const char c : id) fits = fits && (IsLetterOrDigit(c) || extra.find(c) != std::string_view::npos);
  if (!fits) {
    std::string allowed;
    for (const char c : extra) allowed += std::string(" ") + c;
    draft.Error(
        node, path,
        '`' + Shortened(id) + "` must begin with a letter or digit and hold only letters, digits and" + allowed);
  } else if (id.size() > length_max) {
    draft.Error(node, path,
                '`' + Shortened(id, 30) + "` has " + std::to_string(id.size()) + " characters; at most " +
                    std::to_string(length_max) + " are allowed");
  }
}

std::optional<model::RetryPolicy> BuildRetry(Draft& draft, const YamlNode& node, const Path& path) {
  if (node.is_null()) return std::nullopt;
  if (!node.is_map()) {
    draft.Error(node, path, "expected a map (a retry), got " + KindName(node));
    return std::nullopt;
  }
  const YamlNode* type = node.Find("type");
  if (type == nullptr || !type->is_scalar()) {
    draft.Error(node, path.Key("type"), "a retry needs `type`: constant, exponential or random");
    return std::nullopt;
  }
  const auto& kinds = RetryKinds();
  const auto kind = std::find(kinds.begin(), kinds.end(), type->text);
  if (kind == kinds.end()) {
    draft.Error(*type, path.Key("type"),
                "unknown retry type `" + Shortened(type->text) + '`' + Suggestion(type->text, kinds));
    return std::nullopt;
  }
  const Object object = CheckObject(draft, node, RetryProperties(*kind), path, "a retry of type " + *kind);
  model::RetryPolicy retry;
  retry.kind = static_cast<model::RetryPolicy::Kind>(kind - kinds.begin());
  retry.interval = DurationOf(object, "interval").value_or(Duration(0));
  retry.min_interval = DurationOf(object, "minInterval").value_or(Duration(0));
  retry.max_interval = DurationOf(object, "maxInterval").value_or(Duration(0));
  retry.max_duration = DurationOf(object, "maxDuration");
  if (const Value* factor = object.if_contains("delayFactor")) retry.delay_factor = factor->to_number<double>();
  if (const Value* most = object.if_contains("maxAttempts")) {
    const auto attempts = most->is_int64() ? most->get_int64() : INT32_MAX;
    retry.max_attempts = static_cast<int>(std::clamp<std::int64_t>(attempts, INT32_MIN, INT32_MAX));
  }
  if (const Value* warn = object.if_contains("warningOnRetry")) retry.warning_on_retry = warn->get_bool();
  if (const Value* behavior = object.if_contains("behavior");
      behavior != nullptr && ToText(*behavior) != "RETRY_FAILED_TASK") {
    retry.behavior = model::RetryPolicy::Behavior::kCreateNewExecution;
  }
  CheckRetry(draft, node, path, retry, object);
  return retry;
}

model::Concurrency BuildConcurrency(Draft& draft, const YamlNode& node, const Path& path) {
  model::Concurrency concurrency;
  if (node.is_null()) return concurrency;
  const Object object = CheckObject(draft, node, ConcurrencyProperties(), path, "`concurrency`");
  if (const Value* limit = object.if_contains("limit")) {
    const std::int64_t count = limit->is_int64() ? limit->get_int64() : INT32_MAX;
    if (count < 1) draft.Error(*node.Find("limit"), path.Key("limit"), "`limit` must be at least 1");
    concurrency.limit = static_cast<int>(std::clamp<std::int64_t>(count, 0, INT32_MAX));
  }
  if (const Value* behavior = object.if_contains("behavior")) {
    const std::string name = ToText(*behavior);
    if (name == "CANCEL") concurrency.behavior = model::Concurrency::Behavior::kCancel;
    if (name == "FAIL") concurrency.behavior = model::Concurrency::Behavior::kFail;
  }
  return concurrency;
}

std::string BuildWorkerGroup(Draft& draft, const YamlNode& node, const Path& path) {
  if (node.is_null()) return {};
  if (node.is_scalar()) return node.text;
  using model::PropertyKind;
  static const std::vector<model::PropertySpec> kSpecs = {
      {.name = "key", .kind = PropertyKind::kString, .required = true},
      {.name = "fallback", .kind = PropertyKind::kEnum, .rendered = false, .enum_values = {"FAIL", "CANCEL", "WAIT"}}};
  const Object object = CheckObject(draft, node, kSpecs, path, "`workerGroup`");
  if (const YamlNode* fallback = node.Find("fallback"); fallback != nullptr && fallback->text != "WAIT") {
    draft.Warn(*fallback, path.Key("fallback"),
               "`fallback` is not supported yet: tasks wait for a worker of the group");
  }
  const Value* key = object.if_contains("key");
  return key == nullptr ? std::string() : ToText(*key);
}

std::vector<model::Label> BuildLabels(Draft& draft, const YamlNode& node, const Path& path) {
  std::vector<model::Label> labels;
  std::unordered_map<std::string, std::size_t> places;  // of a list, the last of the same key counts
  const auto add = [&](const YamlNode& key, const YamlNode& value, const Path& at) {
    if (value.is_list() || value.is_map() || key.is_list() || key.is_map()) {
      draft.Error(value, at, "the value of a label is a text, got " + KindName(value));
    } else if (key.text.empty() || value.text.empty() || value.is_null()) {
      draft.Error(key, at, "a label needs a key and a value");
    } else if (key.text.starts_with("system.")) {
      draft.Error(
          key, at,
          "System labels can only be set by Kestra itself, offending label: " + key.text + '=' + Shortened(value.text));
    } else {
      const auto [same, is_new] = places.emplace(key.text, labels.size());
      if (is_new) {
        labels.emplace_back(key.text, value.text);
      } else {
        labels[same->second].second = value.text;
      }
    }
  };
  if (node.is_map()) {
    for (const YamlEntry& entry : node.entries) add(entry.key, entry.value, path.Key(entry.key.text));
  } else if (node.is_list()) {
    for (std::size_t i = 0; i < node.items.size(); ++i) {
      const YamlNode* key = node.items[i].Find("key");
      const YamlNode* value = node.items[i].Find("value");
      if (key != nullptr && value != nullptr && node.items[i].entries.size() == 2) {
        add(*key, *value, path.At(i));
      } else {
        draft.Error(node.items[i], path.At(i), "a label in a list is a map with `key` and `value`");
      }
    }
  } else if (!node.is_null()) {
    draft.Error(node, path, "expected a map, or a list of `key` and `value`, got " + KindName(node));
  }
  return labels;
}

}  // namespace headrace::flow
