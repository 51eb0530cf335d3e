// headrace: reads the command line and does what it says. Composes, decides nothing.

#include <iostream>

#include "cli/command_line.h"

int main(int argc, char** argv) {
  std::ios::sync_with_stdio(false);
  return headrace::cli::RunCommandLine(argc, argv, std::cin, std::cout, std::cerr);
}
