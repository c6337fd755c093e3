import { grokking } from "../../clients/paper/catalogue/grokking.ts";
import { singleFrequency } from "../../clients/paper/catalogue/single-frequency.ts";
import { standard } from "../../clients/paper/catalogue/standard.ts";
import type { Published } from "../../clients/paper/published.ts";
import { isWithin, relative } from "../../clients/paper/tolerance.ts";
import { relativeDistance } from "../../server/engine/conformance/distance.ts";
import type { Advance, Engine } from "../../server/engine/engine.ts";
import { largeTiles } from "../../server/engine/webgpu/fused-plan.ts";
import { arraysOf } from "../../server/model/network-state.ts";
import { OracleTrainer } from "../../server/model/oracle.ts";
import { measureAuto } from "../auto.ts";
import { presetProblem, standardProblem } from "../problem.ts";

/** Something that the engine must get right, and whether it did. */
export interface Check {
  readonly what: string;
  readonly passed: boolean;
  /** What was measured, for people. */
  readonly detail: string;
}

/** Both families of kernels at odd shapes, beside the same steps in float64. */
export async function* checkOracle(engine: Engine): AsyncGenerator<Check> {
  for (const [p, width, steps] of [
    [3, 9, 100],
    [23, 512, 20],
    [31, 93, 20],
    [37, 131, 10],
    [97, 45, 2],
    [97, 512, 2],
  ] as const) {
    const { problem, state } = standardProblem({ p, width });
    const quick = { ...problem, optimizer: { ...problem.optimizer, learningRate: 1e-3 } };
    const trainer = await engine.open({ ...quick, schedule: { warmupSteps: 1 } }, state);
    const oracle = new OracleTrainer({ ...quick, schedule: { warmupSteps: 1 } }, state);
    await trainer.advance(steps);
    for (let i = 0; i < steps; i++) oracle.step();
    const { theta, xi } = await trainer.readState();
    trainer.close();
    const error = relativeDistance([theta, xi], [oracle.theta, oracle.xi]);
    yield {
      what: `${steps} steps at p = ${p}, M = ${width}, beside float64`,
      passed: error < 1e-4,
      detail: `weights off by ${error.toExponential(1)} (relative L2)`,
    };
  }
}

/** The same bits in one call and in many, alone and in cohorts, for which there are other kernels. */
export async function* checkBits(engine: Engine): AsyncGenerator<Check> {
  for (const activation of ["relu", "gelu"] as const) {
    const { problem, state } = standardProblem({ p: 23, width: 512 });
    const run = async (trainers: number, cuts: readonly number[]) => {
      const all = await Promise.all(
        Array.from({ length: trainers }, () => engine.open({ ...problem, activation }, state)),
      );
      let last: Advance[] = [];
      for (const steps of cuts)
        last = await Promise.all(engine.advance(all.map((trainer) => ({ trainer, steps }))));
      const states = await Promise.all(all.map((trainer) => trainer.readState()));
      for (const trainer of all) trainer.close();
      return states.map((state, i) => {
        const { trainLoss, gradientNorm } = last[i].trace;
        const values = [...Object.values(arraysOf(state)), trainLoss.slice(-1), gradientNorm.slice(-1)];
        return values.map((value) => Buffer.from(value!.buffer));
      });
    };
    const [alone] = await run(1, [1000]);
    const cohorts = largeTiles.slice(1).map(({ members }) => members + 12);
    const others = await run(1, [1, 331, 7, 661]);
    for (const [i, size] of cohorts.entries())
      others.push(...(await run(size, i === 0 ? [400, 600] : [1000])));
    const equal = others.filter((other) => other.every((bytes, i) => bytes.equals(alone[i]))).length;
    yield {
      what: `1,000 steps at p = 23, ${activation}: uneven cuts, and ${cohorts.join(" and ")} in a cohort, beside one call alone`,
      passed: equal === others.length,
      detail: `${equal} of ${others.length} have the same bits`,
    };
  }
}

