import { parentPort, workerData } from "node:worker_threads";
import { DeviceLostError } from "../errors.ts";
import { pauseBetweenPolls } from "./dawn-polling.ts";
import { Gpu } from "./gpu.ts";
import type { Network } from "./network.ts";
import type { Call, Calls, Greeting, Kind, Reply, ThreadData } from "./protocol.ts";
import { columnsOf } from "./trace-row.ts";

// The thread that has the device. Dawn polls for what the device has done on the event loop that it was loaded on, which must not be the
// server's.

interface Resident {
  readonly gpu: Gpu;
  readonly network: Network;
}

type Handler<K extends Kind> = (args: Calls[K][0]) => Calls[K][1] | Promise<Calls[K][1]>;

const port = parentPort!;
const { options, hasQuit }: ThreadData = workerData;
const residents = new Map<number, Resident>();
const losses: DeviceLostError[] = [];
const underWay = new Set<Promise<void>>();

pauseBetweenPolls();
let acquiring: Promise<Gpu> | undefined = Gpu.open(options);
let gpu: Gpu;
let isQuitting = false;
let outbox: Reply[] = [];

const handlers: { [K in Kind]: Handler<K> } = {
  open: async ({ trainer, problem, state }) => {
    const device = await liveGpu();
    const { network, current } = await device.load(problem, state);
    residents.set(trainer, { gpu: device, network });
    return columnsOf([current]);
  },
  advance: ({ trainer, ...asked }) => {
    const { gpu, network } = residents.get(trainer)!;
    return gpu.advance(network, asked);
  },
  stop: ({ trainer }) => {
    const resident = residents.get(trainer);
    resident?.gpu.stop(resident.network);
    return undefined;
  },
  readState: ({ trainer }) => {
    const { gpu, network } = residents.get(trainer)!;
    return gpu.read(network);
  },
  measure: ({ trainer }) => {
    const { gpu, network } = residents.get(trainer)!;
    return gpu.measure(network);
  },
  close: ({ trainer }) => {
    const resident = residents.get(trainer);
    residents.delete(trainer);
    resident?.gpu.free(resident.network);
    return undefined;
  },
  residence: () => ({ device: gpu.info, trainers: residents.size, bytes: gpu.bytes }),
  lose: () => {
    gpu.destroy();
    return undefined;
  },
  quit: () => undefined,
};

/** The device, acquired again when it was lost. */
async function liveGpu(): Promise<Gpu> {
  const { loss } = gpu;
  if (loss === undefined) return gpu;
  acquiring ??= Gpu.open(options).finally(() => {
    acquiring = undefined;
  });
  try {
    gpu = await acquiring;
  } catch {
    // It is still the same loss.
    throw loss;
  }
  return gpu;
}

function take(calls: readonly Call[]): void {
  for (const call of calls) {
    if (call.kind === "quit") {
      void quit(call.id);
      continue;
    }
    if (isQuitting) continue;
    const answered = answer(call).then(send);
    underWay.add(answered);
    void answered.then(() => underWay.delete(answered));
  }
}

async function answer({ id, kind, args }: Call): Promise<Reply> {
  try {
    return { id, result: await handlers[kind](args as never) };
  } catch (error) {
    if (!(error instanceof DeviceLostError)) return { id, error: error as Error };
    if (!losses.includes(error)) losses.push(error);
    return { id, error, loss: losses.indexOf(error) };
  }
}

function send(reply: Reply): void {
  // After all that this moment brings.
  if (outbox.length === 0) process.nextTick(flush);
  outbox.push(reply);
}

function flush(): void {
  const replies = outbox;
  outbox = [];
  port.postMessage(replies, [
    ...new Set(replies.flatMap((reply) => ("result" in reply ? buffersOf(reply.result) : []))),
  ]);
}

/** Of the arrays in a result, all of them its own: they go over instead of being copied. */
function buffersOf(value: unknown): ArrayBuffer[] {
  if (ArrayBuffer.isView(value)) return [value.buffer as ArrayBuffer];
  if (typeof value !== "object" || value === null) return [];
  return Object.values(value).flatMap(buffersOf);
}

/** While a promise of Dawn's is open, the end of the thread would end the process. */
async function quit(id: number): Promise<void> {
  isQuitting = true;
  await acquiring?.catch(() => {});
  while (underWay.size > 0) {
    await gpu.quiesce();
    await Promise.all(underWay);
  }
  await gpu?.quiesce();
  tellQuit();
  send({ id, result: undefined });
}

function tellQuit(): void {
  Atomics.store(hasQuit, 0, 1);
  Atomics.notify(hasQuit, 0);
}

function greet(greeting: Greeting): void {
  port.postMessage(greeting);
}

process.on("exit", tellQuit);
port.on("message", take);
try {
  gpu = await acquiring;
  acquiring = undefined;
  greet({ device: gpu.info });
} catch (error) {
  greet({ failure: (error as Error).message });
}
