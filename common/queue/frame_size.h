// The one limit that both kinds of queue keep alike.
// Threads: pure.
#pragma once

#include <cstddef>

#include "common/base/error.h"

namespace headrace::queue {

// INVALID_ARGUMENT above kFrameBytesMax.
Status CheckFrameSize(std::size_t bytes);

}  // namespace headrace::queue
