import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { Live } from "../sdk/src/live/mod.ts";
import { Grokbox, type Session } from "../sdk/src/mod.ts";
import type { Count, Order } from "./live-viewers.ts";
import { metric, type ServerProcess, startServerProcess } from "./server-process.ts";
import { median, quantile } from "./statistics.ts";

/** What viewers cost a server that trains, and one another. */
export interface LiveSpeed {
  readonly sockets: number;
  readonly updatesPerSecond: number;
  /** Steps a second of a running session that nobody watches. */
  readonly stepsPerSecond: number;
  /** The same with all sockets on it, over that; median of interleaved rounds. */
  readonly watchedRatio: number;
  /** The least and the greatest of the rounds. */
  readonly watchedRatios: readonly [number, number];
  /**
   * Processor time that the server took for a step without them, over that with them: what others do on the machine changes it less than
   * the speed. Median of rounds.
   */
  readonly watchedCpuRatio: number;
  /** Messages a second that a socket was sent. */
  readonly messagesPerSecond: number;
  /** Share of a core that the process which held the sockets took. */
  readonly viewersCores: number;
  readonly unreadSockets: number;
  /** How long they were left unread, and the server as long without them, each round. */
  readonly unreadSeconds: number;
  /** Growth of the server's resident memory meanwhile, MiB; median of rounds. */
  readonly unreadGrowthMib: number;
  /** And without them. */
  readonly growthMib: number;
  /** From the call of Step(1) on an idle session until 20 other sockets had its point, 99th percentile, milliseconds. */
  readonly othersP99Ms: number;
  /** And without the unread ones. */
  readonly othersAloneP99Ms: number;
}

const [sockets, updatesPerSecond, maxPoints] = [200, 10, 500];
const [unreadSockets, unreadSeconds, others] = [5, 10, 20];
const stepsABurst = 6_000;

/** Measures a server in a process of its own, with the crowd in another one, on the same cores. */
export async function measureLive(rounds: number): Promise<LiveSpeed> {
  const server = await startServerProcess();
  const viewers = fork(join(import.meta.dirname, "live-viewers.ts"), {
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });
  try {
    await using box = await Grokbox.connect(server.address);
    const crowd = await measureCrowd(box, server, viewers, rounds);
    const unread = await measureUnread(box, server, viewers, Math.max(1, Math.min(3, rounds)));
    return { sockets, updatesPerSecond, unreadSockets, unreadSeconds, ...crowd, ...unread };
  } finally {
    viewers.kill();
    server.child.kill();
  }
}

async function order(viewers: ChildProcess, what: Order): Promise<Count> {
  viewers.send(what);
  const [count] = await once(viewers, "message");
  return count as Count;
}

async function measureCrowd(
  box: Grokbox,
  { webAddress }: ServerProcess,
  viewers: ChildProcess,
  rounds: number,
) {
  await using session = await box.start({ preset: "standard" });
  const watch: Order = {
    kind: "watch",
    webAddress,
    sockets,
    session: session.name,
    maxPoints,
    updatesPerSecond,
    unread: false,
  };
  await burst(session, webAddress);
  const [alone, ratios, cpuRatios, rates, cores] = [[], [], [], [], []] as number[][];
  for (let round = 0; round < rounds; round++) {
    const before = await burst(session, webAddress);
    await order(viewers, watch);
    const watched = await burst(session, webAddress);
    const { messages, cpuSeconds } = await order(viewers, { kind: "leave" });
    const after = await burst(session, webAddress);
    // What others do on the machine comes and goes: it is held against the bursts before and after.
    const unwatched = (before.stepsPerSecond + after.stepsPerSecond) / 2;
    alone.push(unwatched);
    ratios.push(watched.stepsPerSecond / unwatched);
    cpuRatios.push((before.cpuSeconds + after.cpuSeconds) / 2 / watched.cpuSeconds);
    rates.push(messages / sockets / watched.seconds);
    cores.push(cpuSeconds / watched.seconds);
  }
  return {
    stepsPerSecond: median(alone),
    watchedRatio: median(ratios),
    watchedRatios: [Math.min(...ratios), Math.max(...ratios)] as const,
    watchedCpuRatio: median(cpuRatios),
    messagesPerSecond: median(rates),
    viewersCores: median(cores),
  };
}

