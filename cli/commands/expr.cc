// headrace expr: renders one expression without a server, for those who write flows.
// What a server would know comes from the environment (SECRET_*, HEADRACE_SECRET_*, ENV_*, TZ), the folder it is called in
// (files of a namespace) and the file of --vars (`kv`, `errorLogs` besides the context).
#include <unistd.h>

#include <CLI/CLI.hpp>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <fstream>
#include <istream>
#include <iterator>
#include <map>
#include <memory>
#include <ostream>

#include "cli/commands/local.h"
#include "cli/exit_code.h"
#include "cli/host/surroundings.h"
#include "cli/output/json.h"
#include "common/base/clock.h"
#include "common/expr/template.h"
#include "common/expr/zone.h"
#include "common/flow/yaml.h"
#include "worker/secrets.h"

namespace headrace::cli {
namespace {

constexpr std::uintmax_t kFileBytesMax = 1U << 20U;

std::map<std::string, std::string> ProcessEnvironment() {
  std::map<std::string, std::string> variables;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view line = *entry;
    const std::size_t equals = line.find('=');
    if (equals != std::string_view::npos) variables.emplace(line.substr(0, equals), line.substr(equals + 1));
  }
  return variables;
}

// Answers for a server, worker and storage that are not there.
class OfflineEnvironment final : public expr::Environment {
 public:
  explicit OfflineEnvironment(const std::map<std::string, std::string>& variables)
      : random_(Random::FromSystem().Next()), zone_(expr::MachineZoneName()), secrets_(variables) {}

  Timestamp Now() const override { return clock_.Now(); }
  Random& random() override { return random_; }
  std::string_view time_zone() const override { return zone_; }

  Result<Value> Call(std::string_view function, const Array& positional, const Object& named,
                     const Value& context) override {
    const auto argument = [&](std::size_t place, std::string_view name) -> Value {
      if (const Value* value = named.if_contains(name)) return *value;
      return place < positional.size() ? positional[place] : Value();
    };
    if (function == "secret") return Secret(argument(0, "key"), argument(2, "subkey"));
    if (function == "kv") return Kv(ToText(argument(0, "key")), argument(2, "errorOnMissing"), context);
    if (function == "errorLogs") {
      const Value* logs = Member(context, "errorLogs");
      return logs == nullptr ? Value(Array()) : *logs;
    }
    if (function == "read" || function.find("ile") != std::string_view::npos) {
      return File(function, ToText(argument(0, "path")));
    }
    return Fail(Code::kFailedPrecondition,
                "function `" + std::string(function) + "` needs a server: run the flow, or give its result with --vars");
  }

 private:
  Result<Value> Secret(const Value& key, const Value& subkey) const {
    if (!key.is_string()) return InvalidArgument("The 'secret' function expects an argument 'key'.");
    ASSIGN_OR_RETURN(const std::string secret, secrets_.Find(ToText(key)));
    if (subkey.is_null()) return Value(secret);
    const auto parsed = ParseJson(secret);
    const Value* member = parsed ? Member(*parsed, ToText(subkey)) : nullptr;
    if (member == nullptr) {
      return NotFound("Cannot find secret sub-key '" + ToText(subkey) + "' in secret '" + ToText(key) + "'.");
    }
    return Value(ToText(*member));
  }

  // From `kv` of --vars.
  static Result<Value> Kv(const std::string& key, const Value& error_on_missing, const Value& context) {
    const Value* pairs = Member(context, "kv");
    const Value* value = pairs == nullptr ? nullptr : Member(*pairs, key);
    if (value != nullptr) return *value;
    if (error_on_missing.is_bool() && !error_on_missing.get_bool()) return Value(nullptr);
    const Value* space = AtPath(context, "flow.namespace");
    return NotFound("The key '" + key + "' does not exist in the namespace '" + (space == nullptr ? "" : ToText(*space)) +
                    "'. Offline, keys stand under `kv` in the file of --vars.");
  }

