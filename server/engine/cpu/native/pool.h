// The persistent threads of an engine. A job goes to threads that are idle at that moment, never to one that others would
// have to wait for; several jobs at once share the threads. Threads without a job sleep.
#pragma once
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "abi.h"

namespace grokbox {

class Pool {
 public:
  struct Task {
    Job job{};
    const Kernel* kernel = nullptr;
    int32_t mostThreads = 1;
    // Threads that have not left the job yet; the last one calls `finished`.
    int32_t inside = 0;
    // On a pool thread.
    std::function<void(Task*)> finished;
  };

  explicit Pool(int32_t threads);
  // Waits for tasks under way and waiting.
  ~Pool();

  void submit(Task* task);
  int32_t threads() const { return (int32_t)slots.size(); }

 private:
  struct Slot {
    std::thread thread;
    std::condition_variable wake;
    void* scratch = nullptr;
    Task* task = nullptr;
    int32_t index = 0;
  };

  void work(Slot& slot);
  // With the mutex held.
  void dispatch();

  std::mutex mutex;
  std::deque<Task*> waiting;
  std::vector<Slot> slots;
  int32_t idle;
  bool closing = false;
};

}  // namespace grokbox
