// What an expression of a task may ask of the worker: the time, chance, secrets and stored files.
// Shapes: every secret that is handed out is registered with the task's masker first.
// Errors: as the function's: "Cannot find secret for key 'k'."
// Threads: one owner, the thread that runs the task.
#pragma once

#include <string>

#include "common/base/clock.h"
#include "common/expr/environment.h"
#include "worker/masker.h"
#include "worker/secrets.h"

namespace headrace::worker {

class LocalStorage;

class WorkerEnvironment final : public expr::Environment {
 public:
  WorkerEnvironment(const Clock& clock, std::uint64_t seed, const SecretStore& secrets, const LocalStorage* storage,
                    Masker& masker)
      : clock_(clock), random_(seed), secrets_(secrets), storage_(storage), masker_(masker) {}

  Timestamp Now() const override { return clock_.Now(); }
  Random& random() override { return random_; }
  Result<Value> Call(std::string_view function, const Array& positional, const Object& named,
                     const Value& context) override;

 private:
  Result<Value> Secret(const Array& positional, const Object& named);
  Result<Value> File(std::string_view function, const Array& positional, const Object& named);

  const Clock& clock_;
  Random random_;
  const SecretStore& secrets_;
  const LocalStorage* storage_;
  Masker& masker_;
};

}  // namespace headrace::worker
