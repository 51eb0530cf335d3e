// The few threads that do what gRPC's own threads must not wait for: reads of the engine, and the next step of a stream.
// Errors: Post refuses when `capacity` tasks wait; the caller answers RESOURCE_EXHAUSTED.
// Threads: Post and PostAlways from any, also from the engine's loop; a task may block on the store.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace headrace::api {

class TaskPool {
 public:
  TaskPool(std::size_t threads, std::size_t capacity);
  ~TaskPool();
  TaskPool(const TaskPool&) = delete;
  TaskPool& operator=(const TaskPool&) = delete;

  bool Post(std::function<void()> task);
  // For callers that are bounded themselves: a stream has at most one task here.
  void PostAlways(std::function<void()> task);
  // Runs what was posted, then ends the threads. Later posts are refused.
  void Stop();

 private:
  void Run();

  const std::size_t capacity_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> tasks_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace headrace::api
