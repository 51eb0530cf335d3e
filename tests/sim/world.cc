#include "tests/sim/world.h"

#include <cstdio>

namespace headrace::sim {

bool World::RunUntil(Duration end) {
  while (!plan_.empty() && plan_.begin()->first.first <= end) {
    auto next = plan_.extract(plan_.begin());
    now_ = next.key().first;
    ++steps_;
    next.mapped()();
  }
  now_ = std::max(now_, end);
  return !plan_.empty();
}

void World::Note(const std::string& line) {
  digest_ = StableHash(line, digest_ ^ static_cast<std::uint64_t>(now_.count()));
  if (trace_) std::fprintf(stderr, "%12.6f %s\n", static_cast<double>(now_.count()) / 1e6, line.c_str());
}

}  // namespace headrace::sim
