// One build of the kernel. Compiled once for every instruction set, each time with another
// -DKERNEL_NAMESPACE; nothing here may call an inline function of the standard library, lest the linker keep
// the copy that this machine can't run.
#include "logits64.h"
#include "peak.h"
#include "train.h"

#define STRINGIFY(x) #x
#define STRING(x) STRINGIFY(x)

namespace grokbox {
namespace KERNEL_NAMESPACE {

static int32_t* stopFlag(Trainer* t) { return &t->stop; }

// A barrier costs about half a microsecond; below some 3 million operations a step it is not worth it.
static int32_t usefulThreads(const Trainer* t) {
  const double operations = 6.0 * t->width * t->modulus * t->groups * 16;
  const int32_t most = t->groups < t->blocks ? t->groups : t->blocks;
  const double useful = operations / 1.5e6;
  return useful < 1 ? 1 : useful < most ? (int32_t)useful : most;
}

static void run(Job* job, int32_t thread, void* scratch) {
  if (job->kind == JobKind::logits) return logits(*job, thread, *(LogitsScratch*)scratch);
  Worker worker(*job, thread, scratch);
  if (job->kind == JobKind::load) return worker.load();
  if (job->kind == JobKind::advance) return worker.advance();
  if (job->kind == JobKind::measure) return worker.measure();
  worker.read();
}

}  // namespace KERNEL_NAMESPACE

#define KERNEL_NAME_(ns) kernel_##ns
#define KERNEL_NAME(ns) KERNEL_NAME_(ns)
extern const Kernel KERNEL_NAME(KERNEL_NAMESPACE);
const Kernel KERNEL_NAME(KERNEL_NAMESPACE) = {
    STRING(KERNEL_NAMESPACE),        KERNEL_NAMESPACE::lanes,    KERNEL_NAMESPACE::trainerBytes,
    KERNEL_NAMESPACE::createTrainer, KERNEL_NAMESPACE::stopFlag, KERNEL_NAMESPACE::usefulThreads,
    KERNEL_NAMESPACE::run,           KERNEL_NAMESPACE::peak,
};

}  // namespace grokbox