/** A run of so many steps, as the client sees it end, and the server's processor time for it. */
async function burst(session: Session, webAddress: string) {
  const { step } = await session.refresh();
  const cpuBefore = await metric(webAddress, "process_cpu_seconds_total");
  const began = performance.now();
  await session.run({ untilStep: step + stepsABurst }).finished;
  const seconds = (performance.now() - began) / 1000;
  const cpuSeconds = (await metric(webAddress, "process_cpu_seconds_total")) - cpuBefore;
  return { seconds, cpuSeconds, stepsPerSecond: stepsABurst / seconds };
}

async function measureUnread(box: Grokbox, server: ServerProcess, viewers: ChildProcess, rounds: number) {
  const { webAddress } = server;
  await using running = await box.start({ preset: "standard", recordEvery: 1 });
  await using quiet = await box.start({ modulus: 5, width: 8, recordEvery: 1 });
  await running.run().started;
  const watching = new Watching(webAddress, quiet);
  // Until all that is retained of the history is there, which grows by itself.
  while ((await running.refresh()).step < 110_000) await delay(500);
  const [without, withThem] = [[], []] as { growthMib: number; delays: number[] }[][];
  for (let round = 0; round < rounds; round++) {
    without.push(await growth(webAddress, watching));
    await order(viewers, {
      kind: "watch",
      webAddress,
      sockets: unreadSockets,
      session: running.name,
      maxPoints: 0,
      updatesPerSecond: 60,
      unread: true,
    });
    withThem.push(await growth(webAddress, watching));
    await order(viewers, { kind: "leave" });
  }
  watching.close();
  await running.pause();
  const p99 = (parts: readonly { delays: number[] }[]) =>
    quantile(
      parts.flatMap(({ delays }) => delays),
      0.99,
    );
  const mib = (parts: readonly { growthMib: number }[]) => median(parts.map(({ growthMib }) => growthMib));
  return {
    growthMib: mib(without),
    unreadGrowthMib: mib(withThem),
    othersP99Ms: p99(withThem),
    othersAloneP99Ms: p99(without),
  };
}

/** How much the server's memory grows in a while, and how long points of an idle session are on their way meanwhile. */
async function growth(
  webAddress: string,
  watching: Watching,
): Promise<{ growthMib: number; delays: number[] }> {
  const before = await residentMib(webAddress);
  const until = performance.now() + unreadSeconds * 1000;
  const delays: number[] = [];
  while (performance.now() < until) delays.push(...(await watching.step()));
  return { growthMib: (await residentMib(webAddress)) - before, delays };
}

async function residentMib(webAddress: string): Promise<number> {
  return (await metric(webAddress, "process_resident_memory_bytes")) / 2 ** 20;
}

/** Sockets that all watch one idle session. */
class Watching {
  readonly #session: Session;
  readonly #lives: Live[];
  readonly #newest: number[];
  readonly #arrivedMs: number[] = [];
  #arrived: () => void = () => {};

  constructor(webAddress: string, session: Session) {
    this.#session = session;
    this.#lives = Array.from({ length: others }, () => Live.connect(webAddress));
    this.#newest = this.#lives.map(() => 0);
    for (const [i, live] of this.#lives.entries()) void this.#watch(i, live).catch(() => {});
  }

  async #watch(i: number, live: Live): Promise<void> {
    for await (const event of live.watch(this.#session.name, { from: 1 })) {
      if (event.kind !== "batch") continue;
      this.#newest[i] = event.points.at(-1)!.step;
      this.#arrivedMs[i] = performance.now();
      this.#arrived();
    }
  }

  /** Milliseconds from the call of a step until each of them has its point. */
  async step(): Promise<number[]> {
    const calledMs = performance.now();
    const { step } = await this.#session.step(1);
    while (this.#newest.some((newest) => newest < step)) {
      await new Promise<void>((resolve) => {
        this.#arrived = resolve;
      });
    }
    const delays = this.#arrivedMs.map((ms) => ms - calledMs);
    // Longer than the pace that they keep: what is measured is not the wait for their next turn.
    await delay(130);
    return delays;
  }

  close(): void {
    for (const live of this.#lives) live.close();
  }
}
