#include "cli/commands/serve.h"

#include <CLI/CLI.hpp>

#include <ostream>

#include "cli/exit_code.h"
#include "cli/output/json.h"

namespace headrace::cli {

void Ready(Context& context, const std::string& text) { context.err << "headrace " << text << std::endl; }

int Exit(Context& context, const Result<int>& code) {
  if (code) return *code;
  PrintError(context, code.error());
  return LocalExitCodeOf(code.error());
}

Status EndWorker(Context& context, WorkerHost& worker, Signals& signals) {
  Ready(context, "worker drains: it takes nothing new and ends when its tasks have; another signal ends them now");
  worker.Drain();
  if (signals.WaitForEnd({worker.fd()})) worker.Abort();
  return worker.Wait();
}

void AddTraces(CLI::App& app, std::string& endpoint) {
  app.add_option("--otlp-endpoint", endpoint,
                 "OpenTelemetry collector that is told the traces of executions, such as http://localhost:4318; OTEL_* variables count, too");
}

void AddSlots(CLI::App& app, int& slots) {
  app.add_option("--slots", slots, "tasks at once")->envname("HEADRACE_SLOTS")->check(CLI::Range(1, 1024))->capture_default_str();
}

void AddConnections(CLI::App& app, std::string& connections) {
  app.add_option("--connections", connections, "YAML of connections that tasks name: GitHub's endpoints, logins and budgets")->envname("HEADRACE_CONNECTIONS");
}

}  // namespace headrace::cli
