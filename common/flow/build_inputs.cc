#include <algorithm>
#include <unordered_map>

#include "common/flow/flow_parts.h"
#include "common/flow/flow_specs.h"
#include "common/flow/input_types.h"
#include "common/flow/inputs.h"
#include "common/flow/property_checks.h"

namespace headrace::flow {
namespace {

constexpr std::size_t kInputIdMax = 256;

// What is not a field of InputSpec itself goes to `extra`.
constexpr std::string_view kOwnFields[] = {"id",          "type",        "required",  "defaults",
                                           "description", "displayName", "dependsOn", "inputs"};

std::string TextOf(const Object& object, std::string_view name) {
  const Value* value = object.if_contains(name);
  return value == nullptr ? std::string() : ToText(*value);
}

// The canonical type, reported when unknown; empty then.
std::string ReadInputType(Draft& draft, const YamlNode& item, const Path& path) {
  const YamlNode* type = item.Find("type");
  if (type == nullptr || !type->is_scalar()) {
    draft.Error(item, path.Key("type"), "an input needs `type`, such as STRING");
    return {};
  }
  std::string canonical = CanonicalInputType(type->text);
  if (canonical.empty()) {
    draft.Error(*type, path.Key("type"),
                "unknown input type `" + Shortened(type->text) + '`' + Suggestion(type->text, InputTypes()));
  }
  return canonical;
}

void CheckDefaults(Draft& draft, const YamlNode& item, const Path& path, const model::InputSpec& input) {
  const YamlNode* defaults = item.Find("defaults");
  if (!input.has_defaults || defaults == nullptr) return;
  if (!input.required) {
    draft.Error(*defaults, path.Key("defaults"),
                "Inputs with a default value must be required, since the default is always applied.");
  }
  if (const YamlNode* prefill = item.Find("prefill"); prefill != nullptr && !prefill->is_null()) {
    draft.Error(*prefill, path.Key("prefill"), "an input has either `defaults` or `prefill`, not both");
  }
  // What a secret or a file becomes, only the process that takes it knows.
  if (input.type.empty() || input.type == "FILE" || input.type == "SECRET") return;
  if (HoldsExpression(ToJson(input.defaults)) || input.extra.contains("expression")) return;
  if (const Result<Value> parsed = ParseInput(input, input.defaults); !parsed) {
    draft.Error(*defaults, path.Key("defaults"),
                "Invalid value for input `" + input.id + "`. Cause: " + parsed.error().message);
  }
}

void TakeDependsOn(const Object& object, model::InputSpec& input) {
  const Value* depends = object.if_contains("dependsOn");
  if (depends == nullptr || !depends->is_object()) return;
  input.condition = TextOf(depends->get_object(), "condition");
  const Value* list = Member(*depends, "inputs");
  if (list == nullptr || !list->is_array()) return;
  for (const Value& id : list->get_array()) input.depends_on.push_back(ToText(id));
}

void CheckExtras(Draft& draft, const YamlNode& item, const Path& path, const model::InputSpec& input) {
  for (const InputFault& fault : CheckInputSpec(input)) {
    const YamlNode* at = item.Find(fault.property);
    draft.Error(at == nullptr ? item : *at, path.Key(fault.property), fault.message);
  }
}

// The old name of `values`. With both, Kestra takes the flow and refuses every value.
void TakeOptions(Draft& draft, const YamlNode& item, const Path& path, model::InputSpec& input) {
  const auto options = input.extra.find("options");
  if (options == input.extra.end()) return;
  if (input.extra.contains("values")) {
    draft.Warn(*item.Find("options"), path.Key("options"),
               "`options` is the old name of `values`; no value is taken with both");
    return;
  }
  Value values = std::move(options->value());
  input.extra.erase(options);
  input.extra["values"] = std::move(values);
}

model::InputSpec ReadInput(Draft& draft, const YamlNode& item, const Path& path) {
  model::InputSpec input;
  input.line = item.line;
  input.column = item.column;
  input.type = ReadInputType(draft, item, path);
  std::vector<model::PropertySpec> specs = InputProperties(input.type);
  // The type is judged above, with its aliases.
  for (model::PropertySpec& spec : specs) {
    if (spec.name == "type") spec.kind = model::PropertyKind::kString;
  }
  if (input.type.empty()) {
    YamlNode known = item;
    std::erase_if(known.entries, [&](const YamlEntry& e) { return FindProperty(specs, e.key.text) == nullptr; });
    const YamlNode& kept = draft.Keep(std::move(known));
    input.id = TextOf(CheckObject(draft, kept, specs, path, "an input"), "id");
    return input;
  }
  Object object = CheckObject(draft, item, specs, path, "an input of type " + input.type);
  input.id = TextOf(object, "id");
  input.description = TextOf(object, "description");
  input.display_name = TextOf(object, "displayName");
  if (const Value* required = object.if_contains("required")) input.required = required->get_bool();
  if (input.type == "FORM") input.required = false;  // it has no value of its own
  TakeDependsOn(object, input);
  if (Value* defaults = object.if_contains("defaults")) {
    input.defaults = std::move(*defaults);
    input.has_defaults = true;
  }
  for (auto& [name, value] : object) {
    if (std::find(std::begin(kOwnFields), std::end(kOwnFields), std::string_view(name)) == std::end(kOwnFields)) {
      input.extra[name] = std::move(value);
    }
  }
  TakeOptions(draft, item, path, input);
  CheckExtras(draft, item, path, input);
  CheckDefaults(draft, item, path, input);
  return input;
}

class InputList {
 public:
  explicit InputList(Draft& draft) : draft_(draft) {}

