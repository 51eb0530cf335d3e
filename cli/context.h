// What every command shares: the streams, what may be done with them, and the global options.
// Called by: main fills it; each command file's Register(CLI::App&, Context&) adds its verbs and, when one is chosen, leaves
//   what to do in `action`, which main runs after the whole line was parsed.
// Laws: data goes to `out`, everything else to `err`; no prompt and no repainting unless the stream is a terminal.
// Threads: main's.
#pragma once

#include <functional>
#include <iosfwd>
#include <string>

namespace headrace::cli {

// What one stream can show.
struct Screen {
  bool is_terminal = false;
  bool color = false;  // after --color, NO_COLOR, CLICOLOR_FORCE and TERM=dumb
};

// How to speak to a server that others can reach. PEM texts; without `ca` there is no TLS, and no token is sent.
struct ServerTrust {
  std::string ca{};          // of the server's certificate, or "system": those that this machine trusts
  std::string certificate{};  // of ours, where the server asks for one
  std::string key{};
  std::string token{};
};

struct Context {
  std::istream& in;
  std::ostream& out;
  std::ostream& err;
  Screen out_screen{};
  Screen err_screen{};
  std::string program = "headrace";  // as it was called: for the commands that are printed for people

  // Global options, HEADRACE_* as their environment.
  std::string server = "127.0.0.1:8082";
  bool server_given = false;     // by --server or HEADRACE_SERVER
  ServerTrust trust{};
  std::string output = "table";  // table, wide, json, jsonl, yaml, name or csv
  bool ascii = false;
  bool quiet = false;
  std::string log_level = "warn";
  std::string log_format = "text";

  // What was asked for; returns the exit code.
  std::function<int()> action{};
};

}  // namespace headrace::cli