/** Networks of several shapes at once, each alone in its own: the bits, also of weights on the way, of one after another and of two side by side. */
export async function checkShapes(engine: Engine): Promise<Check> {
  const grokfast = { alpha: 0.98, lambda: 2 };
  const sgd = { kind: "sgd", learningRate: 0.1, weightDecay: 1e-4, grokfast } as const;
  const starts = [
    { p: 23, width: 512 },
    { p: 13, width: 250, activation: "gelu" as const },
    { p: 5, width: 42, optimizer: sgd },
    { p: 3, width: 9 },
  ].map(({ p, width, ...changes }) => {
    const { problem, state } = standardProblem({ p, width });
    return { problem: { ...problem, ...changes }, state };
  });
  const run = async (copies: number, some: readonly (typeof starts)[number][]) => {
    const open = ({ problem, state }: (typeof starts)[number]) =>
      Promise.all(Array.from({ length: copies }, () => engine.open(problem, state)));
    const cohorts = await Promise.all(some.map(open));
    const made = cohorts.map((cohort) =>
      engine.advance(
        cohort.map((trainer) => ({ trainer, steps: 600, options: { weightsAt: [100, 101, 599] } })),
      ),
    );
    const result: Buffer[][] = [];
    for (const [i, cohort] of cohorts.entries()) {
      const [{ weights }] = await Promise.all(made[i]);
      const arrays = [await cohort[0].readState(), ...weights].flatMap((of) => Object.values(arraysOf(of)));
      result.push(arrays.map((values) => Buffer.from(values!.slice().buffer)));
      for (const trainer of cohort) trainer.close();
    }
    return result;
  };
  const alone: Buffer[][] = [];
  for (const start of starts) alone.push(...(await run(1, [start])));
  const others = [...(await run(1, starts)), ...(await run(2, starts))];
  const equal = others.filter((arrays, i) =>
    arrays.every((bytes, k) => bytes.equals(alone[i % starts.length][k])),
  ).length;
  return {
    what: `600 steps of ${starts.length} shapes at once, alone and in pairs, beside one after another`,
    passed: equal === others.length,
    detail: `${equal} of ${others.length} have the same bits`,
  };
}

/** Runs of the paper, seed for seed, against their published losses. */
export async function* checkPublished(engine: Engine): AsyncGenerator<Check> {
  const runs: [string, number, readonly Published[], number | undefined][] = [
    ["standard", 10_000, standard(23), undefined],
    ["grokking", 5_000, grokking, undefined],
    // A GPU sums in another order.
    ["quad_single_freq", 10_000, singleFrequency, 1e-4],
  ];
  for (const [name, steps, catalogue, share] of runs) {
    const wanted = catalogue.filter(
      ({ of, step, measure }) =>
        of === name && (measure === "trainLoss" || measure === "testLoss") && step! > 0 && step! <= steps,
    );
    const { problem, state } = presetProblem(name, 42);
    const trainer = await engine.open(problem, state);
    const { trace } = await trainer.advance(steps);
    trainer.close();
    const wrong = wanted.filter(({ step, measure, value, tolerance }) => {
      const measured = trace[measure as "trainLoss" | "testLoss"][step! - 1];
      return isWithin(measured, value, share === undefined ? tolerance : relative(share)) !== true;
    });
    const told = wrong.map(({ step, measure }) => `${measure} at ${step}`).join(", ");
    yield {
      what: `${name}, ${steps.toLocaleString("en")} steps`,
      passed: wanted.length > 0 && wrong.length === 0,
      detail: `${wanted.length - wrong.length} of ${wanted.length} published losses within tolerance${told && `; not ${told}`}`,
    };
  }
}

/** What a server would choose by itself, beside what each engine does: no slower than the fastest by more than a tenth. */
export async function checkAuto(allowSoftware: boolean): Promise<Check> {
  const choices = await Array.fromAsync(measureAuto(allowSoftware, { rounds: 3, milliseconds: 150 }));
  const worst = choices.reduce((a, b) => (b.ofBest < a.ofBest ? b : a));
  const onGpu = choices.filter(({ choice }) => choice === "webgpu").length;
  return {
    what: `the engine that auto chooses for ${choices.length} networks, beside the fastest`,
    passed: worst.ofBest >= 0.9,
    detail: `${onGpu} on the GPU; the least at ${(100 * worst.ofBest).toFixed(0)}% of it (p = ${worst.p}, M = ${worst.width}, ${worst.options})`,
  };
}
