import { SessionService } from "@grokbox/proto/session";
import { SweepService, SweepState } from "@grokbox/proto/sweep";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Live } from "./live/mod.ts";
import { Grokbox, type Session, type Sweep } from "./mod.ts";
import { connect, info, session as sessionMessage } from "./testing/messages.ts";
import { on, serve } from "./testing/scripted-server.ts";

/** Knows no call but these: what is sent all the same fails with UNIMPLEMENTED. */
const scripts = [
  info,
  on(SessionService.method.getSession, () => ({ session: sessionMessage() })),
  on(SweepService.method.getSweep, () => ({ sweep: { name: "sweeps/a", state: SweepState.FINISHED } })),
];

let server: Awaited<ReturnType<typeof serve>>;
let box: Grokbox;
let session: Session;
let sweep: Sweep;
const live = Live.connect("localhost:1");

beforeAll(async () => {
  server = await serve(...scripts);
  box = await connect(server.address);
  session = await box.session("sessions/a");
  sweep = await box.openSweep("sweeps/a");
});
afterAll(async () => {
  live.close();
  box.close();
  await server[Symbol.asyncDispose]();
});

/** An option that no call has. */
const odd: object = { odd: 1 };
const when = { measure: "ipr", atLeast: 1 } as const;
const theta = { data: new Float32Array(1), shape: [1, 1] };

