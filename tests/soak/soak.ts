import { setTimeout } from "node:timers/promises";
import { metric, startServerProcess } from "../../bench/server-process.ts";
import { median } from "../../bench/statistics.ts";
import { Grokbox, type Session, type StartOptions } from "../../sdk/src/mod.ts";
import {
  softwareAdapterMissing,
  useSoftwareAdapter,
} from "../../server/engine/webgpu/testing/software-adapter.ts";

export interface SoakOptions {
  readonly engine: "webgpu" | "cpu";
  /** Take SwiftShader for a GPU. */
  readonly software: boolean;
  readonly minutes: number;
  /** Of networks, each of which needs kernels of its own. @default all 7 */
  readonly kinds?: number;
  /** Between two looks at the server's memory. */
  readonly sampleSeconds: number;
  readonly onSample?: (sample: Sample) => void;
}

/** The server while it has no session. */
export interface Sample {
  readonly minute: number;
  /** Of the whole process. */
  readonly residentMiB: number;
  /** Of the device, set aside for sessions: 0, since there are none. */
  readonly deviceBytes: number;
  /** So far. */
  readonly sessions: number;
  readonly steps: number;
}

export interface SoakReport {
  readonly engine: string;
  readonly device: string;
  readonly minutes: number;
  readonly sessions: number;
  readonly steps: number;
  readonly samples: readonly Sample[];
  /** Resident memory, MiB: the median of the last third of the samples less that of the second; in the first a process fills its caches. */
  readonly growthMiB: number;
  /** Of the device, set aside for sessions: at most while they trained, and at most while there were none. */
  readonly usedBytes: number;
  readonly leftBytes: number;
}

/** Who starts and deletes sessions at once. */
const people = 4;

/** Different kernels each, as small as a software adapter can bear. */
const networks: readonly StartOptions[] = [
  { modulus: 3, width: 9 },
  { modulus: 3, width: 40, activation: "gelu" },
  { modulus: 5, width: 16, activation: "x^2", optimizer: { kind: "sgd", learningRate: 0.1 } },
  { modulus: 7, width: 12, optimizer: { kind: "adamw", grokfast: {} } },
  { modulus: 3, width: 13, activation: "abs", embedding: { dimension: 5 } },
  { modulus: 11, width: 24, split: { kind: "torch", fraction: 0.75 } },
  { modulus: 33, width: 9 },
];

/**
 * Sessions come, train, are forked, swapped, downloaded and deleted, by several people at once, for as long as asked; now and then all
 * of them wait until nothing is there, and the server's memory is looked at.
 */
export async function soak({
  engine,
  software,
  minutes,
  kinds = networks.length,
  sampleSeconds,
  onSample,
}: SoakOptions): Promise<SoakReport> {
  if (software) {
    if (softwareAdapterMissing) throw new Error(softwareAdapterMissing);
    useSoftwareAdapter();
  }
  // Without a limit the server keeps no account of it.
  const flags = ["--gpu-memory", `${2 ** 30}`, ...(software ? ["--allow-software"] : [])];
  const { child, address, webAddress } = await startServerProcess("--engine", engine, ...flags);
  try {
    await using box = await Grokbox.connect(address);
    const [{ device }] = (await box.info()).engines;
    const samples: Sample[] = [];
    let [sessions, steps, lives, usedBytes] = [0, 0, 0, 0];
    const began = performance.now();
    const minute = () => (performance.now() - began) / 60_000;
    while (minute() < minutes || samples.length < 2) {
      const until = performance.now() + 1000 * sampleSeconds;
      const person = async () => {
        while (performance.now() < until) {
          const made = await live(box, networks[lives % kinds]!, lives++);
          sessions += made.sessions;
          steps += made.steps;
          usedBytes = Math.max(usedBytes, made.usedBytes);
        }
      };
      await Promise.all(Array.from({ length: people }, person));
      for await (const left of box.sessions()) throw new Error(`${left.name} was not deleted`);
      await setTimeout(200);
      const residentMiB = (await metric(webAddress, "process_resident_memory_bytes")) / 2 ** 20;
      const sample = {
        minute: minute(),
        residentMiB,
        deviceBytes: await bytesOnDevice(box),
        sessions,
        steps,
      };
      samples.push(sample);
      onSample?.(sample);
    }
    const third = Math.max(1, Math.floor(samples.length / 3));
    const resident = samples.map(({ residentMiB }) => residentMiB);
    return {
      engine,
      device,
      minutes: minute(),
      sessions,
      steps,
      samples,
      growthMiB: median(resident.slice(-third)) - median(resident.slice(third, 2 * third)),
      usedBytes,
      leftBytes: Math.max(...samples.map(({ deviceBytes }) => deviceBytes)),
    };
  } finally {
    child.kill();
  }
}

/** Of one session and its fork. */
async function live(box: Grokbox, network: StartOptions, life: number) {
  const session = await box.start({ ...network, seed: life, recordEvery: 5 });
  const train = async (one: Session, steps: number) => {
    const { step } = await one.refresh();
    await one.run({ untilStep: step + steps }).finished;
    return steps;
  };
  let steps = await train(session, 40);
  const usedBytes = await bytesOnDevice(box);
  await session.snapshot();
  const fork = await session.fork();
  const [more, other] = await Promise.all([train(session, 20), train(fork, 30)]);
  steps += more + other;
  if (life % 3 === 0) await fork.swapActivation("softplus2");
  if (life % 3 === 0) steps += await train(fork, 10);
  await fork.download();
  await Promise.all([fork.delete(), session.delete()]);
  return { sessions: 2, steps, usedBytes };
}

/** 0 of an engine that has no device of its own. */
async function bytesOnDevice(box: Grokbox): Promise<number> {
  const [{ name, memory }] = (await box.info()).engines;
  if (name === "webgpu" && memory === undefined)
    throw new Error("the server does not tell what sessions take of the GPU");
  return memory?.usedBytes ?? 0;
}
