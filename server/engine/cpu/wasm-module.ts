/** What native/wasm.cc exports. Addresses are byte offsets in the instance's memory. */
export interface WasmExports {
  readonly __stack_pointer: WebAssembly.Global;
  readonly __heap_base: WebAssembly.Global;
  jobBytes(): number;
  trainScratchBytes(): number;
  logitsScratchBytes(): number;
  trainerBytes(scalars: number, classes: number): number;
  createTrainer(arena: number, scalars: number, labels: number, classes: number): number;
  usefulThreads(trainer: number): number;
  stopFlag(trainer: number): number;
  prepareJob(
    job: number,
    threads: number,
    kind: number,
    trainer: number,
    step: number,
    steps: number,
    state: number,
    trace: number,
    captures: number,
    captureCount: number,
  ): void;
  prepareMeasures(job: number, measureAt: number, measureCount: number, measures: number): void;
  prepareLogits(
    job: number,
    threads: number,
    modulus: number,
    width: number,
    activation: number,
    weightsAreDouble: number,
    theta: number,
    xi: number,
    logits: number,
  ): void;
  runJob(job: number, thread: number, scratch: number): void;
  jobStep(job: number): number;
  jobMade(job: number): number;
  jobDiverged(job: number): number;
}

/** `JobKind` in native/abi.h. */
export const JobKind = { load: 0, advance: 1, read: 2, measure: 4 } as const;

export function instantiate(module: WebAssembly.Module, memory: WebAssembly.Memory): WasmExports {
  return new WebAssembly.Instance(module, { env: { memory } }).exports as WasmExports;
}
