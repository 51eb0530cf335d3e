// The table form of filters and functions, and what their bodies may use.
// Shapes: arguments stand by parameter; an absent one is nullptr. Variadic builtins get them as written.
// Errors: a body names what it refused; the evaluator adds the expression and its line.
// Threads: tables are constant; an Invocation lives for one call.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "common/base/error.h"
#include "common/expr/budget.h"
#include "common/expr/environment.h"
#include "common/expr/java_value.h"
#include "common/model/value.h"

namespace headrace::expr {

// What a builtin may ask of the render it is part of.
class Session {
 public:
  virtual ~Session() = default;
  virtual const Value& context() const = 0;
  virtual Environment& environment() = 0;
  virtual Budget& budget() = 0;
  virtual Result<std::string> RenderBlock(std::string_view name) = 0;
};

struct Invocation {
  std::string_view name;  // of the builtin, for messages
  const Value& input;     // what a filter is applied to; null for functions
  std::span<const Value* const> arguments;
  Session& session;
  JavaType input_type = JavaType::kUnknown;
  JavaType* result_type = nullptr;  // where a body may leave the Java type of what it makes

  // Null when absent or null.
  const Value* Argument(std::size_t index) const {
    const Value* value = index < arguments.size() ? arguments[index] : nullptr;
    return value != nullptr && !value->is_null() ? value : nullptr;
  }
  // The argument as text, or `otherwise` when absent.
  std::string Text(std::size_t index, std::string_view otherwise = "") const;
  // The argument as a whole number. Error: it is something else.
  Result<std::int64_t> Integer(std::size_t index, std::int64_t otherwise) const;
  bool Flag(std::size_t index, bool otherwise) const;
  void SetResultType(JavaType type) const {
    if (result_type != nullptr) *result_type = type;
  }
  Budget& budget() const { return session.budget(); }
};

// INVALID_ARGUMENT "name: message".
tl::unexpected<Error> Refuse(const Invocation& call, std::string_view message);
// "text", "list" …, for messages.
std::string_view KindName(const Value& value);

using BuiltinBody = Result<Value> (*)(const Invocation&);

struct Builtin {
  std::string_view name;
  BuiltinBody body;
  std::array<std::string_view, 6> parameters{};
  int required = 0;
  bool variadic = false;
  bool guards_undefined = false;  // an undefined input counts as null
  std::string_view reads{};       // context roots it looks at, with spaces between; "*" is everything
  bool takes_java = false;        // knows what to do with an input whose Java type JSON does not have
};

std::span<const Builtin> TextFilters();
std::span<const Builtin> EncodingFilters();
std::span<const Builtin> CollectionFilters();
std::span<const Builtin> NumberFilters();
std::span<const Builtin> DateFilters();
std::span<const Builtin> DataFilters();
std::span<const Builtin> DateFunctions();
std::span<const Builtin> ValueFunctions();
std::span<const Builtin> IdFunctions();
std::span<const Builtin> ContextFunctions();
std::span<const Builtin> DataFunctions();
std::span<const Builtin> CipherFunctions();
std::span<const Builtin> Methods();
std::span<const Builtin> TextMethods();
// compareTo of a text.
Result<Value> CompareTexts(const Invocation& call);

const Builtin* FindFilter(std::string_view name);
const Builtin* FindFunction(std::string_view name);
// `value.name(…)`: the value is the input. As in Pebble, `x.empty()` finds isEmpty.
const Builtin* FindMethod(std::string_view name);
// `value.name` where the value has no such key: a method without arguments that values of this kind have.
const Builtin* FindProperty(const Value& value, JavaType type, std::string_view name);
// Whether FindProperty knows the name for some value.
bool IsProperty(std::string_view name);

}  // namespace headrace::expr
