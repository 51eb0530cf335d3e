// Log lines on their way to a store, in bounded memory.
// Shapes: what does not fit is dropped, and a line says how many were.
// Threads: guarded by its owner's mutex.
#pragma once

#include <deque>
#include <map>
#include <vector>

#include "common/store/store.h"

namespace headrace::store {

class LogBacklog {
 public:
  void Add(std::vector<LogRow> rows);
  // The oldest lines, at most `most`.
  std::vector<LogRow> Take(std::size_t most);
  bool empty() const { return rows_.empty() && dropped_.empty(); }
  // Counts lines: everything up to `added()` is in the file when `settled()` has reached it.
  std::uint64_t added() const { return added_; }
  std::uint64_t settled() const { return settled_; }
  void Settle(std::size_t rows) { settled_ += rows; }

 private:
  std::deque<LogRow> rows_;
  std::size_t bytes_ = 0;
  std::map<ExecutionId, std::uint64_t> dropped_;
  std::uint64_t added_ = 0;
  std::uint64_t settled_ = 0;
};

}  // namespace headrace::store
