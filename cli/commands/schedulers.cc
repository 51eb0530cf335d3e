#include <CLI/CLI.hpp>

#include "cli/client/system_client.h"
#include "cli/commands/remote.h"
#include "cli/exit_code.h"
#include "cli/output/table.h"

namespace headrace::cli {
namespace {

Object ObjectOf(const v1::Scheduler& scheduler) {
  return Object{{"id", scheduler.id()}, {"api", scheduler.api_address()}, {"workers", scheduler.worker_endpoint()},
                {"build", scheduler.build()}, {"partitions", scheduler.partitions()}, {"self", scheduler.self()}};
}

int ListSchedulers(Context& context) {
  const auto schedulers = SystemClient(ConnectTo(context)).ListSchedulers();
  if (!schedulers) return PrintError(context, schedulers.error());
  Listing listing{{{"ID"}, {"API"}, {"WORKERS"}, {"PARTITIONS"}, {"BUILD", true}, {"ANSWERS", true}}};
  for (const v1::Scheduler& scheduler : *schedulers) {
    listing.rows.push_back({scheduler.id(),
                            {{scheduler.id()}, {scheduler.api_address()}, {scheduler.worker_endpoint()}, {std::to_string(scheduler.partitions())},
                             {scheduler.build()}, {scheduler.self() ? "this one" : ""}},
                            ObjectOf(scheduler)});
  }
  PrintListing(context, listing);
  return kExitOk;
}

}  // namespace

void RegisterSchedulerList(CLI::App& scheduler, Context& context) {
  CLI::App* list = scheduler.add_subcommand("list", "the schedulers of a server's cluster, and how many partitions each drives");
  list->fallthrough();
  list->callback([&context] { context.action = [&context] { return ListSchedulers(context); }; });
}

}  // namespace headrace::cli
