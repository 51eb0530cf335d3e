// How much log an execution may keep.
// Shapes: a tally an execution; offsets count its rows from 1.
// Threads: one owner.
#pragma once

#include <cstdint>

#include "common/store/store.h"

namespace headrace::store {

struct LogTally {
  std::uint64_t rows = 0;   // also the offset of the last one
  std::uint64_t bytes = 0;  // of messages
  bool capped = false;
};

// Whether the row may be kept now; a kept row is counted and may have been cut or turned into the marker of the cap.
bool Admit(const LogLimits& limits, LogTally& tally, LogRow& row);

}  // namespace headrace::store
