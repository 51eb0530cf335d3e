// What headrace needs of a machine, looked at without changing it.
// Threads: the caller's.
#pragma once

#include <string>
#include <vector>

namespace headrace::cli {

struct Finding {
  enum class Verdict { kGood, kDoubtful, kBad };
  Verdict verdict = Verdict::kGood;
  std::string name;    // "python3"
  std::string detail;  // where it is, or what is missing
  std::string remedy{};
};

// Tools of workers, folders, ports, limits, names of secrets (never their values).
std::vector<Finding> ExamineMachine(const std::string& work_dir, const std::vector<int>& ports);

}  // namespace headrace::cli
