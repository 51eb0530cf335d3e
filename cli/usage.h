// What was wrong with a command line, and what was probably meant.
// Threads: pure.
#pragma once

#include <span>
#include <string>

namespace CLI {
class App;
class ParseError;
}  // namespace CLI

namespace headrace::cli {

// The subcommand that was reached on the way.
const CLI::App& Reached(const CLI::App& app);
// The verb that words name, such as "exec start"; null when there is none: `problem` says so then.
const CLI::App* FindVerb(const CLI::App& app, std::span<char* const> words, std::string& problem);
// One line for people, without an end of line: "no verb 'exce'; did you mean 'exec'?"
std::string UsageText(const CLI::App& app, const CLI::ParseError& error, int argc, char** argv);

}  // namespace headrace::cli
