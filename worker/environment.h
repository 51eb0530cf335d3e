// What an expression of a task may ask of the worker: the time, chance, secrets, keys, stored files, HTTP.
// Shapes: every secret that is handed out is registered with the task's masker first.
// Errors: as the function's: "Cannot find secret for key 'k'."
// Threads: one owner, the thread that runs the task.
#pragma once

#include <string>

#include "common/expr/environment.h"
#include "worker/masker.h"
#include "worker/world.h"

namespace headrace::worker {

class CancelToken;
class TaskFiles;
struct StartOrder;

class WorkerEnvironment final : public expr::Environment {
 public:
  // All outlive it.
  WorkerEnvironment(const World& world, const StartOrder& order, std::uint64_t seed, const TaskFiles& files,
                    CancelToken& cancel, Masker& masker)
      : world_(world), order_(order), random_(seed), files_(files), cancel_(cancel), masker_(masker) {}

  Timestamp Now() const override;
  Random& random() override { return random_; }
  std::string_view time_zone() const override;
  Result<Value> Call(std::string_view function, const Array& positional, const Object& named,
                     const Value& context) override;

 private:
  struct Arguments;
  Result<Value> Secret(const Arguments& arguments);
  Result<Value> Key(const Arguments& arguments);
  Result<Value> File(std::string_view function, const Arguments& arguments, const Value& context);
  Result<Value> FileUri(const Arguments& arguments);
  Result<Value> Http(const Arguments& arguments);

  const World& world_;
  const StartOrder& order_;
  Random random_;
  const TaskFiles& files_;
  CancelToken& cancel_;
  Masker& masker_;
};

}  // namespace headrace::worker
