import { createHash } from "node:crypto";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { completeSpec } from "../model/presets.ts";
import type { Activation } from "../model/spec.ts";
import type { RunPlan } from "./plan.ts";
import type { Registry } from "./registry.ts";
import type { Session } from "./session.ts";
import type { SessionState } from "./state.ts";
import { openTestRegistry, unrepeated } from "./testing/registry.ts";

/** What a session must be like, as far as it can be told without training anything. */
interface Model {
  state: SessionState;
  step: number;
  activation: Activation;
  readonly swaps: { readonly step: number; readonly activation: Activation }[];
  readonly snapshots: Set<number>;
  /** Steps recorded so far, in order. */
  readonly recorded: number[];
}

type Command = fc.AsyncCommand<Model, Session>;

const never = new AbortController().signal;
const recordEvery = 10;
const plan: RunPlan = { stopWhen: [], snapshotAt: [], recordEvery, recordAt: [] };
const spec = completeSpec({ modulus: 5, width: 8 }, "grokking");
let registry: Registry;

beforeAll(async () => {
  // So many that none of a run is dropped before it is paused, however busy the machine is.
  registry = await openTestRegistry({ threads: 1, limits: { retainedProgressPoints: 1_000_000 } });
});

afterAll(async () => {
  await registry.shutDown();
  await registry.close();
});

const start = () => registry.start({ spec, preset: "", labels: {}, engine: "cpu", recordEvery });

async function atRest(session: Session): Promise<void> {
  while (session.isTraining) await session.log.changed(1_000, never);
}

function advanceModel(model: Model, to: number, at: readonly number[] = []): void {
  for (let step = model.step + 1; step <= to; step++) {
    if (step % recordEvery === 0 || step === to || at.includes(step)) model.recorded.push(step);
  }
  model.step = to;
}

function matches(model: Model, session: Session): void {
  expect({ state: session.state, step: session.step, activation: session.spec.activation }).toEqual({
    state: model.state,
    step: model.step,
    activation: model.activation,
  });
  expect(session.log.read(0, 1_000_000).map(({ step }) => step)).toEqual(model.recorded);
}

const canTrain = ({ state }: Readonly<Model>) => state === "idle" || state === "paused";

class Step implements Command {
  readonly steps: number;
  readonly wrongStep: boolean;
  constructor(steps: number, wrongStep: boolean) {
    this.steps = steps;
    this.wrongStep = wrongStep;
  }
  check = canTrain;
  async run(model: Model, session: Session) {
    const receipt = unrepeated();
    if (this.wrongStep) {
      const wrong = session.advanceBy({ steps: this.steps, expectedStep: model.step + 1, receipt }, never);
      await expect(wrong).rejects.toMatchObject({ reason: "STEP_MISMATCH" });
    } else {
      advanceModel(model, model.step + this.steps);
      model.state = "idle";
      const point = await session.advanceBy(
        { steps: this.steps, expectedStep: session.step, receipt },
        never,
      );
      expect(point.step).toBe(model.step);
    }
    matches(model, session);
  }
  toString = () => `step(${this.steps}${this.wrongStep ? ", wrong expected step" : ""})`;
}

class RunTo implements Command {
  readonly steps: number;
  readonly snapshotAfter: number;
  constructor(steps: number, snapshotAfter: number) {
    this.steps = steps;
    this.snapshotAfter = snapshotAfter;
  }
  check = canTrain;
  async run(model: Model, session: Session) {
    const untilStep = model.step + this.steps;
    const snapshotAt = this.snapshotAfter <= this.steps ? [model.step + this.snapshotAfter] : [];
    const running = session.run({ ...plan, untilStep, snapshotAt }, model.step, never);
    await expect(session.run(plan, undefined, never)).rejects.toMatchObject({
      reason: "SESSION_STATE",
    });
    await running;
    await atRest(session);
    for (const step of snapshotAt) model.snapshots.add(step);
    advanceModel(model, untilStep, snapshotAt);
    model.state = "idle";
    expect(session.stopReason).toMatchObject({ kind: "target", step: untilStep });
    matches(model, session);
  }
  toString = () => `run(${this.steps}, snapshot after ${this.snapshotAfter})`;
}

