// headrace doctor: what this machine lacks for headrace, and how to get it.
#include <CLI/CLI.hpp>

#include <memory>
#include <ostream>

#include "cli/commands/local.h"
#include "cli/exit_code.h"
#include "cli/host/machine.h"
#include "cli/host/store_choice.h"
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

Finding OfRedis(const store::RedisFinding& from) {
  using Grade = store::RedisFinding::Grade;
  const Verdict verdict = from.grade == Grade::kGood ? Verdict::kGood : from.grade == Grade::kWarning ? Verdict::kDoubtful : Verdict::kBad;
  return {verdict, "redis", from.text, from.remedy};
}

std::vector<Finding> ExamineStore(const StoreFlags& flags) {
  const auto choice = ChooseStore(flags, "");
  if (!choice) return {{Verdict::kBad, "redis", choice.error().message}};
  const auto found = store::ExamineRedis(*choice->redis);
  if (!found) return {{Verdict::kBad, "redis", found.error().message}};
  std::vector<Finding> findings;
  for (const store::RedisFinding& finding : *found) findings.push_back(OfRedis(finding));
  return findings;
}

int Examine(const Context& context, const StoreFlags& flags) {
  std::vector<Finding> findings = ExamineMachine(WorkerDefaults("").tmp_dir, {8080, 8081, 8082, 5570});
  if (!flags.url.empty()) {
    for (Finding& finding : ExamineStore(flags)) findings.push_back(std::move(finding));
  }
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
  const auto flags = std::make_shared<StoreFlags>();
  CLI::App* doctor = app.add_subcommand("doctor", "what this machine lacks, and how to get it");
  doctor->add_option("--store", flags->url, "redis://…: whether this Redis is fit to be the store of schedulers")->envname("HEADRACE_STORE");
  doctor->add_option("--durability", flags->durability, "that the store is to have")->envname("HEADRACE_DURABILITY")
      ->check(CLI::IsMember({"memory", "local", "replica"}));
  doctor->add_option("--replicas", flags->replicas, "with --durability replica")->envname("HEADRACE_REPLICAS")->check(CLI::Range(1, 9));
  doctor->callback([&context, flags] { context.action = [&context, flags] { return Examine(context, *flags); }; });
}

}  // namespace headrace::cli
