// A batch as one call of the commit function.
// Shapes: the rows in the order in which the seam applies them; docs/redis.md has the words.
// Threads: pure.
#pragma once

#include <string>

#include "common/store/store.h"

namespace headrace::store {

// `number` counts the batches that `writer` has made in this epoch of the partition, from 1.
std::string PackCommit(const WriteBatch& batch, std::string_view writer, std::uint64_t number, Timestamp now);

}  // namespace headrace::store
