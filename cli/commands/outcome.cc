#include "cli/commands/outcome.h"

#include <ostream>

#include "api/execution_json.h"
#include "cli/output/json.h"
#include "cli/watch/summary.h"
#include "cli/watch/watch.h"

namespace headrace::cli {

void PrintOutcome(const Context& context, const WatchModel& model, Timestamp now) {
  const std::optional<v1::Execution> whole = model.WholeRoot();
  if (!whole) return;
  if (WantsData(context)) {
    PrintValue(context, api::ExecutionObject(*whole));
    return;
  }
  if (context.output == "name") {
    context.out << whole->id() << "\n";
    return;
  }
  if (context.quiet) return;
  for (const std::string& line : RenderSummary(model, now, StyleOf(context, context.out_screen))) {
    context.out << line << "\n";
  }
}

}  // namespace headrace::cli
