// What an expression evaluates to: a value of its own, or a reference that spares the copy.
// Shapes: a stable reference outlives the render's statement (context, literals, lists a loop holds); a passing one
//   points into a variable that a later `set` may replace, so whoever keeps it copies it. Its Java type is lost where
//   it becomes a part of a list or map.
#pragma once

#include <utility>

#include "common/expr/java_value.h"
#include "common/model/value.h"

namespace headrace::expr {

class Operand {
 public:
  Operand() = default;
  explicit Operand(Value value, JavaType type = JavaType::kUnknown) : owned_(std::move(value)), type_(type) {}
  static Operand Reference(const Value& value, bool stable, JavaType type = JavaType::kUnknown) {
    Operand operand;
    operand.reference_ = &value;
    operand.stable_ = stable;
    operand.type_ = type;
    return operand;
  }
  Operand(Operand&&) = default;
  Operand& operator=(Operand&&) = default;
  Operand(const Operand&) = delete;
  Operand& operator=(const Operand&) = delete;
  ~Operand() = default;

  const Value& value() const { return reference_ != nullptr ? *reference_ : owned_; }
  bool is_owned() const { return reference_ == nullptr; }
  bool is_stable() const { return stable_; }
  JavaType type() const { return type_; }

  // The value, moved out if owned. The copy is the caller's to charge.
  Value Take() && { return reference_ != nullptr ? *reference_ : std::move(owned_); }

  // A part of this operand's value, under the same rules of life. REQUIRES: `part` lies inside value().
  Operand Part(const Value& part) && {
    if (reference_ != nullptr) return Reference(part, stable_);
    Value taken = std::move(const_cast<Value&>(part));  // owned_ is ours and not const
    return Operand(std::move(taken));
  }

 private:
  Value owned_;
  const Value* reference_ = nullptr;
  bool stable_ = false;
  JavaType type_ = JavaType::kUnknown;
};

}  // namespace headrace::expr
