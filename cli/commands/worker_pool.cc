#include <CLI/CLI.hpp>

#include <algorithm>
#include <memory>
#include <ostream>

#include "cli/client/exec_client.h"
#include "cli/commands/remote.h"
#include "cli/exit_code.h"
#include "cli/output/table.h"

namespace headrace::cli {
namespace {

ExecClient ClientOf(const Context& context) {
  return ExecClient(ConnectTo(context));
}

std::string TagsText(const v1::Worker& worker) {
  std::vector<std::string> texts;
  for (const auto& [key, value] : worker.tags()) texts.push_back(key + "=" + value);
  std::sort(texts.begin(), texts.end());
  std::string out;
  for (const std::string& text : texts) out += (out.empty() ? "" : " ") + text;
  return out;
}

Object ObjectOf(const v1::Worker& worker) {
  Object tags;
  for (const auto& [key, value] : worker.tags()) tags[key] = value;
  const double since = static_cast<double>(worker.since_heartbeat().seconds()) +
                       static_cast<double>(worker.since_heartbeat().nanos()) / 1e9;
  return Object{{"id", worker.id()}, {"group", worker.group()}, {"host", worker.host()}, {"pid", worker.pid()},
                {"build", worker.build()}, {"capacity", worker.capacity()}, {"running", worker.running()},
                {"draining", worker.draining()}, {"secondsSinceHeartbeat", since}, {"tags", std::move(tags)}};
}

int ListWorkers(Context& context) {
  const Result<std::vector<v1::Worker>> workers = ClientOf(context).ListWorkers();
  if (!workers) return PrintError(context, workers.error());
  Listing listing{{{"ID"}, {"GROUP"}, {"HOST"}, {"BUSY"}, {"SLOTS"}, {"STATE"}, {"HEARD"}, {"PID", true}, {"BUILD", true},
                   {"TAGS", true}}};
  for (const v1::Worker& worker : *workers) {
    const Cell state = worker.draining() ? Cell{"draining", Tint::kYellow} : Cell{"ready", Tint::kGreen};
    listing.rows.push_back({worker.id(),
                            {{worker.id()}, {worker.group()}, {worker.host()}, {std::to_string(worker.running())},
                             {std::to_string(worker.capacity())}, state,
                             {LeftText(std::chrono::seconds(worker.since_heartbeat().seconds())) + " ago"},
                             {std::to_string(worker.pid())}, {worker.build()}, {TagsText(worker)}},
                            ObjectOf(worker)});
  }
  PrintListing(context, listing);
  if (workers->empty()) PrintTip(context, "no worker is connected: tasks wait; start one: " + context.program + " worker");
  return kExitOk;
}

int DrainWorker(Context& context, const std::string& id) {
  if (const Status drained = ClientOf(context).DrainWorker(id); !drained) return PrintError(context, drained.error());
  if (!context.quiet) context.err << "worker " << id << " gets no new tasks and ends when it is idle\n";
  return kExitOk;
}

}  // namespace

void RegisterWorkerPool(CLI::App& app, Context& context) {
  CLI::App* pool = app.add_subcommand("worker-pool", "the workers that are connected")->require_subcommand(1);
  pool->fallthrough();
  CLI::App* list = pool->add_subcommand("list", "workers, their slots and what they do");
  list->callback([&context] { context.action = [&context] { return ListWorkers(context); }; });
  CLI::App* drain = pool->add_subcommand("drain", "no new tasks for a worker; it ends when idle");
  const auto id = std::make_shared<std::string>();
  drain->add_option("worker", *id, "the worker's id")->required();
  drain->callback([&context, id] { context.action = [&context, id] { return DrainWorker(context, *id); }; });
  for (CLI::App* verb : pool->get_subcommands({})) verb->fallthrough();
}

}  // namespace headrace::cli
