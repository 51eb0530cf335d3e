#include "executor/flowable/label_list.h"

#include <algorithm>

namespace headrace::executor {

using model::Label;

namespace {

Status Add(std::vector<Label>& labels, std::string key, const Value& value) {
  const std::string text = ToText(value);
  if (key.empty()) return InvalidArgument("a label has an empty key (its value is '" + text + "')");
  if (text.empty()) return InvalidArgument("the label '" + key + "' has an empty value");
  if (key.starts_with("system.")) {
    return InvalidArgument("System labels can only be set by Kestra itself, offending label: " + key + "=" + text);
  }
  MergeLabels(labels, {{std::move(key), text}});
  return {};
}

}  // namespace

Result<std::vector<Label>> LabelsFrom(const Value& rendered) {
  std::vector<Label> labels;
  if (rendered.is_object()) {
    for (const auto& [key, value] : rendered.get_object()) RETURN_IF_ERROR(Add(labels, std::string(key), value));
    return labels;
  }
  if (!rendered.is_array()) {
    return InvalidArgument("labels must be a map, a list of {key, value}, or JSON text of either, not " +
                           ToJson(rendered));
  }
  for (const Value& item : rendered.get_array()) {
    const Value* key = Member(item, "key");
    const Value* value = Member(item, "value");
    if (key == nullptr || value == nullptr) {
      return InvalidArgument("a label in a list must be {key, value}, not " + ToJson(item));
    }
    RETURN_IF_ERROR(Add(labels, ToText(*key), *value));
  }
  return labels;
}

void MergeLabels(std::vector<Label>& into, const std::vector<Label>& more) {
  for (const Label& label : more) {
    const auto same = std::find_if(into.begin(), into.end(),
                                   [&](const Label& other) { return other.first == label.first; });
    if (same == into.end()) {
      into.push_back(label);
    } else {
      *same = label;
    }
  }
}

}  // namespace headrace::executor
