// headrace backup and restore: a data folder as one file, and back.
#include <CLI/CLI.hpp>

#include <chrono>
#include <memory>
#include <ostream>

#include "cli/commands/local.h"
#include "cli/commands/serve.h"
#include "cli/exit_code.h"
#include "cli/host/backup.h"
#include "cli/output/json.h"

namespace headrace::cli {
namespace {

std::string SizeText(std::uint64_t bytes) {
  if (bytes < 10'240) return std::to_string(bytes) + " bytes";
  if (bytes < 10'485'760) return std::to_string(bytes >> 10U) + " KiB";
  return std::to_string(bytes >> 20U) + " MiB";
}

// A line when a step begins, and one a second while it lasts.
class Progress {
 public:
  Progress(Context& context, std::string verb) : context_(context), verb_(std::move(verb)) {}

  void Tell(const std::string& step, std::uint64_t done, std::uint64_t all) {
    if (context_.quiet) return;
    const auto now = std::chrono::steady_clock::now();
    const std::string name = step.substr(0, step.find(','));
    if (name == step_ && now - told_ < std::chrono::seconds(1)) return;
    step_ = name;
    told_ = now;
    context_.err << verb_ << ": " << step << ", " << SizeText(done) << (all == 0 ? "" : " of " + SizeText(all)) << std::endl;
  }

 private:
  Context& context_;
  const std::string verb_;
  std::string step_;
  std::chrono::steady_clock::time_point told_{};
};

Object Describe(const std::string& place, const std::string& name, const BackupFacts& facts) {
  return {{place, name}, {"made", facts.made}, {"version", facts.version}, {"storeBytes", facts.store_bytes}, {"files", facts.files}, {"fileBytes", facts.file_bytes}};
}

std::string Contents(const BackupFacts& facts) {
  return "a store of " + SizeText(facts.store_bytes) + " and " + std::to_string(facts.files) + " files of " + SizeText(facts.file_bytes);
}

int Backup(Context& context, const BackupOrder& order) {
  Progress progress(context, "backup");
  const auto facts = MakeBackup(order, [&](const auto& step, auto done, auto all) { progress.Tell(step, done, all); });
  if (!facts) return Exit(context, Fail(facts.error()));
  if (WantsData(context)) PrintValue(context, Describe("file", order.file, *facts));
  else context.out << order.file << ": " << Contents(*facts) << '\n';
  PrintTip(context, "it holds inputs and outputs of executions: keep it as safe as the data folder. Back: headrace restore " + order.file + " --data NEWFOLDER");
  return kExitOk;
}

int Restore(Context& context, const std::string& file, const std::string& data) {
  Progress progress(context, "restore");
  const auto facts = RestoreBackup(file, data, [&](const auto& step, auto done, auto all) { progress.Tell(step, done, all); });
  if (!facts) return Exit(context, Fail(facts.error()));
  if (WantsData(context)) PrintValue(context, Describe("data", data, *facts));
  else context.out << data << ": " << Contents(*facts) << ", of " << facts->made << '\n';
  return kExitOk;
}

}  // namespace

void RegisterBackup(CLI::App& app, Context& context) {
  const auto order = std::make_shared<BackupOrder>();
  order->data = "headrace-data";
  CLI::App* backup = app.add_subcommand("backup", "copy a data folder into one file, also while headrace runs on it");
  backup->add_option("FILE", order->file, "is made: a tar file with checksums, readable for its owner alone")->required();
  backup->add_option("--data", order->data, "folder of headrace.db")->envname("HEADRACE_DATA")->capture_default_str();
  backup->add_option("--storage", order->storage, "folder of task files, keys and namespace files; DATA/storage otherwise")->envname("HEADRACE_STORAGE_DIR");
  backup->callback([&context, order] { context.action = [&context, order] { return Backup(context, *order); }; });

  const auto file = std::make_shared<std::string>();
  const auto data = std::make_shared<std::string>();
  CLI::App* restore = app.add_subcommand("restore", "make a data folder of what headrace backup wrote: all of it or nothing");
  restore->add_option("FILE", *file, "as headrace backup made it")->required();
  restore->add_option("--data", *data, "a new or empty folder; files come to its storage/")->envname("HEADRACE_DATA")->required();
  restore->callback([&context, file, data] { context.action = [&context, file, data] { return Restore(context, *file, *data); }; });
  for (CLI::App* verb : {backup, restore}) verb->fallthrough();
}

}  // namespace headrace::cli
