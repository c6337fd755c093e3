import { Grokbox, type Session } from "../sdk/src/mod.ts";
import { startServerProcess } from "./server-process.ts";
import { median } from "./statistics.ts";

/** How long one analysis takes over gRPC. */
export interface AnalysisSpeed {
  readonly analysis: string;
  readonly p: number;
  readonly width: number;
  /** Of one call, milliseconds; median. */
  readonly milliseconds: number;
  /** The slowest GetSession answered meanwhile, milliseconds: how long the event loop was held. */
  readonly othersMs: number;
}

const shapes = [
  { modulus: 23, width: 512, calls: 20 },
  { modulus: 97, width: 9_107, calls: 3 },
] as const;

/** Measures a server in a process of its own from this one, on the same cores. */
export async function* measureAnalysis(): AsyncGenerator<AnalysisSpeed> {
  const { child, address } = await startServerProcess();
  try {
    await using box = await Grokbox.connect(address);
    for (const { modulus, width, calls } of shapes) {
      await using session = await box.start({ modulus, width, activation: "x^2" });
      await session.snapshot();
      for (const [analysis, call] of analyses(box, session)) {
        await call();
        const times: number[] = [];
        const others = new AbortController();
        const slowest = slowestOther(session, others.signal);
        for (let i = 0; i < calls; i++) {
          const began = performance.now();
          await call();
          times.push(performance.now() - began);
        }
        others.abort();
        yield { analysis, p: modulus, width, milliseconds: median(times), othersMs: await slowest };
      }
    }
  } finally {
    child.kill();
  }
}

function analyses(box: Grokbox, session: Session): readonly [string, () => Promise<unknown>][] {
  const { modulus, width } = session.info.spec;
  const start = { modulus, frequency: 2, alpha: 0.02, beta: 0.02, phi: 1.5, psi: 0.18 };
  return [
    ["Evaluate", () => session.evaluate({ grids: true })],
    ["Spectrum", () => session.spectrum({ neurons: { count: Math.min(width, 2_048) } })],
    ["Logits", () => session.logits()],
    ["SwapActivation", () => session.swapActivation("exp", { evaluateOnly: true })],
    ["Ablate", () => session.ablate([{ removeFrequencies: [1, 2] }, { project: true }])],
    ["Lottery", () => session.lottery({ neurons: [0, 1, 2], raceAt: [0] })],
    ["SimulateFlow", () => box.simulateFlow(start, { eulerSteps: 1_400, timeStep: 1 / modulus ** 2 })],
    [
      "OutcomeContour",
      () => box.outcomeContour({ scales: grid(0.01, 0.02), doubledPhases: grid(0, 2 * Math.PI) }),
    ],
  ];
}

function grid(from: number, to: number): number[] {
  return Array.from({ length: 30 }, (_, i) => from + ((to - from) * i) / 29);
}

async function slowestOther(session: Session, signal: AbortSignal): Promise<number> {
  let slowest = 0;
  while (!signal.aborted) {
    const began = performance.now();
    await session.refresh();
    slowest = Math.max(slowest, performance.now() - began);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  return slowest;
}