/** Calls with such an option in one of their objects, by what is to be named. */
const calls: Record<string, Record<string, () => unknown>> = {
  odd: {
    connect: () => Grokbox.connect(server.address, odd),
    "connect live": () => Live.connect("localhost:1", odd),
    info: () => box.info(odd),
    start: () => box.start(odd),
    session: () => box.session("sessions/a", odd),
    sessions: () => box.sessions(odd),
    sweep: () => box.sweep({ ...odd, untilStep: 1 }),
    openSweep: () => box.openSweep("sweeps/a", odd),
    sweeps: () => box.sweeps(odd),
    uploadWeights: () => box.uploadWeights({ theta, xi: theta }, odd),
    ablateIdeal: () => box.ablateIdeal({ modulus: 5, width: 2 }, [], odd),
    "simulateFlow of numbers": () => box.simulateFlow({} as never, { times: [1] }, odd),
    outcomeContour: () => box.outcomeContour({ ...odd, scales: [1], doubledPhases: [1] }),
    refresh: () => session.refresh(odd),
    step: () => session.step(1, odd),
    run: () => session.run(odd).started,
    pause: () => session.pause(odd),
    watch: () => session.watch(odd),
    swapActivation: () => session.swapActivation("abs", odd),
    move: () => session.move("cpu", odd),
    evaluate: () => session.evaluate(odd),
    spectrum: () => session.spectrum(odd),
    logits: () => session.logits(odd),
    ablate: () => session.ablate([], odd),
    lottery: () => session.lottery(odd),
    simulateFlow: () => session.simulateFlow(0, { times: [1] }, odd),
    fork: () => session.fork(odd),
    restore: () => session.restore(1, odd),
    "update, of changes": () => session.update(odd),
    update: () => session.update({}, odd),
    setTriggers: () => session.setTriggers([], odd),
    history: () => session.history(odd),
    snapshot: () => session.snapshot(odd),
    snapshots: () => session.snapshots(odd),
    deleteSnapshot: () => session.deleteSnapshot(1, odd),
    download: () => session.download(odd),
    export: () => session.export(1, odd),
    delete: () => session.delete(odd),
    "refresh of a sweep": () => sweep.refresh(odd),
    runs: () => sweep.runs(odd),
    "watch of a sweep": () => sweep.watch(odd),
    summaries: () => sweep.summaries(odd),
    bands: () => sweep.bands(odd),
    "pause of a sweep": () => sweep.pause(odd),
    resume: () => sweep.resume(odd),
    cancel: () => sweep.cancel(odd),
    "delete of a sweep": () => sweep.delete(odd),
    "watch live": () => live.watch("sessions/a", odd),
    "sessions live": () => live.sessions(odd),
    window: () => live.window("sessions/a", { ...odd, firstStep: 1 }),
  },
  "backoff.odd": {
    connect: () => Grokbox.connect(server.address, { backoff: odd }),
    "connect live": () => Live.connect("localhost:1", { backoff: odd }),
  },
  "spec.init.odd": { start: () => box.start({ init: { ...odd, kind: "random" } }) },
  "spec.optimizer.adamw.odd": { start: () => box.start({ optimizer: { ...odd, kind: "adamw" } }) },
  "spec.optimizer.sgd.beta1": {
    start: () => box.start({ optimizer: { kind: "sgd", beta1: 0.9 } as never }),
  },
  "spec.optimizer.sgd.grokfast.odd": {
    start: () => box.start({ preset: "quad_random_sgd", grokfast: odd }),
    "start, of the optimizer": () => box.start({ optimizer: { kind: "sgd", grokfast: odd } }),
  },
  "spec.embedding.odd": { start: () => box.start({ embedding: odd }) },
  "spec.split.torch.odd": { start: () => box.start({ split: { ...odd, kind: "torch" } }) },
  "spec.split.explicit.fraction": {
    start: () => box.start({ split: { kind: "explicit", trainPairs: [1], fraction: 0.5 } as never }),
  },
  "changes.spec.split.python.odd": { fork: () => session.fork({ split: { ...odd, kind: "python" } }) },
  "definition.grid.base.odd": { sweep: () => box.sweep({ base: odd, untilStep: 1 }) },
  "definition.grid.base.split.torch.odd": {
    sweep: () => box.sweep({ base: { split: { ...odd, kind: "torch" } }, untilStep: 1 }),
  },
  "definition.list.specs[1].spec.odd": { sweep: () => box.sweep({ specs: [{}, odd], untilStep: 1 }) },
  "definition.plan.stop_when[0].odd": {
    sweep: () => box.sweep({ stopWhen: { ...when, ...odd }, untilStep: 1 }),
  },
  "plan.stop_when[1].odd": { run: () => session.run({ stopWhen: [when, odd as never] }).started },
  "plan.stop_when[0].plateau.odd": { run: () => session.run({ stopWhen: { plateau: odd } }).started },
  "plan.stop_when[0].measure": {
    run: () => session.run({ stopWhen: { plateau: {}, ...when } }).started,
  },
  "snapshot_schedule.odd": {
    start: () => box.start({ snapshotSchedule: odd }),
    update: () => session.update({ snapshotSchedule: odd }),
  },
  "measure_schedule.measures[0].odd": {
    start: () => box.start({ measures: [{ ...odd, measure: "iprXi" }] }),
  },
  "triggers[0].odd": {
    setTriggers: () => session.setTriggers([{ ...odd, name: "a", when, action: "pause" }]),
  },
  "triggers[0].snapshot.odd": {
    setTriggers: () => session.setTriggers([{ name: "a", when, action: { ...odd, kind: "snapshot" } }]),
  },
  "triggers[0].fork.odd": {
    setTriggers: () => session.setTriggers([{ name: "a", when, action: { ...odd, kind: "fork" } }]),
  },
  "triggers[0].fork.changes.odd": {
    setTriggers: () => session.setTriggers([{ name: "a", when, action: { kind: "fork", changes: odd } }]),
  },
  "ideal.odd": { ablateIdeal: () => box.ablateIdeal({ ...odd, modulus: 5, width: 2 }) },
  "ablations[1].scale.odd": {
    ablate: () => session.ablate([{ project: true }, { scale: { ...odd, theta: 2 } }]),
  },
  "ablations[0].restrict_phases.odd": {
    ablate: () => session.ablate([{ restrictPhases: { ...odd, center: 0, range: 1 } }]),
  },
  "neurons.odd": { spectrum: () => session.spectrum({ neurons: odd }) },
  "state.odd": { simulateFlow: () => box.simulateFlow(odd as never, { times: [1] }) },
  "method.odd": { simulateFlow: () => session.simulateFlow(0, odd as never) },
  "adaptive.timeStep": {
    simulateFlow: () => session.simulateFlow(0, { times: [1], timeStep: 0.1 }),
  },
  "weights.odd": { start: () => box.start({ weights: { ...odd, theta, xi: theta } }) },
  "weights.moments.odd": {
    uploadWeights: () =>
      box.uploadWeights({ theta, xi: theta, moments: { ...odd, xiFirst: theta, xiSecond: theta } }),
  },
};

const cases = Object.entries(calls).flatMap(([field, own]) =>
  Object.keys(own).map((call) => [call, field] as const),
);

test.each(cases)("%s refuses the option %s, and says which there are", async (call, field) => {
  await expect((async () => firstOf(await calls[field]![call]!()))()).rejects.toMatchObject({
    reason: "INVALID_FIELD",
    violations: [{ field, description: expect.stringMatching(/^is not known there; known are \w/) }],
  });
});

