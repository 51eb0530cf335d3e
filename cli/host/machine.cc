#include "cli/host/machine.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string_view>

#include "worker/secrets.h"

extern char** environ;

namespace headrace::cli {
namespace {

using Verdict = Finding::Verdict;

std::string FindOnPath(const std::string& tool) {
  const char* path = std::getenv("PATH");
  std::string_view rest = path != nullptr ? path : "/usr/local/bin:/usr/bin:/bin";
  while (!rest.empty()) {
    const std::size_t colon = rest.find(':');
    const std::string file = std::string(rest.substr(0, colon)) + "/" + tool;
    if (access(file.c_str(), X_OK) == 0 && !std::filesystem::is_directory(file)) return file;
    rest = colon == std::string_view::npos ? std::string_view() : rest.substr(colon + 1);
  }
  return {};
}

struct Tool {
  const char* name;
  const char* package;
  const char* why;
  bool needed;
};

Finding ExamineTool(const Tool& tool) {
  const std::string file = FindOnPath(tool.name);
  if (!file.empty()) return {.name = tool.name, .detail = file};
  return {.verdict = tool.needed ? Verdict::kBad : Verdict::kDoubtful, .name = tool.name,
          .detail = std::string("not found on PATH: ") + tool.why, .remedy = std::string("apt-get install ") + tool.package};
}

Finding ExamineFolder(const std::string& folder) {
  std::error_code error;
  std::filesystem::path at = folder;
  while (!at.empty() && !std::filesystem::exists(at, error) && at != at.parent_path()) at = at.parent_path();
  Finding finding{.name = "working folder", .detail = folder + " is writable"};
  if (access(at.c_str(), W_OK | X_OK) != 0) {
    finding = {.verdict = Verdict::kBad, .name = finding.name, .detail = at.string() + " is not writable",
               .remedy = "set TMPDIR, or headrace worker --work-dir DIR"};
    return finding;
  }
  struct statvfs space{};
  constexpr unsigned long long kEnough = 512ULL << 20U;
  if (statvfs(at.c_str(), &space) != 0) return finding;
  const unsigned long long free = static_cast<unsigned long long>(space.f_bavail) * space.f_frsize;
  finding.detail += ", " + std::to_string(free >> 20U) + " MiB free";
  if (free < kEnough) {
    finding.verdict = Verdict::kDoubtful;
    finding.remedy = "make room: scripts write their files there";
  }
  return finding;
}

Finding ExaminePort(int port) {
  Finding finding{.name = "port " + std::to_string(port), .detail = "free"};
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(static_cast<std::uint16_t>(port));
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const int on = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(fd, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0) {
    finding.verdict = Verdict::kDoubtful;
    finding.detail = std::strerror(errno);
    finding.remedy = "is headrace running there? else take another with --port, --management-port, --grpc-port or --queue-endpoint (ss -ltnp shows who has it)";
  }
  close(fd);
  return finding;
}

Finding ExamineFileLimit() {
  constexpr rlim_t kEnough = 1024;
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  Finding finding{.name = "open files", .detail = "limit " + std::to_string(limit.rlim_cur)};
  if (limit.rlim_cur < kEnough) {
    finding.verdict = Verdict::kDoubtful;
    finding.remedy = "ulimit -n 4096, or LimitNOFILE= in the unit: a task holds four, a watcher one";
  }
  return finding;
}

Finding ExamineSecrets() {
  constexpr std::string_view kEncoded = "SECRET_";
  std::string names;
  std::string wrong;
  for (char** at = environ; *at != nullptr; ++at) {
    const std::string_view entry(*at);
    const std::size_t equals = entry.find('=');
    const std::string_view name = entry.substr(0, equals);
    const bool encoded = name.starts_with(kEncoded);
    if (!encoded && !name.starts_with("HEADRACE_SECRET_")) continue;
    names += (names.empty() ? "" : ", ") + std::string(name);
    if (encoded && !worker::Base64Decode(entry.substr(equals + 1))) wrong += (wrong.empty() ? "" : ", ") + std::string(name);
  }
  if (!wrong.empty()) {
    return {.verdict = Verdict::kBad, .name = "secrets", .detail = wrong + " is not base64",
            .remedy = "export SECRET_NAME=$(printf %s VALUE | base64 -w0), or plain as HEADRACE_SECRET_NAME"};
  }
  if (names.empty()) {
    return {.name = "secrets", .detail = "none in this environment; flows that call secret('NAME') need SECRET_NAME (base64)"};
  }
  return {.name = "secrets", .detail = names};
}

}  // namespace

std::vector<Finding> ExamineMachine(const std::string& work_dir, const std::vector<int>& ports) {
  constexpr Tool kTools[] = {{"sh", "dash", "every shell script needs it", true},
                             {"python3", "python3", "python scripts need it", false},
                             {"node", "nodejs", "node scripts need it", false},
                             {"curl", "curl", "the scripts of examples/release need it", false},
                             {"jq", "jq", "the scripts of examples/release need it", false},
                             {"git", "git", "scripts that clone need it", false}};
  std::vector<Finding> findings;
  for (const Tool& tool : kTools) findings.push_back(ExamineTool(tool));
  findings.push_back(ExamineFolder(work_dir));
  for (const int port : ports) findings.push_back(ExaminePort(port));
  findings.push_back(ExamineFileLimit());
  findings.push_back(ExamineSecrets());
  return findings;
}

}  // namespace headrace::cli
