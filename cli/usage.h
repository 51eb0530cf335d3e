// What was wrong with a command line, and what was probably meant.
// Threads: pure.
#pragma once

#include <string>

namespace CLI {
class App;
class ParseError;
}  // namespace CLI

namespace headrace::cli {

// The subcommand that was reached on the way.
const CLI::App& Reached(const CLI::App& app);
// One line for people, without an end of line: "no verb 'exce'; did you mean 'exec'?"
std::string UsageText(const CLI::App& app, const CLI::ParseError& error, int argc, char** argv);

}  // namespace headrace::cli
