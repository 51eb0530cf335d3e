// headrace doctor: what this machine lacks for headrace, and how to get it.
#include <CLI/CLI.hpp>

#include <ostream>

#include "cli/commands/local.h"
#include "cli/exit_code.h"
#include "cli/host/machine.h"
#include "cli/host/worker_host.h"
#include "cli/output/json.h"
#include "cli/watch/text.h"

namespace headrace::cli {
namespace {

using Verdict = Finding::Verdict;

std::string_view VerdictName(Verdict verdict) {
  return verdict == Verdict::kGood ? "ok" : verdict == Verdict::kDoubtful ? "warning" : "missing";
}

void PrintFindings(const Context& context, const std::vector<Finding>& findings) {
  for (const Finding& finding : findings) {
    const bool good = finding.verdict == Verdict::kGood;
    const Tint tint = good ? Tint::kGreen : finding.verdict == Verdict::kDoubtful ? Tint::kYellow : Tint::kRed;
    const std::string_view sign = context.ascii ? (good ? "+" : finding.verdict == Verdict::kDoubtful ? "!" : "x")
                                                : (good ? "✔" : finding.verdict == Verdict::kDoubtful ? "⚠" : "✖");
    std::string name = finding.name;
    name.resize(std::max<std::size_t>(name.size(), 15), ' ');
    context.out << Tinted(tint, sign, context.out_screen.color) << " " << name << " " << Printable(finding.detail) << "\n";
    if (!finding.remedy.empty()) context.out << "  " << std::string(15, ' ') << " -> " << finding.remedy << "\n";
  }
}

int Examine(const Context& context) {
  const std::vector<Finding> findings = ExamineMachine(WorkerDefaults("").tmp_dir, {8080, 8081, 8082, 5570});
  bool bad = false;
  Array list;
  for (const Finding& finding : findings) {
    bad = bad || finding.verdict == Verdict::kBad;
    list.push_back(Object{{"name", finding.name}, {"verdict", VerdictName(finding.verdict)}, {"detail", finding.detail},
                          {"remedy", finding.remedy}});
  }
  if (WantsData(context)) PrintValue(context, list);
  else PrintFindings(context, findings);
  return bad ? kExitError : kExitOk;
}

}  // namespace

void RegisterDoctor(CLI::App& app, Context& context) {
  app.add_subcommand("doctor", "what this machine lacks, and how to get it")->callback([&context] {
    context.action = [&context] { return Examine(context); };
  });
}

}  // namespace headrace::cli
