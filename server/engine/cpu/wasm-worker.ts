import { parentPort, workerData } from "node:worker_threads";
import { instantiate, type WasmExports } from "./wasm-module.ts";
import type { WorkerRequest } from "./wasm-pool.ts";

// A thread of the WebAssembly kernel: an instance of the module in every memory that it has worked in.

const module: WebAssembly.Module = workerData;
const instances = new Map<number, WasmExports>();

parentPort!.on("message", (request: WorkerRequest) => {
  if (request.kind === "forget") {
    instances.delete(request.memoryId);
    return;
  }
  const { memoryId, memory, job, thread, stackTop, scratch } = request;
  let instance = instances.get(memoryId);
  if (!instance) {
    instance = instantiate(module, memory);
    instances.set(memoryId, instance);
  }
  // Set for every job: which thread of a memory a worker is may change.
  instance.__stack_pointer.value = stackTop;
  instance.runJob(job, thread, scratch);
  parentPort!.postMessage("left");
});

parentPort!.postMessage("ready");
