// What becomes of a cell whose run has ended: green, red, or run again.
// Errors: the client's. Threads: the task's. Source: GITHUB 5(e), 5(f).
#pragma once

#include <optional>
#include <string>

#include "worker/github/look.h"
#include "worker/github/matrix.h"
#include "worker/github/rerun.h"

namespace headrace::worker::github {

struct CellEnd {
  bool written = false;        // a re-run was asked for
  std::optional<Timestamp> due{};  // it waits until then before it is run again
};
// The cell's state, or the attempt it waits for now. REQUIRES: the run has ended. `may_write`: it may be run again in this look.
Result<CellEnd> EndCell(Look& look, const Repository& repository, const RerunPolicy& policy, const RunSnapshot& run, bool may_write, Cell& cell);
// "GitHub answered 404" and the like, of a request for the cell: MISSING, NOT_DISPATCHABLE or INFRA, with the reason.
void Refuse(Cell& cell, const std::string& why);

}  // namespace headrace::worker::github
