// Seeded random numbers that are the same with every compiler.
// Threads: one owner. Source: splitmix64 and xoshiro256** (public domain, Blackman and Vigna).
#pragma once

#include <array>
#include <cstdint>

namespace headrace {

class Random {
 public:
  explicit Random(std::uint64_t seed);
  // A generator seeded by the operating system.
  static Random FromSystem();

  std::uint64_t Next();
  // Uniform in [0, bound). REQUIRES: bound > 0.
  std::uint64_t Below(std::uint64_t bound);
  // Uniform in [0, 1).
  double Unit();
  bool Chance(double probability) { return Unit() < probability; }

 private:
  std::array<std::uint64_t, 4> state_{};
};

// One step of splitmix64: a good mix of 64 bits.
std::uint64_t Mix64(std::uint64_t value);

}  // namespace headrace
