#include "api/http/process_sample.h"

#include <gtest/gtest.h>

#include <chrono>
#include <thread>

namespace headrace::api::http {
namespace {

double NowSeconds() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

TEST(ProcessSample, TellsOfThisProcess) {
  std::thread other([] { std::this_thread::sleep_for(std::chrono::milliseconds(200)); });
  const ProcessSample sample = SampleProcess();
  other.join();
  EXPECT_GE(sample.threads, 2);
  EXPECT_LT(sample.threads, 1000);
  EXPECT_GT(sample.resident_bytes, 1e6);
  EXPECT_LT(sample.resident_bytes, sample.virtual_bytes);
  EXPECT_LT(sample.virtual_bytes, 1e14);
  EXPECT_GE(sample.fds, 3);
  EXPECT_LE(sample.fds, sample.fds_max);
}

TEST(ProcessSample, TimesAreOfThisProcess) {
  const ProcessSample before = SampleProcess();
  volatile std::uint64_t sum = 0;
  // Until the kernel has counted some work: it counts in hundredths of a second.
  while (SampleProcess().cpu_seconds < before.cpu_seconds + 0.05) {
    for (std::uint64_t i = 0; i < 1'000'000; ++i) sum = sum + i;
  }
  const ProcessSample after = SampleProcess();
  EXPECT_EQ(after.start_seconds, before.start_seconds);
  EXPECT_LT(after.start_seconds, NowSeconds() + 1);
  EXPECT_GT(after.start_seconds, NowSeconds() - 24 * 3600);
}

}  // namespace
}  // namespace headrace::api::http
