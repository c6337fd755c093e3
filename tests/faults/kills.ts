import { type ChildProcess, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { Grokbox } from "../../sdk/src/mod.ts";
import { completeSpec } from "../../server/model/presets.ts";
import type { SpecInput } from "../../server/model/spec-input.ts";
import type { MeasureSchedule } from "../../server/sessions/measure-schedule.ts";
import type { Registry } from "../../server/sessions/registry.ts";
import { openTestRegistry } from "../../server/sessions/testing/registry.ts";

export interface KillReport {
  readonly kills: number;
  /** Snapshots that the server had said it keeps. */
  readonly acked: number;
  /** Of those, the ones that were gone, or had other bytes, after a kill. */
  readonly lost: number;
  /** Snapshots and sessions that could not be read. */
  readonly corrupt: number;
  /** Every session has the bits and the progress points of one that was never interrupted. */
  readonly resumedIdentical: boolean;
  readonly seconds: number;
}

const main = join(import.meta.dirname, "../../server/main.ts");
const never = new AbortController().signal;
const recordEvery = 50;

/** Eight networks of all sorts, small enough to make many steps between two kills. */
const inputs: readonly SpecInput[] = (["relu", "x^2", "gelu", "abs"] as const).flatMap((activation, i) => [
  { modulus: 11 + 2 * i, width: 48 + 8 * i, activation, seed: i, split: { kind: "torch", fraction: 0.8 } },
  {
    modulus: 7 + 2 * i,
    width: 40,
    activation,
    seed: 10 + i,
    optimizer: i % 2 === 0 ? { kind: "sgd", learningRate: 0.1 } : { weightDecay: 1 },
  },
]);

/** Every other one also has these measured. */
const measures = [
  { measure: "magnitudeDrift", every: recordEvery },
  { measure: "votingRSquared", every: 2 * recordEvery },
  { measure: "dominantRemovedTrainLoss", every: 4 * recordEvery },
] as const satisfies MeasureSchedule;
const measuresOf = (index: number) => (index % 2 === 0 ? [] : measures);

interface Server {
  readonly child: ChildProcess;
  readonly address: Promise<string>;
}

function startServer(directory: string): Server {
  const flags = ["--port", "0", "--data", directory, "--checkpoint-every", "0.1", "--log-level", "error"];
  const env = { ...process.env, GROKBOX_EPHEMERAL: "" };
  const child = spawn(process.execPath, [main, ...flags], { stdio: ["ignore", "pipe", "inherit"], env });
  const address = (async () => {
    for await (const line of createInterface({ input: child.stdout! })) {
      const ready = /is ready on (\S+)/.exec(line);
      if (ready !== null) return ready[1]!;
    }
    throw new Error("the server ended before it was ready");
  })();
  address.catch(() => {});
  return { child, address };
}

async function kill({ child }: Server, signal: "SIGKILL" | "SIGTERM"): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill(signal);
  await once(child, "exit");
}

/**
 * Kills a server that trains and checkpoints eight sessions, again and again at random moments, start-up among them, and looks each time
 * whether everything that it had promised is there.
 *
 * @param progress - is told of each kill
 */
export async function killAgainAndAgain(
  kills: number,
  progress: (done: number) => void,
): Promise<KillReport> {
  const began = performance.now();
  const directory = await mkdtemp(join(tmpdir(), "grokbox-kills-"));
  const acked = new Map<string, Map<number, string>>();
  let lost = 0;
  let corrupt = 0;
  let server = startServer(directory);
  try {
    const names = await begin(await server.address, acked);
    for (let killed = 0; killed < kills; killed++) {
      // One in ten, among the first three, dies while it starts, where it reads and resumes.
      const whileStarting = killed % 10 === 2;
      if (whileStarting) {
        await new Promise((resolve) => setTimeout(resolve, 100 + 400 * Math.random()));
      } else {
        const address = await server.address;
        const gone = new AbortController();
        const working = work(address, names, acked, gone.signal);
        await new Promise((resolve) => setTimeout(resolve, 700 * Math.random() + 50));
        await kill(server, "SIGKILL");
        gone.abort();
        await working;
      }
      await kill(server, "SIGKILL");
      server = startServer(directory);
      if (!whileStarting) {
        const found = await inspect(await server.address, acked, killed % 20 === 10);
        lost += found.lost;
        corrupt += found.corrupt;
      }
      progress(killed + 1);
    }
    const final = await inspect(await server.address, acked, true);
    const resumedIdentical = await compare(await server.address, names);
    const count = [...acked.values()].reduce((sum, snapshots) => sum + snapshots.size, 0);
    return {
      kills,
      acked: count,
      lost: lost + final.lost,
      corrupt: corrupt + final.corrupt,
      resumedIdentical,
      seconds: Math.round((performance.now() - began) / 100) / 10,
    };
  } finally {
    await kill(server, "SIGKILL");
    await rm(directory, { recursive: true });
  }
}

