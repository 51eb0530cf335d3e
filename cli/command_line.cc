#include "cli/command_line.h"

#include <CLI/CLI.hpp>
#include <unistd.h>

#include <cstdlib>
#include <ostream>
#include <span>
#include <string_view>

#include "cli/commands/follow.h"
#include "cli/commands/local.h"
#include "cli/commands/remote.h"
#include "cli/context.h"
#include "cli/exit_code.h"
#include "cli/pem.h"
#include "cli/usage.h"
#include "cli/version.h"
#include "common/base/log.h"
#include "common/base/text.h"

namespace headrace::cli {
namespace {

bool IsSet(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr && *value != 0;
}

// no-color.org and bixense.com/clicolors.
Screen ScreenOf(int fd, const std::string& choice) {
  Screen screen{.is_terminal = isatty(fd) == 1};
  const char* term = std::getenv("TERM");
  const bool dumb = term != nullptr && std::string_view(term) == "dumb";
  const char* forced = std::getenv("CLICOLOR_FORCE");
  if (choice == "always") screen.color = true;
  else if (choice == "never" || IsSet("NO_COLOR")) screen.color = false;
  else if (forced != nullptr && *forced != 0 && std::string_view(forced) != "0") screen.color = true;
  else screen.color = screen.is_terminal && !dumb;
  return screen;
}

void AddGlobalOptions(CLI::App& app, Context& context, std::string& color) {
  app.add_option("--server", context.server, "address of the server's API")->envname("HEADRACE_SERVER")->capture_default_str();
  app.add_option("--tls-ca", context.trust.ca, "PEM file of who signed the certificate of a server with TLS, or system for those that this machine trusts")
      ->envname("HEADRACE_TLS_CA");
  app.add_option("--tls-cert", context.trust.certificate, "PEM file of this client's certificate, where the server asks for one")
      ->envname("HEADRACE_TLS_CERT");
  app.add_option("--tls-key", context.trust.key, "PEM file of its key")->envname("HEADRACE_TLS_KEY");
  app.add_option("-o,--output", context.output, "table, wide, json, jsonl, yaml, name or csv")
      ->envname("HEADRACE_OUTPUT")
      ->check(CLI::IsMember({"table", "wide", "json", "jsonl", "yaml", "name", "csv"}))
      ->capture_default_str();
  app.add_option("--color", color, "auto, always or never")->check(CLI::IsMember({"auto", "always", "never"}))->capture_default_str();
  app.add_flag("--ascii", context.ascii, "no signs beyond ASCII")->envname("HEADRACE_ASCII");
  app.add_flag("-q,--quiet", context.quiet, "only what was asked for, and errors");
  app.add_option("--log-level", context.log_level, "of headrace's own log: trace, debug, info, warn, error, off")
      ->envname("HEADRACE_LOG_LEVEL")
      ->check(CLI::IsMember({"trace", "debug", "info", "warn", "error", "off"}))
      ->capture_default_str();
  app.add_option("--log-format", context.log_format, "text or json")
      ->envname("HEADRACE_LOG_FORMAT")
      ->check(CLI::IsMember({"text", "json"}))
      ->capture_default_str();
}

void RegisterAll(CLI::App& app, Context& context) {
  RegisterRun(app, context);
  RegisterFlow(app, context);
  RegisterExec(app, context, FollowExecution);
  RegisterTrigger(app, context);
  RegisterWorkerPool(app, context);
  RegisterCluster(app, context);
  RegisterExpr(app, context);
  RegisterGh(app, context);
  RegisterKeys(app, context);
  RegisterDoctor(app, context);
  RegisterInspect(app, context);
  RegisterBackup(app, context);
  RegisterAbout(app, context);
}

// From names of files to what is in them. The token is none of the command line's: others could read it there.
Status ReadTrust(ServerTrust& trust) {
  if (trust.ca.empty() && (!trust.certificate.empty() || !trust.key.empty())) return InvalidArgument("--tls-cert and --tls-key need --tls-ca");
  if (trust.certificate.empty() != trust.key.empty()) return InvalidArgument("--tls-cert and --tls-key belong together");
  if (trust.ca.empty()) return {};
  if (trust.ca != "system") {
    ASSIGN_OR_RETURN(trust.ca, ReadPem(trust.ca, "--tls-ca"));
  }
  if (!trust.key.empty()) {
    ASSIGN_OR_RETURN(trust.certificate, ReadPem(trust.certificate, "--tls-cert"));
    ASSIGN_OR_RETURN(trust.key, ReadPem(trust.key, "--tls-key"));
  }
  if (const char* token = std::getenv("HEADRACE_TOKEN")) trust.token = std::string(Trim(token));
  if (trust.token.find_first_of("\r\n") != std::string::npos) return InvalidArgument("HEADRACE_TOKEN has a line break in it");
  return {};
}

// "help exec start" as "exec start --help".
int ExplainVerb(const CLI::App& app, std::span<char* const> words, std::ostream& out, std::ostream& err) {
  std::string problem;
  if (const CLI::App* verb = FindVerb(app, words, problem); verb != nullptr) {
    out << verb->help();
    return kExitOk;
  }
  err << "error: " << problem << "\nusage: " << app.get_name() << " help [COMMAND]\n";
  return kExitUsage;
}

}  // namespace

int RunCommandLine(int argc, char** argv, std::istream& in, std::ostream& out, std::ostream& err) {
  Context context{.in = in, .out = out, .err = err};
  if (argc > 0) context.program = argv[0];
  std::string color = "auto";
  CLI::App app("Runs flows: release orchestration with Kestra's YAML.", "headrace");
  app.fallthrough();
  app.require_subcommand(1);
  app.get_formatter()->column_width(34);
  AddGlobalOptions(app, context, color);
  app.set_version_flag("--version", kVersion);
  RegisterAll(app, context);
  if (argc > 1 && std::string_view(argv[1]) == "help") return ExplainVerb(app, std::span(argv + 2, argv + argc), out, err);
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    out << Reached(app).help();
    return kExitOk;
  } catch (const CLI::CallForVersion&) {
    out << "headrace " << kVersion << "\n";
    return kExitOk;
  } catch (const CLI::CallForAllHelp&) {
    out << app.help("", CLI::AppFormatMode::All);
    return kExitOk;
  } catch (const CLI::ParseError& error) {
    err << "error: " << UsageText(app, error, argc, argv) << "\n";
    const CLI::App& reached = Reached(app);
    std::string path;
    for (const CLI::App* at = &reached; at != nullptr; at = at->get_parent()) path = at->get_name() + (path.empty() ? "" : " ") + path;
    err << "usage: " << path << " --help\n";
    return kExitUsage;
  }
  context.server_given = app.get_option("--server")->count() > 0;
  context.out_screen = ScreenOf(STDOUT_FILENO, color);
  context.err_screen = ScreenOf(STDERR_FILENO, color);
  InitLog(context.log_level, context.log_format);
  if (const Status trust = ReadTrust(context.trust); !trust) {
    err << "error: " << trust.error().message << '\n';
    return kExitUsage;
  }
  const int code = context.action ? context.action() : kExitUsage;
  out.flush();
  if (!out) {
    err << "error: standard output could not be written\n";
    return code == kExitOk ? kExitError : code;
  }
  return code;
}

}  // namespace headrace::cli
