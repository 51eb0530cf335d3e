// headrace keys: who is who on the worker queue.
#include <CLI/CLI.hpp>

#include <memory>
#include <ostream>

#include "cli/commands/local.h"
#include "cli/exit_code.h"
#include "cli/output/json.h"
#include "common/queue/curve_keys.h"

namespace headrace::cli {
namespace {

int Show(Context& context, const std::string& public_key) {
  if (WantsData(context)) PrintValue(context, Object{{"publicKey", public_key}});
  else context.out << public_key << '\n';
  return kExitOk;
}

int MakeKey(Context& context, const std::string& file) {
  const auto pair = queue::MakeKeyPair();
  if (!pair) return PrintError(context, pair.error());
  if (const Status written = queue::WriteKeyFile(file, *pair); !written) return PrintError(context, written.error());
  PrintTip(context, "the secret key is in " + file + ", for its owner alone; of a worker, add the line \"" + pair->public_key +
                        " NAME\" to the scheduler's --queue-authorized file; of a scheduler, give it to workers as --scheduler-key");
  return Show(context, pair->public_key);
}

int ShowKey(Context& context, const std::string& file) {
  const auto key = queue::ReadPublicKey(file);
  return key ? Show(context, *key) : PrintError(context, key.error());
}

}  // namespace

void RegisterKeys(CLI::App& app, Context& context) {
  CLI::App* keys = app.add_subcommand("keys", "keys of schedulers and workers, for queues that others can reach")->require_subcommand(1);
  keys->fallthrough();
  const auto file = std::make_shared<std::string>();
  CLI::App* make = keys->add_subcommand("new", "make a key in a new file and print its public part");
  make->add_option("FILE", *file, "is made, readable for its owner alone")->required();
  make->callback([&context, file] { context.action = [&context, file] { return MakeKey(context, *file); }; });
  CLI::App* show = keys->add_subcommand("show", "print the public part of a key file");
  show->add_option("FILE", *file, "as headrace keys new made it")->required();
  show->callback([&context, file] { context.action = [&context, file] { return ShowKey(context, *file); }; });
  for (CLI::App* verb : {make, show}) verb->fallthrough();
}

}  // namespace headrace::cli