  // A relative path is a file of the namespace, whose folder is the one we are called in.
  static Result<Value> File(std::string_view function, const std::string& path) {
    constexpr std::string_view kScheme = "file://";
    const std::string name = path.starts_with(kScheme) ? path.substr(kScheme.size()) : path;
    const std::string call = std::string(function) + "('" + path + "')";
    if (path.empty()) return InvalidArgument("The '" + std::string(function) + "' function expects an argument 'path'.");
    if (function == "fileURI" || name.find("://") != std::string::npos) {
      return Fail(Code::kFailedPrecondition, call + ": the storage needs a server; offline, files of this folder can be read");
    }
    std::error_code failure;
    const bool exists = std::filesystem::is_regular_file(name, failure);
    if (function == "fileExists") return Value(exists);
    if (!exists) return NotFound(call + ": there is no such file");
    const std::uintmax_t size = std::filesystem::file_size(name, failure);
    if (function == "fileSize") return Value(static_cast<std::int64_t>(size));
    if (function == "isFileEmpty") return Value(size == 0);
    if (size > kFileBytesMax) return Fail(Code::kResourceExhausted, call + ": the file is larger than 1 MiB");
    std::ifstream file(name, std::ios::binary);
    return Value(std::string(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()));
  }

  SystemClock clock_;
  Random random_;
  std::string zone_;
  worker::SecretStore secrets_;
};

struct ExprArguments {
  std::string text;
  std::string vars{};
};

std::string ReadAll(std::istream& in) { return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()}; }

Result<Value> ReadVars(const Context& context, const std::string& path) {
  if (path.empty()) return Object();
  std::string text;
  if (path == "-") {
    text = ReadAll(context.in);
  } else {
    std::ifstream file(path, std::ios::binary);
    if (!file) return NotFound("there is no file " + path + " to read");
    text = ReadAll(file);
  }
  const bool yaml = path.ends_with(".yml") || path.ends_with(".yaml");
  Result<Value> vars = yaml ? flow::ParseYamlValue(text, path) : ParseJson(text);
  if (!vars) return Fail(std::move(vars.error()).Wrap(path));
  if (!vars->is_object()) return InvalidArgument(path + " must hold one object, such as {\"inputs\": {\"VERSION\": \"1.0\"}}");
  return vars;
}

Status Render(Context& context, const ExprArguments& arguments) {
  const std::string text = arguments.text == "-" ? ReadAll(context.in) : arguments.text;
  ASSIGN_OR_RETURN(Value vars, ReadVars(context, arguments.vars));
  const std::map<std::string, std::string> variables = ProcessEnvironment();
  for (const auto& [name, value] : Surroundings()) vars.get_object().emplace(name, value);
  ASSIGN_OR_RETURN(const auto compiled, expr::Template::Compile(text));
  OfflineEnvironment environment(variables);
  if (WantsData(context)) {
    ASSIGN_OR_RETURN(const Value value, compiled->RenderTyped(vars, environment));
    PrintValue(context, value);
  } else {
    ASSIGN_OR_RETURN(const std::string out, compiled->RenderText(vars, environment));
    context.out << out << "\n";
  }
  return {};
}

}  // namespace

void RegisterExpr(CLI::App& app, Context& context) {
  const auto args = std::make_shared<ExprArguments>();
  CLI::App* verb = app.add_subcommand("expr", "render an expression; typed with -o json");
  verb->add_option("template", args->text, "such as '{{ inputs.VERSION | upper }}', or - for standard input")->required();
  verb->add_option("--vars", args->vars, "a JSON or YAML file with what the expression sees, or -");
  verb->callback([&context, args] {
    context.action = [&context, args] {
      const Status done = Render(context, *args);
      if (done) return static_cast<int>(kExitOk);
      PrintError(context, done.error());
      return static_cast<int>(kExitInvalid);
    };
  });
}

}  // namespace headrace::cli
