// Expressions compiled once and rendered many times: Kestra's Pebble dialect, the one door of this room.
// Shapes: the context is one JSON object (inputs, outputs, vars, flow …); a missing key is undefined, a null is null.
// Errors: INVALID_ARGUMENT with line and column when a text does not compile; NOT_FOUND for an undefined name;
//   RESOURCE_EXHAUSTED when a budget is spent; INVALID_ARGUMENT for a value a filter or function refuses.
// Threads: a Template is immutable and shared freely; a render belongs to its caller.
// Cost: a plain property takes about a microsecond; the context is never copied.
// Source: docs of the language in FLOWS section 2; Kestra 1.3.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/error.h"
#include "common/expr/environment.h"
#include "common/model/value.h"

namespace headrace::expr {

// What a template names. A path is a prefix such as {"outputs","check","exitCode"}, cut at the first dynamic step;
// everything below it may be read. Environment functions may read `flow` and `execution` besides.
// A step of a path that is the value of a loop around whoever asks, as in outputs.x[parent.taskrun.value][taskrun.value]:
// this letter and the number of values further out, 0 for the asker's own. Only steps of its kind follow it.
inline constexpr char kOwnLoopValue = '\x01';
inline bool IsOwnLoopValue(std::string_view step) { return step.starts_with(kOwnLoopValue); }

struct References {
  std::vector<std::vector<std::string>> paths{};  // sorted, without repeats
  bool whole_context = false;                     // render(), printContext() …: anything may be read
  std::vector<std::string> functions{};           // names of called functions, sorted, without macros
};

// Adds `more`; the result is sorted, without repeats.
void Merge(References& into, const References& more);

struct Limits {
  std::size_t steps = 1'000'000;         // evaluated nodes, copied values and 64-byte pieces of made text
  std::size_t output_bytes = 1U << 20U;  // of the output and of any one text on the way
  int depth = 16;                        // nested render()
};

struct Program;
class Budget;

class Template {
  struct Private {};

 public:
  // Error: INVALID_ARGUMENT; each violation has line, column and what would be right.
  static Result<std::shared_ptr<const Template>> Compile(std::string_view text);

  Template(Private, std::string_view source);
  ~Template();
  Template(const Template&) = delete;
  Template& operator=(const Template&) = delete;

  const References& references() const { return references_; }
  // No `{{`, `{%` or `{#`: the text is its own result.
  bool is_literal() const { return program_ == nullptr; }
  const std::string& source() const { return source_; }

  Result<std::string> RenderText(const Value& context, Environment& environment, const Limits& limits = {}) const;
  // Keeps the type of a single expression; several pieces become text, or JSON parsed back if one was a list or map.
  Result<Value> RenderTyped(const Value& context, Environment& environment, const Limits& limits = {}) const;

  // As part of a render whose budget is shared.
  Result<std::string> RenderText(const Value& context, Environment& environment, Budget& budget) const;
  Result<Value> RenderTyped(const Value& context, Environment& environment, Budget& budget) const;

 private:
  std::string source_;
  std::unique_ptr<const Program> program_;
  References references_;
};

// Renders every text inside `value`: map keys and values, list elements; other values stay as they are.
// `typed` keeps the type of texts that are a single expression.
Result<Value> RenderDeep(const Value& value, const Value& context, Environment& environment, bool typed,
                         const Limits& limits = {});
// Of all texts inside; texts that do not compile contribute nothing.
References ReferencesDeep(const Value& value);
// Compiles through a bounded cache that all threads share.
Result<std::shared_ptr<const Template>> CompileCached(std::string_view text);

// All known names, sorted: for validation and "did you mean". Functions include the environment's.
std::vector<std::string> FunctionNames();
std::vector<std::string> FilterNames();
std::vector<std::string> TestNames();
// Of methods such as size() in `inputs.list.size()`.
std::vector<std::string> MethodNames();

}  // namespace headrace::expr