/** An iteration is asked for its first item. */
async function firstOf(answer: unknown): Promise<void> {
  const iterable = answer as AsyncIterable<unknown> | undefined;
  if (iterable?.[Symbol.asyncIterator] !== undefined) for await (const _ of iterable) return;
}

test("the refusal of a misspelt option lists the right one", async () => {
  const description = expect.stringMatching(/^is not known there; known are (.*, )?weightDecay,/);
  await expect(box.start({ weightDecya: 2 } as never)).rejects.toMatchObject({
    message: expect.stringContaining("[INVALID_ARGUMENT] weightDecya is not known there; known are "),
    violations: [{ field: "weightDecya", description }],
  });
});

test("an option that is undefined counts as left out, known or not", async () => {
  const unimplemented = { code: "UNIMPLEMENTED" };
  const left: object = { odd: undefined };
  await expect(box.start({ ...left, split: undefined, optimizer: undefined })).rejects.toMatchObject(
    unimplemented,
  );
  await expect(
    session.run({ stopWhen: { plateau: undefined, ...when } as never }).started,
  ).rejects.toMatchObject(unimplemented);
  await expect(session.ablate([{ project: undefined, keepNeurons: [1] } as never])).rejects.toMatchObject(
    unimplemented,
  );
});

test.each([
  ["deadlineMs", () => box.info({ deadlineMs: "5000" as never })],
  ["heartbeatMs", () => connect(server.address, { heartbeatMs: "400" as never })],
  ["steps", () => session.step("5" as never)],
  ["plan.record_every", () => session.run({ recordEvery: "5" as never }).started],
  ["first_neuron", () => session.spectrum({ neurons: { first: "1" as never } })],
  ["first_group", () => sweep.bands({ firstGroup: "1" as never }).next()],
  ["ablations[0].keep_neurons.neurons[0]", () => session.ablate([{ keepNeurons: "12" as never }])],
])("%s: a number given as a text is refused", async (field, call) => {
  await expect(call()).rejects.toMatchObject({
    reason: "INVALID_FIELD",
    violations: [{ field, description: expect.stringMatching(/; got "\d+"$/) }],
  });
});

test("a state that there is not is refused", async () => {
  await expect(box.sessions({ state: ["idle", "runing" as never] }).next()).rejects.toMatchObject({
    reason: "INVALID_FIELD",
    violations: [
      { field: "states[1]", description: expect.stringMatching(/^must be one of idle, .*; got runing$/) },
    ],
  });
});

test.each([
  ["options", () => box.start("grokking" as never)],
  ["spec.embedding", () => box.start({ embedding: 64 as never })],
  ["spec.split.kind", () => box.start({ split: null as never })],
  ["spec.optimizer.adamw.grokfast", () => box.start({ grokfast: true as never })],
  ["triggers[0].when", () => session.setTriggers([{ name: "a", when: "grokked" as never, action: "pause" }])],
])("%s: what is no object is refused", async (field, call) => {
  await expect(call()).rejects.toMatchObject({ reason: "INVALID_FIELD", violations: [{ field }] });
});

test.each([
  [{ weights: { thetas: theta, xi: theta } }, "weights"],
  [{ weights: "uploads/a" }, "weights"],
  [{ weights: null }, "weights"],
  [{ from: { step: 3 } }, "from"],
])("%j says nothing to start from, and is refused", async (options, field) => {
  await expect(box.start(options as never)).rejects.toMatchObject({
    reason: "INVALID_FIELD",
    violations: [{ field, description: expect.stringMatching(/^must be /) }],
  });
});

test.each([[{ removeFrequncies: [1] }], [{}], [{ project: true, keepNeurons: [1] }], ["project"], [null]])(
  "the ablation %j is none, and the error says what there is",
  async (ablation) => {
    await expect(session.ablate([ablation as never])).rejects.toMatchObject({
      reason: "INVALID_FIELD",
      violations: [
        {
          field: "ablations[0]",
          description: expect.stringMatching(
            /^must be an object with one of removeFrequencies, keep.*; got /,
          ),
        },
      ],
    });
  },
);

test("an ablation that is not to project is none", async () => {
  await expect(session.ablate([{ project: false as never }])).rejects.toMatchObject({
    violations: [{ field: "ablations[0].project", description: "must be true; got false" }],
  });
});
