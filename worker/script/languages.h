// What differs between the languages of script tasks.
// Threads: constants. Source: FLOWS 3.1 and 3.2.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace headrace::worker {

struct Language {
  std::string_view name;           // io.kestra.plugin.scripts.<name>
  std::string_view image;          // of Kestra's Docker runner; only documented here
  std::string_view extension;      // of the script's file; empty: the text itself is the command
  std::string_view command;        // runs the file, whose name follows it
  bool powershell = false;
  std::vector<std::pair<std::string_view, std::string_view>> env{};
  std::string_view legacy{};       // io.kestra.core.tasks.scripts.<legacy>, an alias of Commands
};

const std::vector<Language>& Languages();

}  // namespace headrace::worker
