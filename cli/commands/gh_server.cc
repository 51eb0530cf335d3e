// headrace gh flakes, gh budget: what a server knows of GitHub.
#include <CLI/CLI.hpp>

#include <cstdio>
#include <memory>
#include <ostream>

#include "cli/client/remote_door.h"
#include "cli/commands/local.h"
#include "cli/exit_code.h"
#include "cli/output/table.h"
#include "common/base/clock.h"
#include "worker/github/budget_report.h"
#include "worker/github/flakes.h"

namespace headrace::cli {
namespace {

using worker::github::FlakyJob;

std::unique_ptr<worker::EngineDoor> DoorOf(const Context& context) {
  return MakeRemoteDoor(ConnectTo(context));
}

std::string PercentText(double share) {
  char text[16];
  std::snprintf(text, sizeof text, "%.1f %%", share * 100);
  return text;
}

int ShowFlakes(Context& context, const std::string& repository, const std::string& workflow, const std::string& window) {
  const auto query = worker::github::ParseFlakeQuery(repository, workflow, window);
  if (!query) return PrintError(context, Error(query.error()).Wrap("gh flakes"));
  const Timestamp now = SystemClock().Now();
  const auto jobs = worker::github::ReadFlakes(*DoorOf(context), *query, now);
  if (!jobs) return PrintError(context, jobs.error());
  Listing listing{{{"REPOSITORY"}, {"WORKFLOW"}, {"JOB"}, {"RUNS"}, {"FAILED"}, {"FLAKED"}, {"AT LEAST"}, {"LOST"}, {"LAST"}, {"CONNECTION", true}}};
  for (const FlakyJob& job : *jobs) {
    listing.rows.push_back({job.job,
                            {{job.repository}, {job.workflow}, {job.job}, {std::to_string(job.runs)}, {std::to_string(job.fails)},
                             {std::to_string(job.flakes), job.flakes > 0 ? Tint::kYellow : Tint::kNone}, {PercentText(job.rate)},
                             {TookText(std::chrono::milliseconds(job.lost_ms))}, {AgeText(job.last, now) + " ago"}, {job.connection}},
                            job.ToObject()});
  }
  PrintListing(context, listing);
  if (jobs->empty()) PrintTip(context, "no job failed in this time, in the runs that tasks of this server waited for");
  return kExitOk;
}

int ShowBudget(Context& context, const std::string& connection) {
  auto budget = worker::github::ReadBudget(*DoorOf(context), connection, SystemClock().Now());
  if (!budget) return PrintError(context, budget.error());
  if (WantsData(context)) {
    PrintValue(context, std::move(*budget));
    return kExitOk;
  }
  const auto text = [](const Value& of, std::string_view key) { return ToText(*Member(of, key)); };
  Listing listing{{{"RESOURCE"}, {"LIMIT"}, {"REMAINING"}, {"RESET"}}};
  for (const Value& one : budget->at("resources").get_array()) {
    listing.rows.push_back({text(one, "resource"), {{text(one, "resource")}, {text(one, "limit")}, {text(one, "remaining")}, {text(one, "reset")}}, one.get_object()});
  }
  PrintListing(context, listing);
  for (const Value& pause : budget->at("pauses").get_array()) {
    context.out << text(pause, "resource") << " pauses until " << text(pause, "until") << ": " << text(pause, "why") << '\n';
  }
  const Value& writes = budget->at("writes");
  context.out << "writes: " << text(writes, "lastMinute") << " in the last minute, " << text(writes, "lastHour") << " in the last hour";
  if (!Member(writes, "lastTurn")->is_null()) context.out << "; the last that waits goes at " << text(writes, "lastTurn");
  context.out << '\n';
  return kExitOk;
}

}  // namespace

void RegisterGhServer(CLI::App& gh, Context& context) {
  struct Flakes {
    std::string repository, workflow, window = "P30D";
  };
  CLI::App* flakes = gh.add_subcommand("flakes", "which jobs fail now and then, as a server has seen it: the surest flake first");
  const auto asked = std::make_shared<Flakes>();
  flakes->add_option("--repo", asked->repository, "OWNER/NAME only");
  flakes->add_option("--workflow", asked->workflow, "this workflow only, such as main.yml");
  flakes->add_option("--window", asked->window, "how far back, in whole days; at most P90D")->capture_default_str();
  flakes->footer("FLAKED: failed in one attempt of a run and succeeded in a later one. AT LEAST: the share of runs in which the job\n"
                 "flakes, as low as 95 % certainty allows. LOST: time of attempts that failed.");
  flakes->callback([&context, asked] {
    context.action = [&context, asked] { return ShowFlakes(context, asked->repository, asked->workflow, asked->window); };
  });
  CLI::App* budget = gh.add_subcommand("budget", "what is left of GitHub's quota, and who pauses, as a server's tasks have seen it");
  const auto connection = std::make_shared<std::string>();
  budget->add_option("CONNECTION", *connection, "a name of the connections file")->required();
  budget->callback([&context, connection] { context.action = [&context, connection] { return ShowBudget(context, *connection); }; });
  for (CLI::App* verb : {flakes, budget}) verb->fallthrough();
}

}  // namespace headrace::cli
