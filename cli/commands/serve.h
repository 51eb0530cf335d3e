// What the verbs share that serve until they are told to stop.
// Threads: main's.
#pragma once

#include <string>

#include "cli/context.h"
#include "cli/host/worker_host.h"
#include "cli/signals.h"

namespace CLI {
class App;
}

namespace headrace::cli {

// "headrace TEXT", for people and for who waits for it.
void Ready(Context& context, const std::string& text);
// Prints the error, if it is one; the exit code.
int Exit(Context& context, const Result<int>& code);
// Drains; a second signal ends what runs.
Status EndWorker(Context& context, WorkerHost& worker, Signals& signals);

void AddTraces(CLI::App& app, std::string& endpoint);
void AddSlots(CLI::App& app, int& slots);
void AddConnections(CLI::App& app, std::string& connections);

}  // namespace headrace::cli
