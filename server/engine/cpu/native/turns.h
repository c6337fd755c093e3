// How the operating system's scheduler treats the thread that hands work to a pool.
#pragma once

#if defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>
#endif

namespace grokbox {

// Asks for short turns for the calling thread. The pool's threads fill the processors; a thread that only hands them work, and answers
// for it, would wait for the end of a turn of theirs, up to a tick, whenever it wakes up. With a short turn of its own it has the
// earlier deadline, and runs at once; it gets no more of the processor than before. From Linux 6.12 on (EEVDF's custom slice,
// sched_setattr(2)); an older kernel takes no notice, and whether it works makes no difference but in time.
inline void askForShortTurns() {
#if defined(__linux__) && defined(SYS_sched_setattr)
  struct {
    uint32_t size, policy;
    uint64_t flags;
    int32_t nice;
    uint32_t priority;
    uint64_t runtime, deadline, period;
  } attributes = {};
  if (syscall(SYS_sched_getattr, 0, &attributes, sizeof attributes, 0) != 0) return;
  const uint32_t normal = 0;  // SCHED_OTHER
  if (attributes.policy != normal) return;
  const uint64_t resetOnFork = 1;  // SCHED_FLAG_RESET_ON_FORK: threads that it makes are as others are
  attributes.flags |= resetOnFork;
  attributes.runtime = 200'000;  // nanoseconds
  syscall(SYS_sched_setattr, 0, &attributes, 0);
#endif
}

}  // namespace grokbox
