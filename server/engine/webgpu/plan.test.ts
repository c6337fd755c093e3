import fc from "fast-check";
import { beforeAll, describe, expect, it, test } from "vitest";
import { OracleTrainer } from "../../model/oracle.ts";
import { makeStart } from "../conformance/arbitrary-problem.ts";
import { relativeDistance } from "../conformance/distance.ts";
import { choiceOf } from "../conformance/example-starts.ts";
import { bitsOf } from "../conformance/state-bits.ts";
import type { FusedTile } from "./fused-plan.ts";
import { Gpu } from "./gpu.ts";
import type { Network } from "./network.ts";
import {
  type KernelPlan,
  largestLimits,
  planOf,
  type Shape,
  shapeOf,
  type Tuning,
  type WorkgroupLimits,
} from "./plan.ts";
import { assemble, type Constants } from "./shader.ts";
import { softwareAdapterMissing, useSoftwareAdapterOnThisThread } from "./testing/software-adapter.ts";
import type { TiledTuning } from "./tiled-plan.ts";

useSoftwareAdapterOnThisThread();

const arbitraryShape: fc.Arbitrary<Shape> = fc.record({
  modulus: fc.integer({ min: 1, max: 64 }).map((half) => 2 * half + 1),
  width: fc.oneof(fc.integer({ min: 8, max: 80 }), fc.integer({ min: 8, max: 10_000 })),
  activation: fc.constant("relu"),
  optimizer: fc.constant("adamw"),
  dimension: fc.constantFrom(0, 7),
  grokfast: fc.constant(false),
});

const softwareLimits: WorkgroupLimits = { invocations: 256, memoryBytes: 16 << 10, sums: 12, atOnce: 0 };

/** Of a large GPU, of one that gives the least that WebGPU promises, and of the software adapter. */
const arbitraryLimits: fc.Arbitrary<WorkgroupLimits> = fc.constantFrom(
  largestLimits,
  { invocations: 256, memoryBytes: 16 << 10, sums: 160, atOnce: 40 },
  softwareLimits,
);

const bytesOfType: Readonly<Record<string, number>> = {
  ...{ f32: 4, u32: 4, vec2f: 8, vec2u: 8, vec4f: 16 },
  // As they are declared in the kernels.
  ...{ Largest: 8, PairTrace: 32 },
};

