#include "common/expr/budget.h"

#include <string>

namespace headrace::expr {

Status Budget::TooManySteps() const {
  return Fail(Code::kResourceExhausted, "the expression needs more than " + std::to_string(limits_.steps) + " steps");
}

Status Budget::TooMuchText() const {
  return Fail(Code::kResourceExhausted,
              "the expression makes a text of more than " + std::to_string(limits_.output_bytes) + " bytes");
}

Status Budget::SpendCopy(const Value& value) {
  if (const json::string* text = value.if_string()) return SpendText(text->size());
  RETURN_IF_ERROR(Spend(1));
  if (const Array* list = value.if_array()) {
    for (const Value& item : *list) RETURN_IF_ERROR(SpendCopy(item));
  } else if (const Object* map = value.if_object()) {
    for (const auto& [key, item] : *map) RETURN_IF_ERROR(SpendCopy(item));
  }
  return {};
}

Status Budget::Enter() {
  if (recursion_ >= kRecursionMax) {
    return Fail(Code::kResourceExhausted,
                "the expression nests deeper than " + std::to_string(kRecursionMax) + " (does a macro call itself?)");
  }
  ++recursion_;
  return {};
}

Status Budget::EnterRender() {
  if (renders_ >= limits_.depth) {
    return Fail(Code::kResourceExhausted, "Maximum render() nesting depth (" + std::to_string(limits_.depth) +
                                              ") exceeded: does a render() call come back to itself?");
  }
  ++renders_;
  return {};
}

}  // namespace headrace::expr
