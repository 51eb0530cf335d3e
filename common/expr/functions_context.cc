#include <cctype>

#include "common/expr/builtin.h"
#include "common/expr/render.h"

namespace headrace::expr {
namespace {

constexpr int kPassesMax = 100;

bool HasExpression(const Value& value) {
  if (const json::string* text = value.if_string()) return std::string_view(*text).find('{') != std::string_view::npos;
  if (const Array* list = value.if_array()) {
    for (const Value& item : *list) {
      if (HasExpression(item)) return true;
    }
  }
  if (const Object* map = value.if_object()) {
    for (const auto& [key, item] : *map) {
      if (HasExpression(Value(key)) || HasExpression(item)) return true;
    }
  }
  return false;
}

Result<Value> RenderPasses(const Invocation& call, bool until_fixed) {
  Value current = *call.arguments[0];
  const DeepRender how{call.session.context(), call.session.environment(), call.budget(), false};
  for (int pass = 0; HasExpression(current); ++pass) {
    if (pass >= kPassesMax) return Fail(Code::kResourceExhausted, "Too many rendering attempts");
    ASSIGN_OR_RETURN(Value next, RenderDeep(current, how));
    const bool fixed = !until_fixed || next == current;
    current = std::move(next);
    if (fixed) break;
  }
  return current;
}

Result<Value> Rerender(const Invocation& call, bool until_fixed) {
  RETURN_IF_ERROR(call.budget().SpendCopy(*call.arguments[0]));
  RETURN_IF_ERROR(call.budget().EnterRender());
  Result<Value> rendered = RenderPasses(call, until_fixed);
  call.budget().LeaveRender();
  return rendered;
}
Result<Value> RenderFunction(const Invocation& call) { return Rerender(call, call.Flag(1, true)); }
Result<Value> RenderOnceFunction(const Invocation& call) { return Rerender(call, false); }

Result<Value> ContextFunction(const Invocation& call) {
  RETURN_IF_ERROR(call.budget().SpendCopy(call.session.context()));
  return call.session.context();
}

const Value* Step(const Value* outputs, const Value* taskrun) {
  const Value* value = taskrun == nullptr ? nullptr : Member(*taskrun, "value");
  if (value == nullptr || outputs == nullptr) return outputs;
  return Member(*outputs, ToText(*value));
}

// Outermost ancestor first, own value last: the keys under which outputs of value loops stand (FLOWS 1.10).
Result<Value> CurrentEachOutputFunction(const Invocation& call) {
  const Value* outputs = call.Argument(0);
  if (outputs == nullptr || !outputs->is_object()) return Refuse(call, "needs the outputs of a task");
  const Value* parents = Member(call.session.context(), "parents");
  if (parents != nullptr && parents->is_array()) {
    const Array& list = parents->get_array();
    for (std::size_t i = list.size(); i > 0; --i) outputs = Step(outputs, Member(list[i - 1], "taskrun"));
  }
  if (outputs == nullptr) return Refuse(call, "there are no outputs for the current iteration");
  outputs = Step(outputs, Member(call.session.context(), "taskrun"));
  if (outputs == nullptr) return Value();  // as Java's Map.get
  RETURN_IF_ERROR(call.budget().SpendCopy(*outputs));
  return *outputs;
}

// `tasks.<id>.state`, or `tasks.<id>.<value>.state` inside value loops.
Result<Value> TasksWithStateFunction(const Invocation& call) {
  std::string wanted = call.Text(0);
  for (char& c : wanted) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  Array found;
  const Value* tasks = Member(call.session.context(), "tasks");
  if (tasks == nullptr || !tasks->is_object()) return Value(std::move(found));
  RETURN_IF_ERROR(call.budget().SpendCopy(*tasks));
  for (const auto& [id, task] : tasks->get_object()) {
    const Value* state = Member(task, "state");
    if (state != nullptr && state->is_string()) {
      if (ToText(*state) == wanted) found.push_back(Object({{"taskId", id}, {"state", *state}}));
      continue;
    }
    if (!task.is_object()) continue;
    for (const auto& [value, run] : task.get_object()) {
      const Value* inner = Member(run, "state");
      if (inner == nullptr || ToText(*inner) != wanted) continue;
      found.push_back(Object({{"taskId", id}, {"state", *inner}, {"value", value}}));
    }
  }
  return Value(std::move(found));
}

constexpr Builtin kFunctions[] = {
    {"currentEachOutput", CurrentEachOutputFunction, {"outputs"}, 1, false, false, "parents taskrun"},
    {"fetchContext", ContextFunction, {}, 0, false, false, "*"},
    {"printContext", ContextFunction, {}, 0, false, false, "*"},
    {"render", RenderFunction, {"toRender", "recursive"}, 1, false, false, "*"},
    {"renderOnce", RenderOnceFunction, {"toRender"}, 1, false, false, "*"},
    {"tasksWithState", TasksWithStateFunction, {"state"}, 1, false, false, "tasks"},
};

}  // namespace

std::span<const Builtin> ContextFunctions() { return kFunctions; }

}  // namespace headrace::expr
