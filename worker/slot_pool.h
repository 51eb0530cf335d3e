// The threads of the slots: made when first needed, each runs one job at a time.
// Threads: Submit and Remove from the loop's; `run` is called on a slot's.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "worker/job.h"

namespace headrace::worker {

class SlotPool {
 public:
  SlotPool(int slots, std::function<void(std::shared_ptr<Job>)> run);
  // Waits for the jobs that run; those that wait are forgotten.
  ~SlotPool();
  SlotPool(const SlotPool&) = delete;
  SlotPool& operator=(const SlotPool&) = delete;

  void Submit(std::shared_ptr<Job> job);
  // True: it had not begun and will not.
  bool Remove(const Job& job);

 private:
  void Work();

  const std::size_t slots_;
  const std::function<void(std::shared_ptr<Job>)> run_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::shared_ptr<Job>> waiting_;
  std::size_t idle_ = 0;
  bool closing_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace headrace::worker
