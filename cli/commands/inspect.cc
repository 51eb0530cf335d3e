// headrace inspect: what lies in a store, without the help of who drives it.
#include <CLI/CLI.hpp>

#include <filesystem>
#include <memory>
#include <numeric>
#include <ostream>

#include "cli/commands/local.h"
#include "cli/commands/serve.h"
#include "cli/exit_code.h"
#include "cli/host/inspection.h"
#include "cli/output/json.h"
#include "cli/output/lines.h"
#include "cli/output/table.h"
#include "common/base/clock.h"

namespace headrace::cli {
namespace {

constexpr std::size_t kActiveShown = 20;
constexpr std::size_t kLinesShown = 100;

struct InspectArguments {
  std::string data{};
  std::string store{};
  std::optional<store::PartitionId> partition{};
  std::string execution{};
  bool all_task_runs = false;
};

Result<std::unique_ptr<store::StoreLook>> OpenLook(const InspectArguments& arguments) {
  if (!arguments.store.empty()) return store::LookAtRedis({.url = arguments.store});
  return store::LookAtSqlite((std::filesystem::path(arguments.data) / "headrace.db").string());
}

std::string LeaseText(const PartitionReport& report) {
  if (!report.leased) return report.holder.owner.empty() ? "nobody" : report.holder.owner;
  if (report.holder.owner.empty()) return "nobody ever";
  const auto left = report.holder.left / std::chrono::milliseconds(100);
  return report.holder.owner + (left == 0 ? ", lease over" : ", lease " + std::to_string(left / 10) + "." + std::to_string(left % 10) + " s left");
}

// "12 (RUNNING 2, SUCCESS 10)"
std::string Counts(const std::map<std::string, std::uint64_t>& counts) {
  std::uint64_t all = 0;
  std::string parts;
  for (const auto& [name, count] : counts) {
    all += count;
    parts += (parts.empty() ? "" : ", ") + name + " " + std::to_string(count);
  }
  return std::to_string(all) + (parts.empty() ? "" : " (" + parts + ")");
}

template <typename List, typename Line>
void PrintMost(std::ostream& out, const List& list, Line line) {
  for (std::size_t i = 0; i < std::min(list.size(), kLinesShown); ++i) out << "    " << Printable(line(list[i])) << '\n';
  if (list.size() > kLinesShown) out << "    and " << list.size() - kLinesShown << " more (-o json has all)\n";
}

void PrintPartition(const Context& context, const PartitionReport& report, Timestamp now) {
  std::ostream& out = context.out;
  out << "partition " << report.holder.partition << '\n';
  out << "  holder      " << Printable(LeaseText(report)) << ", epoch " << report.holder.epoch << '\n';
  out << "  executions  " << Counts(report.states) << '\n';
  out << "  active      " << report.active.size() << '\n';
  for (std::size_t i = 0; i < std::min(report.active.size(), kActiveShown); ++i) out << "    " << Printable(report.active[i]) << '\n';
  if (report.active.size() > kActiveShown) out << "    and " << report.active.size() - kActiveShown << " more (-o json has all)\n";
  out << "  timers      " << report.timers << ", " << report.timers_due << " due";
  if (report.next_timer) out << ", the first " << FormatInstant(*report.next_timer);
  out << "\n  outbox      " << report.outbox.size() << '\n';
  PrintMost(out, report.outbox, [now](const OwedReport& owed) {
    return std::to_string(owed.number) + " " + owed.kind + " from " + owed.from + (owed.to.empty() ? "" : " to " + owed.to) + (owed.since ? ", for about " + AgeText(*owed.since, now) : "");
  });
  out << "  notes       " << Counts(report.notes) << '\n';
  out << "  damaged     " << report.damaged.size() << '\n';
  PrintMost(out, report.damaged, [](const std::string& text) { return text; });
}

Listing::Row RowOf(const PartitionReport& report, Timestamp now) {
  std::string oldest;
  std::optional<Timestamp> since;
  for (const OwedReport& owed : report.outbox) {
    if (owed.since && (!since || *owed.since < *since)) since = owed.since;
  }
  if (since) oldest = AgeText(*since, now);
  const std::uint64_t notes = std::accumulate(report.notes.begin(), report.notes.end(), std::uint64_t{0}, [](std::uint64_t sum, const auto& one) { return sum + one.second; });
  const auto number = [](std::uint64_t value) { return Cell{std::to_string(value)}; };
  return {.name = std::to_string(report.holder.partition),
          .cells = {number(report.holder.partition), {LeaseText(report)}, number(report.holder.epoch), number(report.executions), number(report.active.size()),
                    number(report.timers_due), number(report.outbox.size()), {oldest}, number(notes),
                    {std::to_string(report.damaged.size()), report.damaged.empty() ? Tint::kNone : Tint::kRed}},
          .object = Describe(report, now)};
}

// Damage is what a script asks for.
int Verdict(const std::vector<PartitionReport>& reports) {
  const bool damaged = std::any_of(reports.begin(), reports.end(), [](const PartitionReport& one) { return !one.damaged.empty(); });
  return damaged ? kExitError : kExitOk;
}

Result<int> InspectAll(Context& context, store::StoreLook& look, const InspectArguments& arguments, Timestamp now) {
  ASSIGN_OR_RETURN(const std::vector<store::PartitionId> partitions, look.Partitions());
  std::vector<PartitionReport> reports;
  Listing listing{.columns = {{"PARTITION"}, {"HOLDER"}, {"EPOCH"}, {"EXECUTIONS"}, {"ACTIVE"}, {"DUE"}, {"OUTBOX"}, {"OLDEST"}, {"NOTES"}, {"DAMAGED"}}};
  for (const store::PartitionId partition : partitions) {
    ASSIGN_OR_RETURN(PartitionReport report, InspectPartition(look, partition, arguments.all_task_runs, now));
    listing.rows.push_back(RowOf(report, now));
    reports.push_back(std::move(report));
  }
  PrintListing(context, listing);
  return Verdict(reports);
}

Result<int> InspectOne(Context& context, store::StoreLook& look, const InspectArguments& arguments, Timestamp now) {
  ASSIGN_OR_RETURN(const std::vector<store::PartitionId> partitions, look.Partitions());
  if (std::find(partitions.begin(), partitions.end(), *arguments.partition) == partitions.end()) {
    return NotFound("nobody ever had partition " + std::to_string(*arguments.partition) + ": leave --partition out to see those that are there");
  }
  ASSIGN_OR_RETURN(const PartitionReport report, InspectPartition(look, *arguments.partition, arguments.all_task_runs, now));
  if (WantsData(context)) PrintValue(context, Describe(report, now));
  else PrintPartition(context, report, now);
  return Verdict({report});
}

Result<int> Inspect(Context& context, const InspectArguments& arguments) {
  ASSIGN_OR_RETURN(const std::unique_ptr<store::StoreLook> look, OpenLook(arguments));
  const Timestamp now = SystemClock().Now();
  if (!arguments.execution.empty()) {
    ASSIGN_OR_RETURN(const Object found, InspectExecution(*look, ExecutionId(arguments.execution)));
    if (WantsData(context)) PrintValue(context, found);
    else PrintLines(context.out, "", "", PrettyJson(found));
    return found.at("damaged").as_array().empty() ? kExitOk : kExitError;
  }
  return arguments.partition ? InspectOne(context, *look, arguments, now) : InspectAll(context, *look, arguments, now);
}

}  // namespace

void RegisterInspect(CLI::App& app, Context& context) {
  const auto args = std::make_shared<InspectArguments>();
  CLI::App* inspect = app.add_subcommand("inspect", "what lies in a store, also beside those who use it; changes nothing");
  inspect->fallthrough();
  auto* data = inspect->add_option("--data", args->data, "folder of headrace.db")->envname("HEADRACE_DATA");
  inspect->add_option("--store,--redis", args->store, "redis://…, as schedulers have it")->envname("HEADRACE_STORE")->excludes(data);
  auto* partition = inspect->add_option("--partition", args->partition, "this one in full; without it a line each")->check(CLI::Range(0, 255));
  inspect->add_option("--execution", args->execution, "the record of this one: task runs, attempts, fences, timers; values are masked")->excludes(partition);
  inspect->add_flag("--all-task-runs", args->all_task_runs, "read the task runs of what has ended, too: finds every damaged record");
  inspect->callback([&context, args] {
    if (args->data.empty() && args->store.empty()) throw CLI::RequiredError("--data FOLDER or --store URL: the store to look at. One of them");
    context.action = [&context, args] { return Exit(context, Inspect(context, *args)); };
  });
}

}  // namespace headrace::cli
