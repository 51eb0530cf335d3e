// What an expression may ask of the outside: time, randomness, and the functions that need a world (secret, kv, read …).
// Shapes: `context` is the one object an expression sees; arguments are already evaluated.
// Errors: a function that is not available here is FAILED_PRECONDITION naming it.
// Threads: one owner per render.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/base/error.h"
#include "common/base/random.h"
#include "common/base/time.h"
#include "common/model/value.h"

namespace headrace::expr {

class Environment {
 public:
  virtual ~Environment() = default;
  // The time of the event, or the clock's.
  virtual Timestamp Now() const = 0;
  // For uuid(), randomInt() and their kin.
  virtual Random& random() = 0;
  // The zone of dates that name none: an IANA name.
  virtual std::string_view time_zone() const { return "UTC"; }
  // Calls a function the engine does not know by itself. Here: an error that the function is not available.
  virtual Result<Value> Call(std::string_view function, const Array& positional, const Object& named,
                             const Value& context);
  // Whether Call understands `name`. Here: whether it is one of EnvironmentFunctionNames().
  virtual bool KnowsFunction(std::string_view name) const;
};

// A function that templates may name and only an Environment can answer: secret, kv, read, http …
struct EnvironmentFunction {
  std::string_view name;
  std::vector<std::string> parameters;  // as positional arguments stand
  std::size_t required = 0;
};
const std::vector<EnvironmentFunction>& EnvironmentFunctions();
const EnvironmentFunction* FindEnvironmentFunction(std::string_view name);
const std::vector<std::string>& EnvironmentFunctionNames();

// Pure: a fixed time and a seeded generator, no outside functions. The executor renders with it.
class BasicEnvironment : public Environment {
 public:
  BasicEnvironment(Timestamp now, std::uint64_t seed, std::string time_zone = "UTC")
      : now_(now), random_(seed), time_zone_(std::move(time_zone)) {}
  Timestamp Now() const override { return now_; }
  Random& random() override { return random_; }
  std::string_view time_zone() const override { return time_zone_; }

 private:
  Timestamp now_;
  Random random_;
  std::string time_zone_;
};

}  // namespace headrace::expr
