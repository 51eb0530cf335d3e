// What one render may spend, nested renders included.
// Units: a step is a node evaluated, a value copied, or 64 bytes of text made.
// Errors: RESOURCE_EXHAUSTED naming the limit.
#pragma once

#include <chrono>
#include <cstddef>

#include "common/base/error.h"
#include "common/expr/template.h"

namespace headrace::expr {

class Budget {
 public:
  explicit Budget(const Limits& limits) : limits_(limits), steps_left_(limits.steps) {}

  Status Spend(std::size_t steps) {
    if (steps > steps_left_) return TooManySteps();
    steps_left_ -= steps;
    return {};
  }
  // A text of this size is about to be made.
  Status SpendText(std::size_t bytes) {
    if (bytes > limits_.output_bytes) return TooMuchText();
    return Spend(bytes / 64);
  }
  // `more` bytes are about to be added to a text of `have` bytes.
  Status SpendAppend(std::size_t have, std::size_t more) {
    if (have + more > limits_.output_bytes) return TooMuchText();
    return Spend(more / 64);
  }
  // Counts the values in `value` and their text.
  Status SpendCopy(const Value& value);
  const Limits& limits() const { return limits_; }
  // Time that is left for engines that count no steps (jq), over all of their runs.
  std::chrono::nanoseconds& foreign_time() { return foreign_time_; }

  // Evaluation inside evaluation: keeps the stack bounded whatever a template does.
  static constexpr int kRecursionMax = 1000;
  Status Enter();
  void Leave() { --recursion_; }
  // Nested render().
  Status EnterRender();
  void LeaveRender() { --renders_; }

 private:
  Status TooManySteps() const;
  Status TooMuchText() const;

  Limits limits_;
  std::size_t steps_left_;
  std::chrono::nanoseconds foreign_time_ = std::chrono::seconds(3);
  int recursion_ = 0;
  int renders_ = 0;
};

}  // namespace headrace::expr
