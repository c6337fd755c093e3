// Executes one thread of a process instruction by instruction and counts how often each address is reached.
//
//   count TID INSTRUCTIONS        so many instructions
//   count TID PASSES ADDRESS      from when an address (hexadecimal) is reached to when it is reached PASSES times more
//
// Prints lines of an address, hexadecimal, and its count.
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>

enum { slots = 1 << 20 };
static struct {
  uint64_t address, count;
} table[slots];

static void add(uint64_t address) {
  uint64_t i = (address * 0x9E3779B97F4A7C15ull) >> 44;
  while (table[i].count && table[i].address != address) i = (i + 1) % slots;
  table[i].address = address;
  table[i].count++;
}

static int tid, status;

static uint64_t address(void) {
  return (uint64_t)ptrace(PTRACE_PEEKUSER, tid, offsetof(struct user_regs_struct, rip), 0);
}

static void request(enum __ptrace_request what, size_t offset, uint64_t value) {
  if (ptrace(what, tid, offset, value) == 0) return;
  perror("ptrace");
  exit(1);
}

static void stopped(void) {
  if (waitpid(tid, &status, __WALL) == tid && WIFSTOPPED(status)) return;
  fprintf(stderr, "the thread ended\n");
  exit(1);
}

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  tid = atoi(argv[1]);
  const uint64_t wanted = strtoull(argv[2], 0, 10), marker = argc > 3 ? strtoull(argv[3], 0, 16) : 0;
  request(PTRACE_SEIZE, 0, 0);
  request(PTRACE_INTERRUPT, 0, 0);
  stopped();
  if (marker) {
    // Up to there at full speed, with a breakpoint of the processor's.
    request(PTRACE_POKEUSER, offsetof(struct user, u_debugreg[0]), marker);
    request(PTRACE_POKEUSER, offsetof(struct user, u_debugreg[7]), 1);
    do {
      request(PTRACE_CONT, 0, 0);
      stopped();
    } while (address() != marker);
    request(PTRACE_POKEUSER, offsetof(struct user, u_debugreg[7]), 0);
    add(marker);
  }
  for (uint64_t passed = 0;;) {
    request(PTRACE_SINGLESTEP, 0, 0);
    stopped();
    const uint64_t at = address();
    if ((!marker || at == marker) && ++passed == wanted) break;
    add(at);
  }
  request(PTRACE_DETACH, 0, 0);
  for (int i = 0; i < slots; i++)
    if (table[i].count) printf("%lx %lu\n", table[i].address, table[i].count);
}
