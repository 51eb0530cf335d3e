// headrace_sim: runs seeds of the simulator and prints the first that breaks a law, with the line that replays it.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include <spdlog/spdlog.h>

#include "tests/sim/scenario.h"

namespace {

constexpr const char* kHelp =
    "headrace_sim [--seeds N] [--first S] [--seed S] [--trace]\n"
    "  --seeds N   how many seeds to run (200)\n"
    "  --first S   the first of them (1)\n"
    "  --seed S    this one only\n"
    "  --trace     print its history to stderr\n";

bool Replays(std::uint64_t seed, std::uint64_t digest) {
  return headrace::sim::RunScenario({.seed = seed}).digest == digest;
}

}  // namespace

int main(int argc, char** argv) {
  std::uint64_t first = 1;
  std::uint64_t count = 200;
  bool trace = false;
  for (int i = 1; i < argc; ++i) {
    const std::string flag = argv[i];
    const auto number = [&] { return i + 1 < argc ? std::strtoull(argv[++i], nullptr, 10) : 0; };
    if (flag == "--seeds") count = number();
    else if (flag == "--first") first = number();
    else if (flag == "--seed") { first = number(); count = 1; }
    else if (flag == "--trace") trace = true;
    else { std::fputs(kHelp, flag == "--help" ? stdout : stderr); return flag == "--help" ? 0 : 2; }
  }
  spdlog::set_level(trace ? spdlog::level::info : spdlog::level::off);
  const auto started = std::chrono::steady_clock::now();
  std::uint64_t steps = 0;
  headrace::Duration simulated{};
  for (std::uint64_t seed = first; seed < first + count; ++seed) {
    headrace::sim::Outcome outcome = headrace::sim::RunSeed(seed, trace);
    if (!outcome.broken && seed % 16 == 0 && !Replays(seed, outcome.digest)) {
      outcome.broken = "determinism: the same seed gave another history";
    }
    if (outcome.broken) {
      std::printf("seed %llu broke a law: %s\nreplay: %s --seed %llu --trace\n", static_cast<unsigned long long>(seed),
                  outcome.broken->c_str(), argv[0], static_cast<unsigned long long>(seed));
      return 1;
    }
    steps += outcome.steps;
    simulated += outcome.simulated;
  }
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();
  std::printf("%llu seeds, %llu steps, %.0f simulated seconds in %.1f s: every law holds\n",
              static_cast<unsigned long long>(count), static_cast<unsigned long long>(steps),
              static_cast<double>(simulated.count()) / 1e6, seconds);
  return 0;
}