async function begin(address: string, acked: Map<string, Map<number, string>>): Promise<string[]> {
  await using box = await Grokbox.connect(address);
  const names: string[] = [];
  for (const [i, spec] of inputs.entries()) {
    const options = { preset: "grokking", ...(spec as object), recordEvery, measures: measuresOf(i) };
    await using session = await box.start(options);
    names.push(session.name);
    acked.set(session.name, new Map());
    await session.run().started;
  }
  return names;
}

/** Takes snapshots at random until the server is gone. */
async function work(
  address: string,
  names: readonly string[],
  acked: Map<string, Map<number, string>>,
  gone: AbortSignal,
): Promise<void> {
  try {
    await using box = await Grokbox.connect(address);
    for (;;) {
      const name = names[Math.floor(Math.random() * names.length)]!;
      await using session = await box.session(name, { signal: gone });
      const { step, sha256 } = await session.snapshot({ signal: gone });
      acked.get(name)!.set(step, sha256);
      await new Promise((resolve) => setTimeout(resolve, 100 * Math.random()));
    }
  } catch {
    // It was killed: what had been answered by then is in `acked`.
  }
}

/** How many of the acknowledged snapshots are gone, and, when all bytes are read, damaged. */
async function inspect(
  address: string,
  acked: ReadonlyMap<string, ReadonlyMap<number, string>>,
  bytes: boolean,
): Promise<{ lost: number; corrupt: number }> {
  let lost = 0;
  let corrupt = 0;
  await using box = await Grokbox.connect(address);
  for (const [name, snapshots] of acked) {
    await using session = await box.session(name);
    const there = new Map<number, string>();
    for await (const { step, sha256 } of session.snapshots()) {
      there.set(step, sha256);
    }
    for (const [step, digest] of snapshots) {
      if (there.get(step) !== digest) lost += 1;
    }
    if (!bytes) continue;
    for (const step of there.keys()) {
      // The download checks the bytes against their SHA-256.
      await session.download({ at: step }).catch(() => {
        corrupt += 1;
      });
    }
  }
  return { lost, corrupt };
}

/** Whether every session has the weights, moments and points of one that is trained as far without interruption. */
async function compare(address: string, names: readonly string[]): Promise<boolean> {
  const undisturbed = await openTestRegistry({ limits: { retainedProgressPoints: 100_000 } });
  try {
    await using box = await Grokbox.connect(address);
    // All of them first: one that trained on meanwhile would only have more to be compared.
    for (const name of names) await (await box.session(name)).pause();
    for (const [i, name] of names.entries()) {
      await using session = await box.session(name);
      const { step } = await session.snapshot();
      const { sha256 } = await session.download({ at: step });
      const points = [];
      for await (const point of session.history()) points.push(point);
      const expected = await train(undisturbed, i, step);
      if (sha256 !== expected.digest) return false;
      const { losses, norms, extras } = expected;
      const same = points.every(
        ({ step: at, trainLoss, parameterNorm, extra = {} }) =>
          // A point is also recorded where a run was paused.
          losses.get(at) === trainLoss &&
          norms.get(at) === parameterNorm &&
          measures.every(({ measure }) => extras.get(at)?.[measure] === extra[measure]),
      );
      if (!same || points.length < losses.size) return false;
    }
    return true;
  } finally {
    await undisturbed.shutDown();
    await undisturbed.close();
  }
}

async function train(registry: Registry, index: number, step: number) {
  const spec = completeSpec(inputs[index]!, "grokking");
  const input = { spec, preset: "", labels: {}, engine: "", recordEvery, measures: measuresOf(index) };
  const session = await registry.start(input);
  const plan = { untilStep: step, stopWhen: [], snapshotAt: [], recordAt: [], recordEvery };
  await session.run(plan, undefined, never);
  while (session.isTraining) await session.log.changed(1_000, never);
  const { state } = await session.present(step, never);
  const { theta, xi, moments } = state;
  const digest = createHash("sha256").update(theta).update(xi);
  if (moments !== undefined) {
    const { thetaFirst, thetaSecond, xiFirst, xiSecond } = moments;
    for (const array of [thetaFirst!, thetaSecond!, xiFirst, xiSecond]) digest.update(array);
  }
  const points = session.log.read(1, 100_000);
  const losses = new Map(points.map((point) => [point.step, point.trainLoss]));
  const norms = new Map(points.map((point) => [point.step, point.parameterNorm]));
  const extras = new Map(points.map((point) => [point.step, point]));
  await registry.delete(session.name);
  return { digest: digest.digest("hex"), losses, norms, extras };
}
