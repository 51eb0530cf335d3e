#include "common/flow/inputs.h"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "common/base/text.h"
#include "common/expr/template.h"
#include "common/flow/input_types.h"

namespace headrace::flow {
namespace {

using model::InputSpec;

// Given under the whole id, or nested by its dots.
const Value* FindGiven(const Object& raw, std::string_view id) {
  const Value* found = raw.if_contains(id);
  if (found == nullptr) {
    const std::size_t dot = id.find('.');
    const Value* outer = dot == std::string_view::npos ? nullptr : raw.if_contains(id.substr(0, dot));
    if (outer != nullptr && outer->is_object()) return FindGiven(outer->get_object(), id.substr(dot + 1));
  }
  return found == nullptr || found->is_null() ? nullptr : found;
}

void SetNested(Object& inputs, std::string_view id, Value value) {
  Object* at = &inputs;
  for (std::size_t dot = id.find('.'); dot != std::string_view::npos; dot = id.find('.')) {
    Value& outer = (*at)[id.substr(0, dot)];
    if (!outer.is_object()) outer.emplace_object();
    at = &outer.get_object();
    id.remove_prefix(dot + 1);
  }
  (*at)[id] = std::move(value);
}

class Resolver {
 public:
  Resolver(const std::vector<InputSpec>& specs, const Object& raw, expr::Environment& environment,
           const Object& context, const InputSeams& seams)
      : specs_(specs), raw_(raw), environment_(environment), context_(context), seams_(seams) {
    for (std::size_t i = 0; i < specs.size(); ++i) places_.emplace(specs[i].id, i);
    context_.get_object()["inputs"] = Object();
    states_.resize(specs.size(), State::kNew);
  }

  Result<ResolvedInputs> Run() {
    for (std::size_t i = 0; i < specs_.size(); ++i) Visit(i);
    if (!violations_.empty()) {
      std::string message = violations_.front().message;
      if (violations_.size() > 1) message += " (and " + std::to_string(violations_.size() - 1) + " more)";
      return Fail(Error{Code::kInvalidArgument, std::move(message), std::move(violations_)});
    }
    ResolvedInputs resolved{std::move(context_.get_object()["inputs"].as_object()), {}};
    NoteUndeclared(raw_, {}, resolved.undeclared);
    return resolved;
  }

 private:
  enum class State : std::uint8_t { kNew, kOpen, kDone, kAbsent, kFailed };

  // Depth first along what defaults and dependsOn name, without recursion: flows may declare thousands.
  void Visit(std::size_t first) {
    std::vector<std::size_t> stack = {first};
    while (!stack.empty()) {
      const std::size_t at = stack.back();
      if (states_[at] == State::kNew) {
        states_[at] = State::kOpen;
        for (const std::size_t needed : Needs(specs_[at])) {
          if (states_[needed] == State::kNew) {
            stack.push_back(needed);
          } else if (states_[needed] == State::kOpen) {
            Report(specs_[at], "Invalid value for input `" + specs_[at].id + "`. Cause: it and `" + specs_[needed].id +
                                   "` depend on each other");
            states_[at] = State::kFailed;
          }
        }
        continue;
      }
      stack.pop_back();
      if (states_[at] == State::kOpen) states_[at] = Resolve(specs_[at]);
    }
  }

  std::vector<std::size_t> Needs(const InputSpec& spec) const {
    std::vector<std::size_t> needs;
    const auto add = [&](const std::string& id) {
      const auto place = places_.find(id);
      if (place != places_.end() && specs_[place->second].id != spec.id) needs.push_back(place->second);
    };
    for (const std::string& id : spec.depends_on) add(id);
    const Value condition(spec.condition);
    const Value* expression = spec.extra.if_contains("expression");
    for (const Value* texts : {&spec.defaults, &condition, expression}) {
      if (texts == nullptr) continue;
      for (const auto& path : expr::ReferencesDeep(*texts).paths) {
        if (path.size() < 2 || path[0] != "inputs") continue;
        std::string id;
        for (std::size_t i = 1; i < path.size(); ++i) {
          id += (i > 1 ? "." : "") + path[i];
          add(id);
        }
      }
    }
    return needs;
  }

