// What expressions may ask of the place where they are evaluated: time, secrets, storage, HTTP.
// Threads: everything in it may be used from any thread; all of it outlives its users.
#pragma once

#include "common/base/clock.h"
#include "worker/files/storage.h"
#include "worker/options.h"
#include "worker/secrets.h"

namespace headrace::worker {

class EngineDoor;

struct World {
  const WorkerOptions& options;
  const Clock& clock;
  const SecretStore& secrets;
  const Storage& storage;
  EngineDoor* engine = nullptr;  // engine_door.h; null: this process was not told where the engine is
};

}  // namespace headrace::worker
