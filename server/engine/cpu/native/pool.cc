#include "pool.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <new>

#if defined(__linux__)
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

#if defined(__linux__)
static_assert(sizeof(int) == sizeof(int32_t));
extern "C" void grokboxSleep(int32_t* address, int32_t expected) {
  syscall(SYS_futex, address, FUTEX_WAIT_PRIVATE, expected, nullptr, nullptr, 0);
}
extern "C" void grokboxWake(int32_t* address) {
  syscall(SYS_futex, address, FUTEX_WAKE_PRIVATE, 1 << 30, nullptr, nullptr, 0);
}
#else
extern "C" void grokboxSleep(int32_t*, int32_t) {
  std::this_thread::sleep_for(std::chrono::microseconds(50));
}
extern "C" void grokboxWake(int32_t*) {}
#endif
extern "C" void grokboxYield() { std::this_thread::yield(); }

namespace grokbox {

constexpr size_t scratchBytes = std::max(trainScratchBytes, logitsScratchBytes);

Pool::Pool(int32_t threads) : slots(threads), idle(threads) {
  for (Slot& slot : slots) {
    slot.scratch = std::aligned_alloc(64, scratchBytes);
    if (!slot.scratch) throw std::bad_alloc();
    slot.thread = std::thread([this, &slot] { work(slot); });
  }
}

Pool::~Pool() {
  {
    std::lock_guard lock(mutex);
    closing = true;
  }
  for (Slot& slot : slots) {
    slot.wake.notify_one();
    slot.thread.join();
    std::free(slot.scratch);
  }
}

void Pool::submit(Task* task) {
  std::lock_guard lock(mutex);
  waiting.push_back(task);
  dispatch();
}

bool Pool::withdraw(Task* task) {
  {
    std::lock_guard lock(mutex);
    const auto found = std::find(waiting.begin(), waiting.end(), task);
    if (found == waiting.end()) return false;
    waiting.erase(found);
  }
  task->finished(task);
  return true;
}

void Pool::dispatch() {
  while (!waiting.empty() && idle > 0) {
    Task* task = waiting.front();
    waiting.pop_front();
    // Leave threads for those who wait behind.
    const int32_t fair = std::max<int32_t>(1, idle / (1 + (int32_t)waiting.size()));
    const int32_t count = std::min(fair, task->mostThreads);
    task->job.barrier.threads = task->inside = count;
    idle -= count;
    int32_t index = 0;
    for (Slot& slot : slots) {
      if (index == count) break;
      if (slot.task) continue;
      slot.index = index++;
      slot.task = task;
      if (slot.asleep) slot.wake.notify_one();
    }
  }
}

void Pool::linger(Slot& slot) {
  const auto until = std::chrono::steady_clock::now() + std::chrono::microseconds(60);
  while (!slot.task && std::chrono::steady_clock::now() < until) std::this_thread::yield();
}

void Pool::work(Slot& slot) {
  std::unique_lock lock(mutex);
  for (;;) {
    slot.asleep = true;
    slot.wake.wait(lock, [&] { return slot.task || (closing && waiting.empty()); });
    slot.asleep = false;
    Task* task = slot.task;
    if (!task) return;
    lock.unlock();
    task->kernel->run(&task->job, slot.index, slot.scratch);
    lock.lock();
    slot.task = nullptr;
    idle++;
    if (--task->inside == 0) task->finished(task);
    dispatch();
    if (closing) {
      for (Slot& other : slots) other.wake.notify_one();
    } else if (!slot.task) {
      lock.unlock();
      linger(slot);
      lock.lock();
    }
  }
}

}  // namespace grokbox
