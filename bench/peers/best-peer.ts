import type { Effort, Shape } from "../engine-speed.ts";
import { median } from "../statistics.ts";
import { type frameworks, type OpenStyle, PeerProcess, type Timing } from "./peer-process.ts";

/** One style, as fast as it was when the best one was looked for. */
export interface Candidate {
  readonly framework: string;
  readonly version?: string;
  /** Absent when the framework itself is. */
  readonly style?: string;
  readonly blas?: string;
  readonly stepsPerSecond?: number;
  /** In place of a speed. */
  readonly error?: string;
}

/** Everything that was tried on one shape. */
export interface PeerChoice extends Shape {
  readonly threads: number;
  /** `torch 2.13.0, hand gemm fused, mkl`; null when there is none. */
  readonly best: string | null;
  readonly candidates: readonly Candidate[];
}

/** Where to look for peers. */
export interface PeerSource {
  /** Path of the interpreter. */
  readonly python: string;
  readonly frameworks: readonly (typeof frameworks)[number][];
}

/** The fastest of them, ready to take turns with an engine. */
export interface Peer extends Disposable {
  readonly name: string;
  /** Of its process since the style was made. */
  readonly peakMemoryBytes: number;
  /** Steps of one measurement, about as long as the effort says. */
  readonly steps: number;
  /** Makes one measurement. */
  measure(): Promise<Timing>;
}

/**
 * Tries every style of every framework that a Python has, each three times as long as a measurement, and opens the fastest.
 *
 * @param folder - where solutions in float64 are kept
 */
export async function bestPeer(
  { python, frameworks }: PeerSource,
  shape: Shape,
  threads: number,
  { milliseconds }: Effort,
  folder: string,
): Promise<{ readonly choice: PeerChoice; readonly peer?: Peer }> {
  const { p, width } = shape;
  const candidates: Candidate[] = [];
  for (const framework of frameworks) {
    using process = new PeerProcess({ python, framework, threads });
    try {
      for (const style of await process.styles(p, width)) {
        candidates.push(await tried(process, framework, style));
      }
    } catch (error) {
      candidates.push({ framework, error: (error as Error).message });
    }
  }
  const fast = candidates.filter(({ stepsPerSecond }) => stepsPerSecond !== undefined);
  const [best] = fast.sort((a, b) => b.stepsPerSecond! - a.stepsPerSecond!);
  if (best === undefined) return { choice: { ...shape, threads, best: null, candidates } };

  const framework = frameworks.find((name) => name === best.framework)!;
  const process = new PeerProcess({ python, framework, threads });
  const open = await process.open(best.style!, p, width, folder);
  const steps = await stepsIn(process, open, milliseconds);
  const name = `${framework} ${open.version}, ${open.style}, ${open.blas}`;
  return {
    choice: { ...shape, threads, best: name, candidates },
    peer: {
      name,
      peakMemoryBytes: open.peakMemoryBytes,
      steps,
      measure: () => process.advance(steps),
      [Symbol.dispose]: () => process[Symbol.dispose](),
    },
  };

  async function tried(process: PeerProcess, framework: string, style: string): Promise<Candidate> {
    try {
      const open = await process.open(style, p, width, folder);
      const { version, blas } = open;
      const tried = { framework, version, style, blas };
      if (open.cohort > 1) return { ...tried, error: "for information, see peer.py: many networks at once" };
      const steps = await stepsIn(process, open, milliseconds);
      const speeds: number[] = [];
      for (let i = 0; i < 3; i++) speeds.push(steps / (await process.advance(steps)).seconds);
      return { ...tried, stepsPerSecond: median(speeds) };
    } catch (error) {
      return { framework, style, error: (error as Error).message };
    }
  }
}

async function stepsIn(process: PeerProcess, { quantum }: OpenStyle, milliseconds: number): Promise<number> {
  let quanta = 1;
  for (;;) {
    const ms = (await process.advance(quanta * quantum)).seconds * 1000;
    if (ms >= milliseconds / 2) return quantum * Math.max(1, Math.round((quanta * milliseconds) / ms));
    quanta *= 2;
  }
}
