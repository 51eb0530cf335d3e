// The stores of a Redis, opened; what they say when they cannot be. Threads: the test's.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <utility>

#include "common/store/redis_store.h"

namespace headrace::store {

inline bool Contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

inline RedisStores Open(const RedisOptions& options) {
  auto stores = OpenRedis(options);
  EXPECT_TRUE(stores) << stores.error().ToString();
  return stores ? std::move(*stores) : RedisStores{};
}

inline Error OpenError(RedisOptions options) {
  options.patience = std::chrono::milliseconds(300);
  auto stores = OpenRedis(options);
  EXPECT_FALSE(stores);
  return stores ? Error{} : stores.error();
}

}  // namespace headrace::store
