#include "api/http/process_sample.h"

#include <sys/resource.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <vector>

namespace headrace::api::http {
namespace {

// Fields of /proc/self/stat, counted from the one after the name: proc(5) numbers less 3.
constexpr std::size_t kUserTicks = 11;
constexpr std::size_t kSystemTicks = 12;
constexpr std::size_t kThreads = 17;
constexpr std::size_t kStartTicks = 19;
constexpr std::size_t kVirtualBytes = 20;
constexpr std::size_t kResidentPages = 21;

std::vector<double> StatFields() {
  std::ifstream file("/proc/self/stat");
  std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  const std::size_t name_end = text.rfind(')');
  if (name_end == std::string::npos) return {};
  std::istringstream rest(text.substr(name_end + 1));
  std::string word;
  rest >> word;  // the state, a letter
  std::vector<double> fields{0};
  double value = 0;
  while (rest >> value) fields.push_back(value);
  return fields;
}

double BootSeconds() {
  std::ifstream file("/proc/stat");
  std::string word;
  double value = 0;
  while (file >> word) {
    if (word == "btime" && file >> value) return value;
  }
  return 0;
}

}  // namespace

ProcessSample SampleProcess() {
  ProcessSample out;
  const auto ticks = static_cast<double>(sysconf(_SC_CLK_TCK));
  if (const std::vector<double> fields = StatFields(); fields.size() > kResidentPages) {
    out.cpu_seconds = (fields[kUserTicks] + fields[kSystemTicks]) / ticks;
    out.start_seconds = BootSeconds() + fields[kStartTicks] / ticks;
    out.threads = fields[kThreads];
    out.virtual_bytes = fields[kVirtualBytes];
    out.resident_bytes = fields[kResidentPages] * static_cast<double>(sysconf(_SC_PAGESIZE));
  }
  std::error_code failed;
  for (auto at = std::filesystem::directory_iterator("/proc/self/fd", failed);
       !failed && at != std::filesystem::directory_iterator(); at.increment(failed))
    ++out.fds;
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0) out.fds_max = static_cast<double>(limit.rlim_cur);
  return out;
}

}  // namespace headrace::api::http