  // `form` is the group that the inputs stand in, or nullptr.
  void Read(const YamlNode& node, const Path& path, const model::InputSpec* form) {
    if (node.is_null()) return;
    if (!node.is_list()) {
      draft_.Error(node, path, "expected a list of inputs, got " + KindName(node));
      return;
    }
    for (std::size_t i = 0; i < node.items.size(); ++i) {
      const YamlNode& item = node.items[i];
      if (item.is_map()) {
        ReadOne(item, path.At(i), form);
      } else {
        draft_.Error(item, path.At(i), "expected an input (a map with `id` and `type`), got " + KindName(item));
      }
    }
  }

  std::vector<model::InputSpec> Finish() {
    for (std::size_t i = 0; i < inputs_.size(); ++i) CheckDependsOn(i);
    CheckCycles();
    return std::move(inputs_);
  }

 private:
  struct Row {
    const YamlNode* item;
    std::string field;  // inputs[2]
    std::string form;   // "form.", or empty
  };

  void ReadOne(const YamlNode& item, const Path& path, const model::InputSpec* form) {
    model::InputSpec input = ReadInput(draft_, item, path);
    const std::string prefix = form == nullptr ? std::string() : form->id + '.';
    const YamlEntry* id = FindEntry(item, InputIdProperty());
    if (id != nullptr && id->value.is_scalar()) CheckId(draft_, id->value, path.Key(id->key.text), "._-", kInputIdMax);
    input.id.insert(0, prefix);
    if (id != nullptr && id->value.is_scalar()) NoteId(input.id, id->value, path.Key(id->key.text));
    if (form != nullptr && input.type == "FORM") {
      draft_.Error(item, path.Key("type"), "an input of type FORM cannot stand inside another one");
      return;
    }
    if (form != nullptr) input.depends_on.insert(input.depends_on.begin(), form->id);
    rows_.push_back({&item, path.Text(), prefix});
    inputs_.push_back(input);
    if (input.type != "FORM") return;
    if (const YamlNode* children = item.Find("inputs")) Read(*children, path.Key("inputs"), &input);
  }

  void NoteId(const std::string& id, const YamlNode& at, const Path& path) {
    const auto [known, is_new] = places_.emplace(id, inputs_.size());
    lines_.emplace(id, at.line);
    if (is_new) return;
    draft_.Error(
        at, path,
        "Duplicate input with name [" + Shortened(id) + "]; it stands first in line " + std::to_string(lines_.at(id)));
  }

  // In a form, the names of its own inputs may be used without its own.
  void CheckDependsOn(std::size_t at) {
    std::vector<std::string>& needs = inputs_[at].depends_on;
    for (std::size_t i = 0; i < needs.size(); ++i) {
      if (places_.contains(needs[i])) continue;
      if (!rows_[at].form.empty() && places_.contains(rows_[at].form + needs[i])) {
        needs[i].insert(0, rows_[at].form);
        continue;
      }
      if (draft_.full()) continue;
      const std::size_t written = i - (rows_[at].form.empty() ? 0 : 1);
      const YamlNode& name = rows_[at].item->Find("dependsOn")->Find("inputs")->items[written];
      draft_.ErrorAt({name.line, name.column}, rows_[at].field + ".dependsOn.inputs[" + std::to_string(written) + ']',
                     "no input `" + Shortened(needs[i]) + '`' + Suggestion(needs[i], Names()));
    }
  }

  // Inputs that wait for each other are left when those that need nothing more are taken away again and again.
  void CheckCycles() {
    std::vector<std::size_t> open(inputs_.size(), 0);
    std::vector<std::vector<std::size_t>> needed_by(inputs_.size());
    std::vector<std::size_t> ready;
    for (std::size_t i = 0; i < inputs_.size(); ++i) {
      for (const std::string& need : inputs_[i].depends_on) {
        const auto place = places_.find(need);
        if (place == places_.end() || place->second >= inputs_.size()) continue;
        ++open[i];
        needed_by[place->second].push_back(i);
      }
      if (open[i] == 0) ready.push_back(i);
    }
    while (!ready.empty()) {
      const std::size_t done = ready.back();
      ready.pop_back();
      for (const std::size_t next : needed_by[done]) {
        if (--open[next] == 0) ready.push_back(next);
      }
    }
    for (std::size_t i = 0; i < inputs_.size(); ++i) {
      if (open[i] == 0) continue;
      const YamlNode* depends = rows_[i].item->Find("dependsOn");
      const YamlNode& at = depends == nullptr ? *rows_[i].item : *depends;
      draft_.ErrorAt({at.line, at.column}, rows_[i].field + ".dependsOn",
                     "Cyclic dependency detected: the input `" + Shortened(inputs_[i].id) +
                         "` depends on itself or on inputs that do");
      return;
    }
  }

  std::vector<std::string> Names() const {
    std::vector<std::string> names;
    for (const model::InputSpec& input : inputs_) names.push_back(input.id);
    return names;
  }

  Draft& draft_;
  std::vector<model::InputSpec> inputs_;
  std::vector<Row> rows_;
  std::unordered_map<std::string, std::size_t> places_;
  std::unordered_map<std::string, int> lines_;
};

}  // namespace

std::vector<model::InputSpec> BuildInputList(Draft& draft, const YamlNode& node, const Path& path) {
  InputList list(draft);
  list.Read(node, path, nullptr);
  return list.Finish();
}

}  // namespace headrace::flow
