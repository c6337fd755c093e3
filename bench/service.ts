import { execFile } from "node:child_process";
import { EventEmitter, once } from "node:events";
import { join } from "node:path";
import { promisify } from "node:util";
import { Grokbox, type Session } from "../sdk/src/mod.ts";
import { startServerProcess } from "./server-process.ts";
import { median, quantile } from "./statistics.ts";

/** How a server serves many while it trains. */
export interface ServiceSpeed {
  /**
   * Unary Step(1) on one session while another runs in the background, milliseconds at the client: on a server that has answered for
   * a while, to a client that is new to it.
   */
  readonly stepP50Ms: number;
  readonly stepP99Ms: number;
  /** The same on a server that has just started. */
  readonly firstStepP99Ms: number;
  /** GetSession a second, 32 calls in flight. */
  readonly getSessionPerSecond: number;
  /**
   * Steps a second with 100 watchers on the session, over steps a second with none; median of interleaved rounds. A point every 100
   * steps, all of which each of them is told of, in the process that measures.
   */
  readonly watchedRatio: number;
}

const inFlight = 32;
const watchers = 100;

/**
 * Calls that are not timed, for V8 compiles what it runs on threads that take the cores from everybody else, some milliseconds each:
 * a second of them at the client, as long as a script takes to begin with, and as many at the server as it takes to be done.
 */
const clientWarmUp = 1_000;
const serverWarmUp = 15_000;
const timedSteps = 3_000;

/** Of each watched run: several seconds, since a crowd is told once a second, and the last time after the run. */
const watchedSteps = 64_000;
const recordEvery = 100;

/** Measures a server in a process of its own from this one, on the same cores. */
export async function measureService(rounds: number): Promise<ServiceSpeed> {
  const { child, address } = await startServerProcess();
  try {
    await using box = await Grokbox.connect(address);
    const stepLatencies = await stepLatency(address);
    const getSessionPerSecond = await getSessionRate(box);
    const watchedRatio = await watchedSpeed(box, rounds);
    return { ...stepLatencies, getSessionPerSecond, watchedRatio };
  } finally {
    child.kill();
  }
}

async function stepLatency(
  address: string,
): Promise<Pick<ServiceSpeed, "stepP50Ms" | "stepP99Ms" | "firstStepP99Ms">> {
  await using box = await Grokbox.connect(address);
  await using background = await box.start({ preset: "grokking" });
  await background.run().started;
  const first = await stepsOfNewClient(address, clientWarmUp);
  await stepsOfNewClient(address, serverWarmUp);
  const milliseconds = await stepsOfNewClient(address, clientWarmUp);
  await background.pause();
  return {
    stepP50Ms: quantile(milliseconds, 0.5),
    stepP99Ms: quantile(milliseconds, 0.99),
    firstStepP99Ms: quantile(first, 0.99),
  };
}

/** Milliseconds of each Step(1) of a client in a process of its own. */
async function stepsOfNewClient(address: string, warmUp: number): Promise<number[]> {
  const client = join(import.meta.dirname, "step-client.ts");
  const { stdout } = await promisify(execFile)(process.execPath, [
    client,
    address,
    `${warmUp}`,
    `${timedSteps}`,
  ]);
  return JSON.parse(stdout);
}

async function getSessionRate(box: Grokbox): Promise<number> {
  await using session = await box.start({ preset: "standard" });
  const calls = async (each: number) => {
    const began = performance.now();
    const one = async () => {
      for (let i = 0; i < each; i++) await session.refresh();
    };
    await Promise.all(Array.from({ length: inFlight }, one));
    return (each * inFlight * 1000) / (performance.now() - began);
  };
  await calls(100);
  return median([await calls(200), await calls(200), await calls(200)]);
}

async function watchedSpeed(box: Grokbox, rounds: number): Promise<number> {
  await using session = await box.start({ preset: "standard", recordEvery });
  await speed(session, watchedSteps);
  const ratios: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const alone = await speed(session, watchedSteps);
    const stop = new AbortController();
    const watching = Array.from({ length: watchers }, () => watch(session, stop.signal));
    // To open a hundred streams is not what is timed: each has seen a point when it begins.
    let areOpen = false;
    const opening = Promise.all(watching.map(({ begun }) => begun)).then(() => {
      areOpen = true;
    });
    while (!areOpen) await speed(session, recordEvery);
    await opening;
    const watched = await speed(session, watchedSteps);
    const last = (await session.refresh()).step;
    await Promise.all(watching.map(({ reached }) => reached(last)));
    stop.abort();
    await Promise.all(watching.map(({ ended }) => ended));
    ratios.push(watched / alone);
  }
  return median(ratios);
}

/** Follows a session until `signal` aborts, and says when it has seen its first point and when one of a later step. */
function watch(session: Session, signal: AbortSignal) {
  const seen = new EventEmitter();
  let newest = -1;
  const reached = async (step: number) => {
    while (newest < step) await once(seen, "point");
  };
  const follow = async () => {
    try {
      for await (const event of session.watch({ signal })) {
        if (event.kind !== "point") throw new Error(`a watcher was told of a ${event.kind}`);
        newest = event.step;
        seen.emit("point");
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  };
  return { begun: reached(0), reached, ended: follow() };
}

/** Steps a second of a run, timed by the server's own clock of its progress as the client sees it end. */
async function speed(session: Session, steps: number): Promise<number> {
  const { step } = await session.refresh();
  const began = performance.now();
  await session.run({ untilStep: step + steps }).finished;
  return (steps * 1000) / (performance.now() - began);
}
