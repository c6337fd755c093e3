import fc from "fast-check";
import { expect, test, vi } from "vitest";
import { bitsOf } from "../engine/conformance/state-bits.ts";
import { completeSpec } from "../model/presets.ts";
import type { SpecInput } from "../model/spec-input.ts";
import type { RunPlan } from "./plan.ts";
import type { Registry } from "./registry.ts";
import type { Session } from "./session.ts";
import { openTestRegistry, type TestRegistryOptions, unrepeated } from "./testing/registry.ts";

const never = new AbortController().signal;
const plan: RunPlan = { stopWhen: [], snapshotAt: [], recordEvery: 100, recordAt: [] };

function start(registry: Registry, input: SpecInput): Promise<Session> {
  const spec = completeSpec(input, "grokking");
  return registry.start({ spec, preset: "grokking", labels: {}, engine: "auto", recordEvery: 100 });
}

async function atRest(session: Session): Promise<void> {
  while (session.isTraining) await session.log.changed(1_000, never);
}

/** The state, and the points recorded. */
async function outcome(session: Session) {
  const { state } = await session.present(undefined, never);
  return { ...bitsOf(state), points: session.log.read(0, 10_000) };
}

async function closed(registry: Registry): Promise<void> {
  await registry.shutDown();
  await registry.close();
}

/** Adds to `sizes` those of the cohorts that sessions which start from now on train in. */
function watchCohorts({ engines }: Registry, sizes: Set<number>): void {
  const { engine } = engines[0]!;
  const open = engine.open.bind(engine);
  vi.spyOn(engine, "open").mockImplementation(async (...opening) => {
    const trainer = await open(...opening);
    const advance = trainer.advance.bind(trainer);
    vi.spyOn(trainer, "advance").mockImplementation((steps, options) => {
      sizes.add(options?.cohort ?? 1);
      return advance(steps, options);
    });
    return trainer;
  });
}

const arbitrarySession = fc.record({
  modulus: fc.constantFrom(5, 11, 23),
  width: fc.integer({ min: 8, max: 96 }),
  seed: fc.nat(1_000),
  steps: fc.integer({ min: 1, max: 1_500 }),
  recordEvery: fc.constantFrom(1, 7, 100),
  snapshotAt: fc.uniqueArray(fc.integer({ min: 1, max: 1_500 }), { maxLength: 2 }),
});

type Choice = typeof arbitrarySession extends fc.Arbitrary<infer T> ? T : never;

async function run(registry: Registry, { modulus, width, seed, steps, ...rest }: Choice): Promise<Session> {
  const session = await start(registry, { modulus, width, seed });
  const snapshotAt = rest.snapshotAt.filter((at) => at <= steps).sort((a, b) => a - b);
  await session.run({ ...plan, untilStep: steps, recordEvery: rest.recordEvery, snapshotAt }, 0, never);
  return session;
}

/** Sessions that train until they are paused, and have all trained together: whoever comes now has others to train with, however short it is. */
async function company(
  registry: Registry,
  size: number,
  sizes: ReadonlySet<number>,
): Promise<readonly Session[]> {
  const shape = { modulus: 11, width: 24 };
  const members = await Promise.all(
    Array.from({ length: size }, (_, seed) => start(registry, { ...shape, seed })),
  );
  for (const member of members) await member.run(plan, undefined, never);
  while (!sizes.has(size)) await members[0]!.log.changed(1_000, never);
  return members;
}

/** What each comes to when no other is there. */
async function outcomesAlone(options: TestRegistryOptions, choices: readonly Choice[]) {
  const registry = await openTestRegistry(options);
  try {
    const outcomes = [];
    for (const choice of choices) {
      const session = await run(registry, choice);
      await atRest(session);
      outcomes.push(await outcome(session));
    }
    return outcomes;
  } finally {
    await closed(registry);
  }
}

test.each<TestRegistryOptions & { readonly threads: number }>([
  { threads: 2 },
  { threads: 3 },
  { threads: 2, variant: "wasm" },
])("sessions that train together have the bits and points of each alone: %o", async (options) => {
  const sessions = fc.array(arbitrarySession, { minLength: 1, maxLength: 6 });
  const holds = fc.asyncProperty(sessions, fc.nat(20), async (choices, interactiveSteps) => {
    const alone = await outcomesAlone(options, choices);
    const registry = await openTestRegistry(options);
    try {
      const sizes = new Set<number>();
      watchCohorts(registry, sizes);
      const companions = await company(registry, options.threads, sizes);
      const together = await Promise.all(choices.map((choice) => run(registry, choice)));
      const stepped = await start(registry, { modulus: 11, width: 16 });
      for (let i = 0; i < interactiveSteps; i++) {
        await stepped.advanceBy({ steps: 1, expectedStep: undefined, receipt: unrepeated() }, never);
      }
      for (const [i, session] of together.entries()) {
        await atRest(session);
        expect(await outcome(session)).toEqual(alone[i]);
      }
      for (const companion of companions) await companion.pause();
      expect(Math.max(...sizes)).toBeLessThanOrEqual(options.threads);
    } finally {
      await closed(registry);
    }
  });
  await fc.assert(holds, { numRuns: process.env.LONG_TESTS ? 12 : 4 });
});

test("of sessions that train together one may be paused, deleted, or diverge: the others go on", async () => {
  const registry = await openTestRegistry({ threads: 2 });
  try {
    const cohorts = new Set<number>();
    watchCohorts(registry, cohorts);
    const shape = { modulus: 23, width: 64 };
    const diverging = { ...shape, activation: "x^4", optimizer: { kind: "sgd", learningRate: 1e6 } } as const;
    const [paused, deleted, going] = await Promise.all(
      [1, 2, 3].map((seed) => start(registry, { ...shape, seed })),
    );
    const bad = await start(registry, diverging);
    for (const session of [paused!, deleted!, going!, bad]) await session.run(plan, undefined, never);
    await atRest(bad);
    expect(bad.stopReason).toMatchObject({ kind: "diverged" });
    // They may not all have begun to train yet.
    while (!cohorts.has(2)) await going!.log.changed(1_000, never);
    await paused!.pause();
    await registry.delete(deleted!.name);
    const { step } = going!;
    while (going!.log.latest!.step < step + 300) await going!.log.changed(1_000, never);
    await going!.pause();
    expect(going!.step).toBeGreaterThan(step);
    expect(paused!.state).toBe("paused");
    expect(Math.max(...cohorts)).toBe(2);
  } finally {
    await closed(registry);
  }
});

test("a session that begins where others of its shape have trained makes no slice of one step to find out how long that takes", async () => {
  const registry = await openTestRegistry({ threads: 2 });
  try {
    const slices = async (seed: number) => {
      const { engine } = registry.engines[0]!;
      const made: number[] = [];
      const open = engine.open.bind(engine);
      const spy = vi.spyOn(engine, "open").mockImplementation(async (...opening) => {
        const trainer = await open(...opening);
        const advance = trainer.advance.bind(trainer);
        vi.spyOn(trainer, "advance").mockImplementation((steps, options) => {
          made.push(steps);
          return advance(steps, options);
        });
        return trainer;
      });
      const session = await start(registry, { modulus: 7, width: 16, seed });
      spy.mockRestore();
      await session.run({ ...plan, untilStep: 200 }, undefined, never);
      await atRest(session);
      return made;
    };
    expect((await slices(1))[0]).toBe(1);
    expect((await slices(2))[0]).toBeGreaterThan(1);
  } finally {
    await closed(registry);
  }
});