class RunAndPause implements Command {
  check = canTrain;
  async run(model: Model, session: Session) {
    const before = model.step;
    await session.run(plan, undefined, never);
    await session.pause();
    expect(session.step).toBeGreaterThanOrEqual(before);
    if (session.step > before) advanceModel(model, session.step);
    model.state = "paused";
    matches(model, session);
  }
  toString = () => "run and pause";
}

class Pause implements Command {
  check = () => true;
  async run(model: Model, session: Session) {
    if (model.state === "deleted") {
      await expect(session.pause()).rejects.toMatchObject({ reason: "SESSION_DELETED" });
    } else {
      await session.pause();
      matches(model, session);
    }
  }
  toString = () => "pause without a run";
}

class Swap implements Command {
  readonly activation: Activation;
  constructor(activation: Activation) {
    this.activation = activation;
  }
  check = ({ state }: Readonly<Model>) => state !== "deleted";
  async run(model: Model, session: Session) {
    await session.swapActivation(this.activation, model.step, unrepeated(), never);
    if (this.activation !== model.activation) {
      model.swaps.push({ step: model.step, activation: this.activation });
    }
    model.activation = this.activation;
    expect(session.events).toHaveLength(model.swaps.length);
    matches(model, session);
  }
  toString = () => `swap(${this.activation})`;
}

class Keep implements Command {
  check = ({ state }: Readonly<Model>) => state !== "deleted";
  async run(model: Model, session: Session) {
    const keeping = session.snapshot({ expectedStep: model.step, label: "" }, never);
    const { snapshots, step } = model;
    if (snapshots.has(step) && model.swaps.some((swap) => swap.step === step)) {
      // The one that there is may be of the state before a swap.
      const kept = await keeping.then(
        () => true,
        (error) => error.reason !== "SNAPSHOT_EXISTS" && Promise.reject(error),
      );
      if (!kept) return;
    }
    expect((await keeping).step).toBe(step);
    snapshots.add(step);
    for (const at of snapshots) expect((await session.readSnapshot(at)).state.step).toBe(at);
    matches(model, session);
  }
  toString = () => "snapshot";
}

class Delete implements Command {
  check = ({ state }: Readonly<Model>) => state !== "deleted";
  async run(model: Model, session: Session) {
    await registry.delete(session.name);
    model.state = "deleted";
    await expect(session.snapshot({ expectedStep: undefined, label: "" }, never)).rejects.toMatchObject({
      reason: "SESSION_DELETED",
    });
    await expect(session.run(plan, undefined, never)).rejects.toMatchObject({
      reason: "SESSION_DELETED",
    });
  }
  toString = () => "delete";
}

async function digestOf(session: Session): Promise<string> {
  const { state } = await session.present(undefined, never);
  return createHash("sha256").update(state.theta).update(state.xi).digest("hex");
}

test("whatever is done with a session, it is as the model says, and has the bits of one that was never disturbed", async () => {
  const commands = fc.commands(
    [
      fc.tuple(fc.integer({ min: 1, max: 30 }), fc.boolean()).map(([steps, wrong]) => new Step(steps, wrong)),
      fc
        .tuple(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 60 }))
        .map(([n, s]) => new RunTo(n, s)),
      fc.constant(new RunAndPause()),
      fc.constant(new Pause()),
      fc
        .constantFrom<Activation>("relu", "gelu", "x^2", "softplus2")
        .map((activation) => new Swap(activation)),
      fc.constant(new Keep()),
      fc.constant(new Delete()),
    ],
    { maxCommands: 25 },
  );
  await fc.assert(
    fc.asyncProperty(commands, async (sequence) => {
      const session = await start();
      const model: Model = {
        state: "idle",
        step: 0,
        activation: "relu",
        swaps: [],
        snapshots: new Set(),
        recorded: [0],
      };
      await fc.asyncModelRun(() => ({ model, real: session }), sequence);
      if (model.state === "deleted") return;
      const straight = await start();
      for (const { step, activation } of [
        ...model.swaps,
        { step: model.step, activation: model.activation },
      ]) {
        if (step > straight.step) {
          await straight.advanceBy(
            { steps: step - straight.step, expectedStep: undefined, receipt: unrepeated() },
            never,
          );
        }
        await straight.swapActivation(activation, undefined, unrepeated(), never);
      }
      expect(await digestOf(straight)).toBe(await digestOf(session));
      await Promise.all([registry.delete(session.name), registry.delete(straight.name)]);
    }),
    { numRuns: 200 },
  );
});
