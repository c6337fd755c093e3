import { calibrated } from "../server/calibration-file.ts";
import { configure, type EngineName } from "../server/config.ts";
import type { Engine, Trainer } from "../server/engine/engine.ts";
import { engineOpeners, openEngines } from "../server/engines.ts";
import { completeSpec } from "../server/model/presets.ts";
import type { Spec } from "../server/model/spec.ts";
import type { SpecInput } from "../server/model/spec-input.ts";
import { lackedOptions } from "../server/sessions/awake.ts";
import { type Candidate, expectedStepMs, fastest } from "../server/sessions/placement.ts";
import { type Effort, secondsOf, stepsIn } from "./engine-speed.ts";
import { posed } from "./problem.ts";
import { median } from "./statistics.ts";

/** What `--engine auto` chooses for a network, beside what each engine does. */
export interface AutoChoice {
  readonly p: number;
  readonly width: number;
  /** For people: what else the network has. */
  readonly options: string;
  readonly choice: string;
  readonly reason: string;
  readonly engines: readonly EngineSpeed[];
  /** Measured speed of the choice over that of the fastest. */
  readonly ofBest: number;
}

interface EngineSpeed {
  readonly name: string;
  /** By what was timed when the server started. */
  readonly expectedStepsPerSecond: number;
  /** Median over rounds in turns; null where an engine is expected to be so slow that it is out of the question. */
  readonly stepsPerSecond: number | null;
}

/** Sizes between those that are timed at the start and at them, and what makes a step another one. */
const networks: readonly SpecInput[] = [
  { modulus: 7, width: 16 },
  { modulus: 11, width: 64 },
  { modulus: 23, width: 128 },
  { modulus: 23, width: 512 },
  { modulus: 23, width: 512, activation: "gelu" },
  { modulus: 23, width: 512, activation: "x^2", optimizer: { kind: "sgd", learningRate: 0.1 } },
  { modulus: 23, width: 512, embedding: { dimension: 128 } },
  { modulus: 31, width: 300, split: { kind: "torch", fraction: 0.5 } },
  { modulus: 59, width: 512 },
  { modulus: 97, width: 512 },
  { modulus: 97, width: 9107 },
];

/** Engines that are expected to take so many times as long as the fastest are not measured. */
const outOfQuestion = 30;

/** Engines that work here, timed as a server times them when it starts, and then on every network in turns. */
export async function* measureAuto(
  allowSoftware: boolean,
  { rounds, milliseconds }: Effort,
): AsyncGenerator<AutoChoice> {
  const set = await openEngines(
    { ...configure({ allowSoftware }), engines: await namesHere(allowSoftware) },
    engineOpeners,
  );
  try {
    const { offered } = await calibrated(set, undefined, { warn: console.warn } as never);
    const candidates = offered.flatMap(({ engine, calibration }) =>
      calibration ? [{ engine, calibration, training: 0 }] : [],
    );
    if (candidates.length === 0) throw new Error("there is one engine here, so there is nothing to choose");
    for (const network of networks)
      yield await choose(candidates, completeSpec(network), { rounds, milliseconds });
  } finally {
    for (const engine of new Set([...set.offered.map(({ engine }) => engine), set.evaluator]))
      await engine.close();
  }
}

/** Those that auto would offer, and tensorflow, so that there is a choice also without a GPU. */
async function namesHere(allowSoftware: boolean): Promise<EngineName[]> {
  const config = configure({ allowSoftware });
  const cpu = await engineOpeners.cpu(config);
  const names: EngineName[] = [];
  for (const name of ["webgpu", "cpu", "tensorflow"] as const) {
    const open = name === "cpu" ? undefined : engineOpeners.others[name];
    try {
      const engine = await open?.(config, cpu);
      await engine?.close();
      names.push(name);
    } catch (error) {
      console.error(`${name}: ${error instanceof Error ? error.message : error}`);
    }
  }
  await cpu.close();
  return names;
}

async function choose(
  candidates: readonly Candidate[],
  spec: Spec,
  { rounds, milliseconds }: Effort,
): Promise<AutoChoice> {
  const able = candidates.filter(({ engine }) => lackedOptions(engine, spec).length === 0);
  const { engine: choice, reason } =
    able.length > 1
      ? fastest(able, spec)
      : { engine: able[0].engine, reason: "the only one with its options" };
  const expected = able.map(({ calibration }) => expectedStepMs(calibration, spec, 0));
  const least = Math.min(...expected);
  const measured = await Promise.all(
    able.map(async ({ engine }, i) =>
      expected[i] <= outOfQuestion * least ? await prepare(engine, spec, milliseconds) : undefined,
    ),
  );
  const speeds = able.map((): number[] => []);
  for (let round = 0; round < rounds; round++) {
    for (const [i, measure] of measured.entries()) if (measure) speeds[i].push(await measure.speed());
  }
  for (const each of measured) each?.trainer.close();
  const medians = speeds.map((all) => (all.length === 0 ? null : median(all)));
  const { modulus, width, activation, optimizer, embedding } = spec;
  const ofEngine = medians[able.findIndex(({ engine }) => engine === choice)] ?? 0;
  return {
    p: modulus,
    width,
    options: [
      activation,
      optimizer.kind,
      ...(embedding ? [`learned embedding, d = ${embedding.dimension}`] : []),
    ].join(", "),
    choice: choice.name,
    reason,
    engines: able.map(({ engine }, i) => ({
      name: engine.name,
      expectedStepsPerSecond: 1000 / expected[i],
      stepsPerSecond: medians[i],
    })),
    ofBest: ofEngine / Math.max(...medians.map((one) => one ?? 0)),
  };
}

/** A trainer, and how many steps a second it makes: of so many steps as take about `milliseconds`. */
async function prepare(engine: Engine, spec: Spec, milliseconds: number) {
  const { problem, state } = posed(spec);
  const trainer: Trainer = await engine.open(problem, state);
  const steps = await stepsIn(engine, [trainer], milliseconds);
  return { trainer, speed: async () => steps / (await secondsOf(engine, [trainer], steps)) };
}