  State Resolve(const InputSpec& spec) {
    for (const std::size_t needed : Needs(spec)) {
      if (states_[needed] == State::kFailed) return State::kFailed;  // told there
    }
    Result<bool> wanted = IsWanted(spec);
    if (!wanted) return Invalid(spec, "Invalid condition: " + wanted.error().message);
    if (!*wanted) return State::kAbsent;
    if (spec.type == "FORM") return State::kDone;  // its inputs have the values
    const Result<InputSpec> offered = WithOffered(spec);
    if (!offered) return Invalid(spec, offered.error().message);
    Result<Value> raw = RawValue(*offered);
    if (!raw) return Invalid(spec, raw.error().message);
    if (raw->is_null()) {
      if (spec.required) return Report(spec, "Missing required input:" + spec.id);
      SetNested(Inputs(), spec.id, nullptr);
      return State::kDone;
    }
    Result<Value> parsed = ParseInput(*offered, *raw, seams_);
    if (!parsed) return Invalid(spec, parsed.error().message);
    SetNested(Inputs(), spec.id, *std::move(parsed));
    return State::kDone;
  }

  // An input that depends on an absent one is absent too.
  Result<bool> IsWanted(const InputSpec& spec) {
    for (const std::string& id : spec.depends_on) {
      const auto place = places_.find(id);
      if (place != places_.end() && states_[place->second] == State::kAbsent) return false;
    }
    if (spec.condition.empty()) return true;
    ASSIGN_OR_RETURN(const Value rendered, expr::RenderDeep(Value(spec.condition), context_, environment_, false));
    return IsTruthy(ToText(rendered));
  }

  Result<Value> RawValue(const InputSpec& spec) {
    if (const Value* given = FindGiven(raw_, spec.id)) return *given;
    if (!spec.has_defaults) return FirstChoice(spec);
    return expr::RenderDeep(spec.defaults, context_, environment_, true);
  }

  static Value FirstChoice(const InputSpec& spec) {
    const Value* first = spec.extra.if_contains("autoSelectFirst");
    const Value* values = spec.extra.if_contains("values");
    if (first == nullptr || *first != Value(true) || values == nullptr || !values->is_array()) return nullptr;
    const Array& offered = values->get_array();
    if (offered.empty()) return nullptr;
    return spec.type == "MULTISELECT" ? Value(Array{offered.front()}) : offered.front();
  }

  // The choices that an `expression` renders to stand in for `values`.
  Result<InputSpec> WithOffered(const InputSpec& spec) {
    const Value* expression = spec.extra.if_contains("expression");
    if (expression == nullptr) return spec;
    Result<Value> values = expr::RenderDeep(*expression, context_, environment_, true);
    if (!values) return InvalidArgument("Cannot render 'expression'. Cause: " + values.error().message);
    if (values->is_string()) {
      if (Result<Value> list = ParseJson(std::string(values->get_string()))) values = std::move(list);
    }
    if (!values->is_array()) return InvalidArgument("Invalid expression result. Expected a list of strings");
    InputSpec offered = spec;
    Array texts;
    for (const Value& value : values->get_array()) {
      if (!value.is_null()) texts.emplace_back(ToText(value));
    }
    offered.extra["values"] = std::move(texts);
    return offered;
  }

  void NoteUndeclared(const Object& given, const std::string& prefix, std::vector<std::string>& undeclared) {
    if (prefixes_.empty()) {
      for (const InputSpec& spec : specs_) {
        for (std::size_t dot = spec.id.find('.'); dot != std::string::npos; dot = spec.id.find('.', dot + 1)) {
          prefixes_.insert(spec.id.substr(0, dot));
        }
      }
    }
    for (const auto& [key, value] : given) {
      const std::string id = prefix + std::string(key);
      if (places_.contains(id)) continue;
      if (value.is_object() && prefixes_.contains(id)) {
        NoteUndeclared(value.get_object(), id + '.', undeclared);
      } else {
        undeclared.push_back(id);
      }
    }
  }

  Object& Inputs() { return context_.get_object()["inputs"].get_object(); }

  State Invalid(const InputSpec& spec, const std::string& cause) {
    return Report(spec, "Invalid value for input `" + spec.id + "`. Cause: " + cause);
  }

  State Report(const InputSpec& spec, std::string message) {
    violations_.push_back({"inputs." + spec.id, std::move(message)});
    return State::kFailed;
  }

  const std::vector<InputSpec>& specs_;
  const Object& raw_;
  expr::Environment& environment_;
  Value context_;
  const InputSeams& seams_;
  std::unordered_map<std::string, std::size_t> places_;
  std::unordered_set<std::string> prefixes_;
  std::vector<State> states_;
  std::vector<Violation> violations_;
};

}  // namespace

Result<ResolvedInputs> ResolveInputs(const model::Flow& flow, const Object& raw, expr::Environment& environment,
                                     const Object& context, const InputSeams& seams) {
  return Resolver(flow.inputs, raw, environment, context, seams).Run();
}

Result<ResolvedInputs> ResolveInputs(const std::vector<InputSpec>& specs, const Object& raw,
                                     expr::Environment& environment, const Object& context, const InputSeams& seams) {
  return Resolver(specs, raw, environment, context, seams).Run();
}

}  // namespace headrace::flow
