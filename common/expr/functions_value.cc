#include "common/expr/builtin.h"
#include "common/expr/operators.h"

namespace headrace::expr {
namespace {

Result<Value> Extreme(const Invocation& call, int wanted) {
  const Value* best = nullptr;
  for (std::size_t i = 0; i < call.arguments.size(); ++i) {
    const Value* one = call.Argument(i);
    if (one == nullptr) continue;
    if (best == nullptr) best = one;
    if (i > 0 && (!IsNumber(*one) || !IsNumber(*best))) {
      return Refuse(call, "compares numbers, not a " + std::string(KindName(IsNumber(*one) ? *best : *one)));
    }
    const Result<int> order = Order(*one, *best);
    if (!order) return Refuse(call, order.error().message);
    if (*order == wanted) best = one;
  }
  return best == nullptr ? Value(nullptr) : *best;
}
Result<Value> MaxFunction(const Invocation& call) { return Extreme(call, 1); }
Result<Value> MinFunction(const Invocation& call) { return Extreme(call, -1); }

Result<Value> RangeFunction(const Invocation& call) {
  ASSIGN_OR_RETURN(const std::int64_t increment, call.Integer(2, 1));
  return MakeRange(*call.arguments[0], *call.arguments[1], increment, call.budget());
}

Result<Value> JsonFunction(const Invocation& call) {
  const Value* text = call.Argument(0);
  if (text == nullptr) return Value(nullptr);
  if (!text->is_string()) return Refuse(call, "needs a text, not a " + std::string(KindName(*text)));
  RETURN_IF_ERROR(call.budget().SpendText(text->get_string().size()));
  Result<Value> parsed = ParseJson(text->get_string());
  if (!parsed) return InvalidArgument("Invalid json: " + parsed.error().message);
  RETURN_IF_ERROR(call.budget().SpendCopy(*parsed));
  return parsed;
}

Result<Value> BlockFunction(const Invocation& call) {
  ASSIGN_OR_RETURN(std::string text, call.session.RenderBlock(call.Text(0)));
  return Value(std::move(text));
}

Result<Value> ParentFunction(const Invocation& call) {
  return Refuse(call, "a template stands alone: no block here has a parent");
}

constexpr Builtin kFunctions[] = {
    {"block", BlockFunction, {"name"}, 1},
    {"fromJson", JsonFunction, {"json"}, 1},
    {"json", JsonFunction, {"json"}, 1},
    {"max", MaxFunction, {"first", "second"}, 0, true},
    {"min", MinFunction, {"first", "second"}, 0, true},
    {"parent", ParentFunction},
    {"range", RangeFunction, {"start", "end", "increment"}, 2},
};

}  // namespace

std::span<const Builtin> ValueFunctions() { return kFunctions; }

}  // namespace headrace::expr