/** The value of a constant or an expression of them in the text of a kernel. */
function evaluator(text: string): (expression: string) => number {
  const names = new Map<string, string>();
  for (const [, name, value] of text.matchAll(/^const (\w+) = ([^;]+);/gm)) names.set(name, value);
  const amount = (expression: string): bigint => {
    const numbers = expression
      .replaceAll(/\b(\d+)u\b/g, "$1n")
      .replaceAll(/\b[A-Za-z]\w*\b(?!\()/g, (name) => `${amount(names.get(name)!)}n`);
    const [least, most] = [
      (a: bigint, b: bigint) => (a < b ? a : b),
      (a: bigint, b: bigint) => (a > b ? a : b),
    ];
    const select = (a: bigint, b: bigint, condition: boolean) => (condition ? b : a);
    return new Function("min", "max", "select", `return ${numbers}`)(least, most, select);
  };
  return (expression) => Number(amount(expression));
}

/** What the text of a kernel asks of a workgroup. */
function workgroupOf({ files, constants, rounds }: KernelPlan): { invocations: number; memoryBytes: number } {
  const text = assemble(files, constants, rounds);
  const amount = evaluator(text);
  const variables = [...text.matchAll(/^var<workgroup> \w+: (?:array<(\w+), (.+)>|(\w+));/gm)];
  expect(variables.length).toBe(text.match(/var<workgroup>/g)?.length);
  let memoryBytes = 0;
  for (const [, type, length, single] of variables) {
    memoryBytes += single === undefined ? bytesOfType[type] * amount(length) : bytesOfType[single];
  }
  return { invocations: amount(/@workgroup_size\((.+)\)/.exec(text)![1]), memoryBytes };
}

test("no workgroup of any shape asks for more than a device gives", () => {
  fc.assert(
    fc.property(arbitraryShape, arbitraryLimits, (shape, limits) => {
      const { passes, trace } = planOf(shape, limits);
      expect(passes[0].members).toBe(1);
      for (const [i, pass] of passes.entries()) {
        if (i > 0) expect(pass.members).toBeGreaterThan(passes[i - 1].members);
        for (const kernel of [...pass.dispatches.map((dispatch) => dispatch.kernel), trace]) {
          const { invocations, memoryBytes } = workgroupOf(kernel);
          expect(invocations, kernel.entryPoint).toBeLessThanOrEqual(limits.invocations);
          expect(memoryBytes, kernel.entryPoint).toBeLessThanOrEqual(limits.memoryBytes);
          expect(memoryBytes, kernel.entryPoint).toBeGreaterThan(0);
        }
      }
    }),
  );
});

test("how many networks there are decides no order of a sum", () => {
  const gradients = ["RUN"];
  const orders: Readonly<Record<string, readonly string[]>> = {
    ...{ "fused-forward": ["PARTS"], "fused-backward": gradients, "fused-backward-many": gradients },
    ...{ "tiled-forward": ["FORWARD_SPLITS", "DEPTH"], softmax: ["FORWARD_SPLITS"] },
    ...{ "tiled-xi": ["XI_SPLITS", "DEPTH"], "tiled-theta": ["THETA_SPLITS", "RESIDUES"] },
    ...{ "tiled-update": ["XI_SPLITS", "THETA_SPLITS"], factors: [], product: [] },
  };
  let further = 0;
  fc.assert(
    fc.property(arbitraryShape, arbitraryLimits, (shape, limits) => {
      const [first, ...others] = planOf(shape, limits).passes.map(({ dispatches }) =>
        dispatches.flatMap(({ name, groups, isLoop, kernel }) =>
          (isLoop ? ["fused-forward", "fused-backward"] : [name]).map((half) => [
            groups[1],
            ...orders[half].map((constant) => kernel.constants[constant]),
          ]),
        ),
      );
      for (const other of others) expect(other).toEqual(first);
      further += others.length;
    }),
  );
  expect(further).toBeGreaterThan(0);
});

test("one network alone has a loop where all of its workgroups are known to run at once", () => {
  const small = fc.tuple(arbitraryShape, fc.integer({ min: 1, max: 12 }), fc.integer({ min: 8, max: 528 }));
  let [loops, others] = [0, 0];
  fc.assert(
    fc.property(small, fc.nat({ max: 160 }), ([shape, half, width], atOnce) => {
      const plan = planOf({ ...shape, modulus: 2 * half + 1, width }, { ...largestLimits, atOnce });
      const [alone, ...passes] = plan.passes;
      for (const { dispatches } of passes) expect(dispatches.some(({ isLoop }) => isLoop)).toBe(false);
      const [{ isLoop = false, groups, kernel }] = alone.dispatches;
      expect(plan.exchangeBytes > 0).toBe(isLoop);
      if (!isLoop) {
        others++;
        return;
      }
      loops++;
      const amount = evaluator(assemble(kernel.files, kernel.constants, kernel.rounds));
      expect(plan.exchangeBytes).toBe(4 * amount("tracesFrom + 8u * U"));
      expect(alone.dispatches.length).toBe(1);
      expect(groups[0]).toBe(Math.max(kernel.constants.FORWARD_GROUPS, kernel.constants.GROUPS + 1));
      expect(groups[0]).toBeLessThanOrEqual(atOnce);
      expect(shape.dimension).toBe(0);
      expect(passes[0].members).toBe(2);
    }),
  );
  expect(loops).toBeGreaterThan(0);
  expect(others).toBeGreaterThan(0);
  const { problem } = makeStart(
    choiceOf({ modulus: 23, width: 512, activation: "relu", optimizer: "adamw" }),
  );
  const [alone] = planOf(shapeOf(problem), largestLimits).passes;
  expect(alone.dispatches).toMatchObject([{ name: "fused-loop", groups: [129, 1] }]);
});

const grokfast = { alpha: 0.9, lambda: 2 };

describe.skipIf(softwareAdapterMissing !== undefined).each([
  { with: "AdamW", grokfast: undefined },
  { with: "AdamW and Grokfast", grokfast },
  { with: "a learned embedding and GELU", grokfast: undefined, activation: "gelu", dimension: 3 },
] as const)("the fused kernels, with $with", ({ grokfast, ...given }) => {
  const { problem, state } = makeStart(
    choiceOf({ modulus: 7, width: 43, activation: "x^2", optimizer: "adamw", ...given }),
  );
  const start = {
    problem: { ...problem, optimizer: { ...problem.optimizer, ...(grokfast && { grokfast }) } },
    state,
  };
  /** Steps of one network alone, and of two together. */
  const run = async (tuning: Tuning) => {
    const gpu = await Gpu.open({ allowSoftware: true, memoryBytes: undefined, tuning });
    try {
      const load = async () => (await gpu.load(start.problem, start.state)).network;
      const networks = [await load(), await load(), await load()];
      const advance = async (network: Network) => {
        const { trace, weights } = await gpu.advance(network, { steps: 5, weightsAt: [2, 3], measureAt: [] });
        return { trace, weights, bits: bitsOf(await gpu.read(network)) };
      };
      // Not the first one: who is alone has its state bound from its slot on.
      const alone = await advance(networks[1]);
      return [alone, ...(await Promise.all([advance(networks[0]), advance(networks[2])]))];
    } finally {
      gpu.destroy();
    }
  };
  const order = { neuronParts: 8 };
  /** The first of them has what it would show. */
  const isTold = process.env.LONG_TESTS === undefined && (grokfast !== undefined || "dimension" in given);
  let first: Awaited<ReturnType<typeof run>>;
  beforeAll(async () => {
    first = await run(order);
  });

  const arbitraryTile: fc.Arbitrary<FusedTile> = fc.record({
    members: fc.constant(1),
    pairLanes: fc.constantFrom(1, 2, 8, 32),
    differences: fc.constantFrom(1, 2, 3, 4),
    ahead: fc.constantFrom(1, 2, 4),
    neurons: fc.constantFrom(4, 8, 16, 32),
    many: fc.boolean(),
    staged: fc.boolean(),
  });

  it("leave the same bits and losses however they are cut up", async () => {
    await fc.assert(
      fc.asyncProperty(arbitraryTile, async (tile) => {
        expect(await run({ ...order, tiles: [tile] })).toEqual(first);
      }),
      { numRuns: process.env.LONG_TESTS ? 8 : 1 },
    );
  });

  it("leave the same alone and together", () => {
    expect(first).toEqual([first[0], first[0], first[0]]);
  });

  // The software adapter runs one for sure.
  it.skipIf("dimension" in given || isTold)("leave the same as one loop", async () => {
    const tile = { members: 1, pairLanes: 1, differences: 2, ahead: 2, neurons: 4, many: false };
    const tuning = { ...order, atOnce: 1, tiles: [{ ...tile, staged: true }] };
    const { passes } = planOf(shapeOf(start.problem), softwareLimits, tuning);
    expect(passes[0].dispatches).toMatchObject([{ isLoop: true, groups: [1, 1] }]);
    expect(await run(tuning)).toEqual(first);
  });

  it.skipIf(isTold)(
    "leave others when they add in another order, so that the tests above mean something",
    async () => {
      const [other] = await run({ ...order, neuronParts: 4 });
      expect(other.bits).not.toEqual(first[0].bits);
    },
  );
});

it.skipIf(softwareAdapterMissing !== undefined).each([
  { modulus: 31, what: "the fused kernels at their largest p" },
  { modulus: 33, what: "a logit that columns share, and tiles of two runs of residues" },
  { modulus: 113, what: "logits in two parts, and one that columns share" },
])("steps of p = $modulus are float64's: $what", async ({ modulus }) => {
  const { problem, state } = makeStart(
    choiceOf({ modulus, width: 9, activation: "relu", optimizer: "adamw" }),
  );
  const gpu = await Gpu.open({ allowSoftware: true, memoryBytes: undefined });
  try {
    const { network } = await gpu.load(problem, state);
    await gpu.advance(network, { steps: 2, weightsAt: [], measureAt: [] });
    const { theta, xi } = await gpu.read(network);
    const oracle = new OracleTrainer(problem, state);
    for (let i = 0; i < 2; i++) oracle.step();
    const truth = [oracle.theta, oracle.xi];
    const moved = relativeDistance([state.theta, state.xi], truth);
    expect(relativeDistance([theta, xi], truth)).toBeLessThan(Math.min(1e-5, moved / 1000));
  } finally {
    gpu.destroy();
  }
});

describe.skipIf(softwareAdapterMissing !== undefined)("the tiled kernels leave the same", () => {
  /** Steps of a network, each of whose kernels is cut up so if it has these constants. */
  const run = async (
    { problem, state }: ReturnType<typeof makeStart>,
    tuning: TiledTuning,
    constants: Constants,
  ) => {
    const kernels = planOf(shapeOf(problem), softwareLimits, tuning).passes[0].dispatches.map(
      ({ kernel }) => kernel,
    );
    for (const [name, value] of Object.entries(constants)) {
      const given = kernels.map((kernel) => kernel.constants[name]).filter((own) => own !== undefined);
      expect(new Set(given)).toEqual(new Set([value]));
    }
    const gpu = await Gpu.open({ allowSoftware: true, memoryBytes: undefined, tuning });
    try {
      const { network } = await gpu.load(problem, state);
      const { trace } = await gpu.advance(network, { steps: 5, weightsAt: [], measureAt: [] });
      return { trace, bits: bitsOf(await gpu.read(network)) };
    } finally {
      gpu.destroy();
    }
  };

  it("with one buffer and with two", async () => {
    const start = makeStart(choiceOf({ modulus: 37, width: 45, activation: "abs", optimizer: "adamw" }));
    const buffered = (buffers: number) => {
      const each = { buffers };
      return run(start, { forward: each, xi: each, theta: each }, { BUFFERS: buffers });
    };
    expect(await buffered(2)).toEqual(await buffered(1));
  });

  // Tiles have residues of two runs of differences, and the last run has differences that there are not; of p = 3 an invocation may have none.
  const sloped = [
    { modulus: 37, width: 45, activation: "gelu" },
    { modulus: 33, width: 10, activation: "x^3" },
    { modulus: 3, width: 4101, activation: "relu" },
    { modulus: 37, width: 45, activation: "abs" },
    { modulus: 33, width: 10, activation: "relu" },
    { modulus: 33, width: 10, activation: "x^2" },
  ] as const;
  it.each(process.env.LONG_TESTS ? sloped : sloped.slice(0, 1))(
    "with slopes at once and in turn: $activation, p = $modulus",
    async (shape) => {
      const start = makeStart(choiceOf({ ...shape, optimizer: "adamw" }));
      const steps = (slopesAtOnce: boolean) =>
        run(start, { theta: { slopesAtOnce } }, { SLOPES_AT_ONCE: Number(slopesAtOnce) });
      expect(await steps(true)).toEqual(await steps(false));
    },
  );
});
