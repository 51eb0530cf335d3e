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
  Resolver(const model::Flow& flow, const Object& raw, expr::Environment& environment, const Object& context)
      : flow_(flow), raw_(raw), environment_(environment), context_(context) {
    for (std::size_t i = 0; i < flow.inputs.size(); ++i) places_.emplace(flow.inputs[i].id, i);
    context_.emplace_object() = context;
    context_.get_object()["inputs"] = Object();
    states_.resize(flow.inputs.size(), State::kNew);
  }

  Result<ResolvedInputs> Run() {
    for (std::size_t i = 0; i < flow_.inputs.size(); ++i) Visit(i);
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
  enum class State : std::uint8_t { kNew, kOpen, kDone, kFailed };

  // Depth first along what defaults and dependsOn name, without recursion: flows may declare thousands.
  void Visit(std::size_t first) {
    std::vector<std::size_t> stack = {first};
    while (!stack.empty()) {
      const std::size_t at = stack.back();
      if (states_[at] == State::kNew) {
        states_[at] = State::kOpen;
        for (const std::size_t needed : Needs(flow_.inputs[at])) {
          if (states_[needed] == State::kNew) {
            stack.push_back(needed);
          } else if (states_[needed] == State::kOpen) {
            Report(flow_.inputs[at], "Invalid value for input `" + flow_.inputs[at].id + "`. Cause: it and `" +
                                         flow_.inputs[needed].id + "` depend on each other");
            states_[at] = State::kFailed;
          }
        }
        continue;
      }
      stack.pop_back();
      if (states_[at] == State::kOpen) states_[at] = Resolve(flow_.inputs[at]) ? State::kDone : State::kFailed;
    }
  }

  std::vector<std::size_t> Needs(const InputSpec& spec) const {
    std::vector<std::size_t> needs;
    const auto add = [&](const std::string& id) {
      const auto place = places_.find(id);
      if (place != places_.end() && flow_.inputs[place->second].id != spec.id) needs.push_back(place->second);
    };
    const Value* depends = spec.extra.if_contains("dependsOn");
    if (const Value* list = depends == nullptr ? nullptr : Member(*depends, "inputs");
        list != nullptr && list->is_array()) {
      for (const Value& id : list->get_array()) add(ToText(id));
    }
    const Value* expression = spec.extra.if_contains("expression");
    for (const Value* texts : {&spec.defaults, depends, expression}) {
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

  // False when something was reported.
  bool Resolve(const InputSpec& spec) {
    for (const std::size_t needed : Needs(spec)) {
      if (states_[needed] == State::kFailed) return false;  // told there
    }
    bool wanted = true;
    if (!IsWanted(spec, wanted)) return false;
    if (!wanted) return true;
    Result<Value> raw = RawValue(spec);
    if (!raw) return Invalid(spec, raw.error().message);
    if (raw->is_null()) {
      if (spec.required) return Report(spec, "Missing required input:" + spec.id);
      SetNested(Inputs(), spec.id, nullptr);
      return true;
    }
    const Result<InputSpec> offered = WithOffered(spec);
    if (!offered) return Invalid(spec, offered.error().message);
    Result<Value> parsed = ParseInput(*offered, *raw);
    if (!parsed) return Invalid(spec, parsed.error().message);
    SetNested(Inputs(), spec.id, *std::move(parsed));
    return true;
  }

  bool IsWanted(const InputSpec& spec, bool& wanted) {
    const Value* depends = spec.extra.if_contains("dependsOn");
    const Value* condition = depends == nullptr ? nullptr : Member(*depends, "condition");
    if (condition == nullptr || condition->is_null()) return true;
    const Result<Value> rendered = expr::RenderDeep(*condition, context_, environment_, false);
    if (!rendered) return Invalid(spec, rendered.error().message);
    wanted = IsTruthy(ToText(*rendered));
    return true;
  }

  Result<Value> RawValue(const InputSpec& spec) {
    if (const Value* given = FindGiven(raw_, spec.id)) return *given;
    if (!spec.has_defaults) return Value(nullptr);
    return expr::RenderDeep(spec.defaults, context_, environment_, true);
  }

  // The choices that an `expression` renders to stand in for `values`.
  Result<InputSpec> WithOffered(const InputSpec& spec) {
    const Value* expression = spec.extra.if_contains("expression");
    if (expression == nullptr) return spec;
    ASSIGN_OR_RETURN(Value values, expr::RenderDeep(*expression, context_, environment_, true));
    if (values.is_string()) {
      ASSIGN_OR_RETURN(values, ParseJson(std::string(values.get_string())));
    }
    if (!values.is_array()) return InvalidArgument("its `expression` must render to a list");
    InputSpec offered = spec;
    offered.extra["values"] = std::move(values);
    return offered;
  }

  void NoteUndeclared(const Object& given, const std::string& prefix, std::vector<std::string>& undeclared) {
    if (prefixes_.empty()) {
      for (const InputSpec& spec : flow_.inputs) {
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

  bool Invalid(const InputSpec& spec, const std::string& cause) {
    return Report(spec, "Invalid value for input `" + spec.id + "`. Cause: " + cause);
  }

  bool Report(const InputSpec& spec, std::string message) {
    violations_.push_back({"inputs." + spec.id, std::move(message)});
    return false;
  }

  const model::Flow& flow_;
  const Object& raw_;
  expr::Environment& environment_;
  Value context_;
  std::unordered_map<std::string, std::size_t> places_;
  std::unordered_set<std::string> prefixes_;
  std::vector<State> states_;
  std::vector<Violation> violations_;
};

}  // namespace

Result<ResolvedInputs> ResolveInputs(const model::Flow& flow, const Object& raw, expr::Environment& environment,
                                     const Object& context) {
  return Resolver(flow, raw, environment, context).Run();
}

}  // namespace headrace::flow
