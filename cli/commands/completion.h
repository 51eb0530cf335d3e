// Shell completion out of the command line itself.
// Shapes: verbs, their options, and the values of options that take one of a few; files elsewhere.
// Threads: pure.
#pragma once

#include <string>

namespace CLI {
class App;
}

namespace headrace::cli {

std::string BashCompletion(const CLI::App& app);
std::string ZshCompletion(const CLI::App& app);
std::string FishCompletion(const CLI::App& app);

}  // namespace headrace::cli
