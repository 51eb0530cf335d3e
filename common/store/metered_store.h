// A store that tells of every operation how long it took and how it ended; all else is the store's inside.
// Shapes: operations are acquire, commit, load, read, list, count and find_request.
// Threads: as the store's; `told` is called where an operation ends, and must not wait.
#pragma once

#include <functional>
#include <memory>

#include "common/store/store.h"

namespace headrace::store {

using StoreTold = std::function<void(const char* operation, Duration took, const Status& status)>;

std::unique_ptr<Store> MakeMeteredStore(std::unique_ptr<Store> inner, StoreTold told);

}  // namespace headrace::store
