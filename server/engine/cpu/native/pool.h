// The persistent threads of an engine. A job goes to threads that are idle at that moment, never to one that
// others would have to wait for; several jobs at once share the threads. Threads without a job sleep, but not
// at once: who awaits one step after the other has the next job ready some ten microseconds later, and waking
// a sleeper takes longer than that. None is bound to a processor: one that waits for its own, which the event loop or V8's
// compiler has for some milliseconds, would hold up the others of its job while another processor is idle.
#pragma once
#include <atomic>
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
    // On the thread that left last, or the one that withdrew it.
    std::function<void(Task*)> finished;
  };

  explicit Pool(int32_t threads);
  // Waits for tasks under way and waiting.
  ~Pool();

  void submit(Task* task);
  // Takes a task back that no thread has begun; false when one has. It is then finished, without having run.
  bool withdraw(Task* task);
  int32_t threads() const { return (int32_t)slots.size(); }

 private:
  struct Slot {
    std::thread thread;
    std::condition_variable wake;
    bool asleep = false;
    void* scratch = nullptr;
    // Written with the mutex held; read without it by its own thread before that sleeps.
    std::atomic<Task*> task = nullptr;
    int32_t index = 0;
  };

  void work(Slot& slot);
  // Waits a little for a task, without the mutex.
  void linger(Slot& slot);
  // With the mutex held.
  void dispatch();

  std::mutex mutex;
  std::deque<Task*> waiting;
  std::vector<Slot> slots;
  int32_t idle;
  bool closing = false;
};

}  // namespace grokbox
