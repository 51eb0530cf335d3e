// Counts what is at work at the same time, and what it holds.
// Threads: any.
#pragma once

#include <atomic>
#include <cstdint>

namespace headrace::api::http {

// A counter with a bound.
class Load {
 public:
  // False, and nothing taken, when `max` would be passed.
  bool Take(std::uint64_t amount, std::uint64_t max) {
    if (held_.fetch_add(amount) + amount <= max) return true;
    held_.fetch_sub(amount);
    return false;
  }
  void Give(std::uint64_t amount) { held_.fetch_sub(amount); }
  std::uint64_t held() const { return held_.load(); }

 private:
  std::atomic<std::uint64_t> held_{0};
};

// Part of a load, given back at the end.
class Share {
 public:
  explicit Share(Load& load) : load_(load) {}
  ~Share() { load_.Give(amount_); }
  Share(const Share&) = delete;
  Share& operator=(const Share&) = delete;
  bool Take(std::uint64_t amount, std::uint64_t max) {
    if (!load_.Take(amount, max)) return false;
    amount_ += amount;
    return true;
  }

 private:
  Load& load_;
  std::uint64_t amount_ = 0;
};

}  // namespace headrace::api::http
