import { parentPort, workerData } from "node:worker_threads";
import { SpectralMeter } from "../../model/spectral-measures.ts";
import { AdvanceJob, columnsOf } from "./advance-job.ts";
import { type Backend, type LoadedBackend, loadBackend } from "./backend.ts";
import { MemoryBudget } from "./memory-budget.ts";
import type { Call, Calls, Greeting, Kind, Reply, StopFlag } from "./protocol.ts";
import { ResidentNetwork } from "./resident-network.ts";
import { Turns } from "./turns.ts";

// The thread that computes: holds the networks of all trainers, and gives their advances turns.

interface Resident {
  readonly network: ResidentNetwork;
  readonly meter: SpectralMeter;
  readonly stop: StopFlag;
}

type Handler<K extends Kind> = (args: Calls[K][0]) => Calls[K][1] | Promise<Calls[K][1]>;

const port = parentPort!;
const { backend: wanted } = workerData as { backend: Backend | undefined };

try {
  const loaded = await loadBackend(wanted);
  serve(loaded);
  const { backend, isa, device, deterministic } = loaded;
  greet({ backend, isa, device, deterministic });
} catch (error) {
  greet({ failure: (error as Error).message });
}

function serve({ tf, backend }: LoadedBackend): void {
  const residents = new Map<number, Resident>();
  const budget = new MemoryBudget(backend);
  const turns = new Turns();
  const handlers: { [K in Kind]: Handler<K> } = {
    open: ({ trainer, problem, state, stop }) => {
      budget.take(trainer, problem);
      try {
        const network = ResidentNetwork.open(tf, problem, state);
        residents.set(trainer, { network, meter: new SpectralMeter(problem.modulus), stop });
        return columnsOf([network.row]);
      } catch (error) {
        budget.free(trainer);
        throw error;
      }
    },
    advance: async ({ trainer, ...options }) => {
      const { network, meter, stop } = residents.get(trainer)!;
      const job = new AdvanceJob(network, meter, stop, options);
      await turns.finish(job);
      return job.result();
    },
    readState: ({ trainer }) => residents.get(trainer)!.network.state(),
    measure: ({ trainer }) => {
      const { network, meter } = residents.get(trainer)!;
      const { theta, xi } = network.weights();
      return meter.measure(theta, xi);
    },
    close: ({ trainer }) => {
      residents.get(trainer)?.network.dispose();
      residents.delete(trainer);
      budget.free(trainer);
      return undefined;
    },
    memory: () => {
      const { numTensors: tensors, numBytes: bytes } = tf.memory();
      return { tensors, bytes };
    },
  };
  port.on("message", async ({ id, kind, args }: Call) => {
    try {
      reply({ id, result: await handlers[kind](args as never) });
    } catch (error) {
      // A WebAssembly module that has trapped is good for nothing more: this ends the thread, and the engine says so.
      if ((error as Error).name === "RuntimeError") throw error;
      reply({ id, error: asError(error) });
    }
  });
}

/** An Error of the language's own classes, which are kept between threads; RangeError when memory ran out. */
function asError(error: unknown): Error {
  const { message } = error as Error;
  return error instanceof RangeError || !/out of memory|OOM|allocat/i.test(message)
    ? (error as Error)
    : new RangeError(`it does not fit in the memory of TensorFlow: ${message}`, { cause: error });
}

function reply(message: Reply): void {
  port.postMessage(message);
}

function greet(message: Greeting): void {
  port.postMessage(message);
}
