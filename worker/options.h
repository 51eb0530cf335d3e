// How one worker is set up.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "common/base/ids.h"
#include "common/base/time.h"

namespace headrace::worker {

struct WorkerOptions {
  WorkerId id{};
  std::uint64_t incarnation = 0;  // 0: chosen at start
  std::string group{};
  std::map<std::string, std::string> tags{};
  std::string build{};
  std::string host{};
  int slots = 8;     // tasks that run on a thread of their own at once
  int prefetch = 0;  // tasks taken besides, which wait here for a slot; quick ones never wait
  std::string tmp_dir = "/tmp/headrace";  // working directories live in a folder of it
  bool spool = false;  // results that are not acked rest below tmp_dir, too, for the next process there
  std::string storage_dir{};              // files of tasks (kestra:///…); empty: below tmp_dir
  std::map<std::string, std::string> environment{};  // of this process: secrets, and what scripts inherit
  Duration kill_grace = std::chrono::seconds(5);     // at most this long between SIGTERM and SIGKILL; a Cancel may say less
  Duration drain_timeout{};                          // after it a drain ends what still runs; zero: never
  std::uint64_t outputs_bytes_max = 1024 * 1024;     // of one result
  std::uint64_t log_bytes_max = 16 * 1024 * 1024;    // of one run of a task; the rest is cut with a marker
  std::uint64_t file_bytes_max = 10ULL * 1024 * 1024 * 1024;  // of all output files of one run
  std::uint32_t files_max = 10'000;                            // output files of one run
  std::vector<std::string> local_folders{};  // what file:// may open; none otherwise
  // HTTP of tasks reaches no loopback, link-local, unspecified, multicast or reserved address unless one of these networks
  // ("127.0.0.0/8", "::1/128") holds it.
  std::vector<std::string> http_allow{};
  std::string docker_socket{};  // of the Engine API; empty: scripts that ask for Docker run as processes
  std::uint64_t http_body_bytes_max = 10 * 1024 * 1024;  // of a response that becomes an output or a value
};

// Where files of tasks rest: storage_dir, or a folder below tmp_dir.
std::string StorageFolder(const WorkerOptions& options);
// Of the calling process.
std::map<std::string, std::string> EnvironmentSnapshot();

}  // namespace headrace::worker
