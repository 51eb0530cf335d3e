// The commands that need no server: those that are one, and those that work alone.
// Laws: Register adds the verb; when it is chosen it leaves what to do in context.action (cli/context.h).
// Threads: main's.
#pragma once

#include "cli/context.h"

namespace CLI {
class App;
}

namespace headrace::cli {

void RegisterRun(CLI::App& app, Context& context);
// standalone, scheduler, worker
void RegisterCluster(CLI::App& app, Context& context);
void RegisterWorker(CLI::App& app, Context& context);
void RegisterExpr(CLI::App& app, Context& context);
// gh watch, flakes, budget
void RegisterGh(CLI::App& app, Context& context);
void RegisterGhServer(CLI::App& gh, Context& context);
// keys new, show
void RegisterKeys(CLI::App& app, Context& context);
void RegisterDoctor(CLI::App& app, Context& context);
void RegisterInspect(CLI::App& app, Context& context);
// backup, restore
void RegisterBackup(CLI::App& app, Context& context);
// completion, help, version
void RegisterAbout(CLI::App& app, Context& context);

}  // namespace headrace::cli
