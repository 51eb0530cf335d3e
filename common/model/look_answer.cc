#include "common/model/look_answer.h"

#include <algorithm>

namespace headrace::model {
namespace {

constexpr Duration kLaterMax = std::chrono::hours(24);

}  // namespace

Object ToOutputs(LookAnswer answer) {
  Object outputs{{"fires", answer.fires}, {"variables", std::move(answer.variables)}};
  if (answer.memo) outputs["memo"] = std::move(*answer.memo);
  if (!answer.problem.empty()) outputs["problem"] = answer.problem;
  if (answer.later > Duration(0)) outputs["laterUs"] = answer.later.count();
  return outputs;
}

Result<LookAnswer> LookAnswerOf(Object outputs) {
  LookAnswer answer;
  Value* fires = outputs.if_contains("fires");
  Value* variables = outputs.if_contains("variables");
  if (fires == nullptr || !fires->is_bool() || variables == nullptr || !variables->is_object()) {
    return InvalidArgument("the worker's answer is none of a polling trigger");
  }
  answer.fires = fires->get_bool();
  answer.variables = std::move(variables->get_object());
  if (Value* memo = outputs.if_contains("memo")) answer.memo = std::move(*memo);
  if (const Value* problem = outputs.if_contains("problem")) answer.problem = ToText(*problem);
  if (const Value* later = outputs.if_contains("laterUs"); later != nullptr && later->is_int64()) {
    answer.later = std::clamp(Duration(later->get_int64()), Duration(0), kLaterMax);
  }
  return answer;
}

std::string FirstMemo(Timestamp since) { return ToJson(Value(Object{{"since", ToMicros(since)}})); }

std::optional<Timestamp> SinceOf(const Value& memo) {
  const Value* since = Member(memo, "since");
  if (since == nullptr || !since->is_int64()) return std::nullopt;
  return FromMicros(since->get_int64());
}

}  // namespace headrace::model
