// headrace expr: renders one expression without a server, for those who write flows.
#include <CLI/CLI.hpp>

#include <fstream>
#include <istream>
#include <iterator>
#include <memory>
#include <ostream>

#include "cli/commands/local.h"
#include "cli/exit_code.h"
#include "cli/output/json.h"
#include "common/base/clock.h"
#include "common/expr/template.h"
#include "common/flow/yaml.h"

namespace headrace::cli {
namespace {

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
  ASSIGN_OR_RETURN(const Value vars, ReadVars(context, arguments.vars));
  ASSIGN_OR_RETURN(const auto compiled, expr::Template::Compile(text));
  expr::BasicEnvironment environment(SystemClock().Now(), Random::FromSystem().Next());
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
