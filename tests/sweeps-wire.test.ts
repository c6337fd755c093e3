import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout } from "node:timers/promises";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { Comparison, Measure } from "@grokbox/proto/run";
import { ServerService } from "@grokbox/proto/server";
import { SessionService } from "@grokbox/proto/session";
import type { SweepDefinitionSchema } from "@grokbox/proto/sweep";
import { SweepEndReason, SweepOutcome, SweepParameter, SweepService, SweepState } from "@grokbox/proto/sweep";
import { TrainingService } from "@grokbox/proto/training";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { RunningServer } from "../server/server.ts";
import { startTestServer } from "./testing/server.ts";
import { readFailure, Wire } from "./testing/wire.ts";

let server: RunningServer;
let wire: Wire;
const method = SweepService.method;

beforeAll(async () => {
  server = await startTestServer();
  wire = new Wire(server.address);
});
afterAll(async () => {
  wire.close();
  await server.close();
});

type Definition = MessageInitShape<typeof SweepDefinitionSchema>;

const grid = (changes: Definition = {}): Definition =>
  ({
    cells: {
      case: "grid",
      value: {
        preset: "grokking",
        base: { modulus: 7, width: 16 },
        axes: [{ parameter: SweepParameter.WEIGHT_DECAY, values: [0, 2] }],
      },
    },
    seeds: [1, 2, 3],
    plan: { untilStep: 60n, recordEvery: 10 },
    ...changes,
  }) as Definition;

async function refused(definition: Definition): Promise<readonly string[]> {
  const error = await wire.call(method.startSweep, { definition }).then(
    () => undefined,
    (failure) => readFailure(failure),
  );
  expect(error?.reason).toBe("INVALID_FIELD");
  return Object.entries(error!.violations).map(([field, description]) => `${field}: ${description}`);
}

const until = async (name: string, state: string) => {
  while (server.sweeps.get(name).state !== state) await setTimeout(5);
};

test("a sweep is started once a request id, says what it is to do, and is told of until its end", async () => {
  const request = { requestId: "a sweep", definition: grid({ title: "decay", labels: { who: "me" } }) };
  const { sweep } = await wire.call(method.startSweep, request);
  const again = await wire.call(method.startSweep, request);
  expect(again.sweep?.name).toBe(sweep!.name);
  expect(sweep).toMatchObject({
    title: "decay",
    state: SweepState.RUNNING,
    runs: 6,
    groups: 2,
    untilStep: 60n,
  });
  expect(sweep!.definition).toMatchObject({ seeds: [1, 2, 3], maxParallel: 8, recordEvery: 10 });
  const events = await Array.fromAsync(wire.stream(method.watchSweep, { name: sweep!.name }));
  const kinds = events.map(({ event }) => event.case);
  expect([kinds[0], kinds.at(-1)]).toEqual(["opened", "end"]);
  const end = events.at(-1)!.event;
  expect(end.case === "end" && [end.value.reason, end.value.sweep?.state]).toEqual([
    SweepEndReason.FINISHED,
    SweepState.FINISHED,
  ]);
  const runs = events.flatMap(({ event }) => (event.case === "runs" ? event.value.runs : []));
  expect(runs.map(({ run }) => run).sort()).toEqual([0, 1, 2, 3, 4, 5]);
  const last = runs.find(({ run }) => run === 5)!;
  expect(last).toMatchObject({ group: 1, seed: 3, outcome: SweepOutcome.TARGET, step: 60n, session: "" });
  expect(last.coordinates).toMatchObject([
    { parameter: SweepParameter.WEIGHT_DECAY, value: { case: "number", value: 2 } },
  ]);
  expect(last.final).toMatchObject({ step: 60n, sequence: 0n });
  const page = await wire.call(method.listSweepRuns, { name: sweep!.name, pageSize: 4 });
  const rest = await wire.call(method.listSweepRuns, { name: sweep!.name, fromSequence: page.nextSequence });
  expect([...page.runs, ...rest.runs]).toEqual(runs);
  expect(rest.nextSequence).toBe(0n);
  const { groups, nextGroup } = await wire.call(method.getSweepBands, { name: sweep!.name, pageSize: 1 });
  expect([groups.length, groups[0]!.runs, groups[0]!.bands.length, nextGroup]).toEqual([1, 3, 7, 1]);
  expect(groups[0]!.bands[0]!.points.map(({ step }) => Number(step))).toEqual([0, 10, 20, 30, 40, 50, 60]);
});

test("every wrong value is named by its place in the definition, before anything starts", async () => {
  const axes = [
    { parameter: SweepParameter.WEIGHT_DECAY, values: [0, 1] },
    { parameter: SweepParameter.MODULUS, values: [7, 9, 11, 22] },
    { parameter: SweepParameter.ACTIVATION, names: ["relu", "sigmoid"] },
  ];
  const cells = (value: object): Definition => grid({ cells: { case: "grid", value } });
  const strictly = (cells: Definition) => ({ ...cells, refuseInvalid: true }) as Definition;
  expect(await refused(strictly(cells({ base: { width: 16 }, axes })))).toEqual([
    expect.stringMatching(/^definition\.grid\.axes\[2\]\.names\[1\]: must be one of relu, gelu/),
    "definition.grid.axes[1].values[3]: must be odd, 3 to 199; got 22",
  ]);
  expect(await refused(cells({ preset: "none", base: { width: 3, seed: 1 } }))).toEqual([
    expect.stringContaining("definition.grid.preset: must be empty or one of"),
    "definition.grid.base.seed: must be left out; seeds has them; got 1",
  ]);
  expect(await refused(cells({ base: { width: 3 } }))).toEqual([
    "definition.grid.base.width: must be an integer, 8 to 65536; got 3",
  ]);
  expect(
    await refused(
      grid({
        cells: {
          case: "list",
          value: {
            specs: [{}, { spec: { optimizer: { kind: { case: "sgd", value: { learningRate: -1 } } } } }],
          },
        },
        seeds: [1, 2, 1],
      }),
    ),
  ).toEqual(["definition.seeds[2]: must differ from seeds[0]; got 1"]);
  expect(
    await refused(
      grid({
        cells: {
          case: "list",
          value: {
            specs: [{}, { spec: { optimizer: { kind: { case: "sgd", value: { learningRate: -1 } } } } }],
          },
        },
        refuseInvalid: true,
      }),
    ),
  ).toEqual([
    "definition.list.specs[1].spec.optimizer.sgd.learning_rate: must be greater than 0, at most 1000; got -1",
  ]);
  const seeds = Array.from({ length: 10_000 }, (_, i) => i);
  const rates = Array.from({ length: 11 }, (_, i) => 1e-4 * (i + 1));
  const many = {
    case: "grid" as const,
    value: { axes: [{ parameter: SweepParameter.LEARNING_RATE, values: rates }] },
  };
  expect(await refused(grid({ seeds, cells: many }))).toEqual([
    "definition.grid.axes: must make at most 100000 runs with the seeds; got 110000",
  ]);
  expect(await refused(grid({ plan: {} }))).toEqual(["definition.plan.until_step: must be given"]);
  expect(await refused(grid({ plan: { untilStep: 60n, snapshotAt: [61n, 5n] } }))).toEqual([
    "definition.plan.snapshot_at[0]: must be at most until_step 60; got 61",
    expect.stringContaining("definition.plan.snapshot_at: must be empty unless keep_sessions"),
  ]);
  expect(await refused(grid({ plan: { untilStep: 1_000_000n, recordEvery: 1 } }))).toEqual([
    expect.stringContaining("definition.plan.until_step: must make at most 90000 recorded points"),
  ]);
  expect(await wire.call(method.listSweeps, {})).toMatchObject({ sweeps: { length: 1 } });
});

test("numbers that are not finite and names that are too long are refused, though other cells could run", async () => {
  const axes = [
    { parameter: SweepParameter.LEARNING_RATE, values: [1e-3, Number.NaN] },
    { parameter: SweepParameter.WEIGHT_DECAY, values: [0, 1, Number.NEGATIVE_INFINITY] },
    { parameter: SweepParameter.ACTIVATION, names: ["relu", "z".repeat(64), "z".repeat(65)] },
  ];
  const adamw = { learningRate: Number.POSITIVE_INFINITY, grokfast: { alpha: Number.NaN } };
  const base = {
    width: 8,
    optimizer: { kind: { case: "adamw" as const, value: adamw } },
    split: { kind: { case: "torch" as const, value: { fraction: Number.NaN } } },
  };
  expect(await refused(grid({ cells: { case: "grid", value: { base, axes } } }))).toEqual([
    "definition.grid.base.optimizer.adamw.learning_rate: must be finite; got Infinity",
    "definition.grid.base.optimizer.adamw.grokfast.alpha: must be finite; got NaN",
    "definition.grid.base.split.torch.fraction: must be finite; got NaN",
    "definition.grid.axes[0].values[1]: must be finite; got NaN",
    "definition.grid.axes[1].values[2]: must be finite; got -Infinity",
    `definition.grid.axes[2].names[2]: must be at most 64 characters; got "${"z".repeat(65)}"`,
  ]);
  const init = { kind: { case: "singleFrequency" as const, value: { scale: Number.NaN } } };
  const specs = [{}, { preset: "quad_random_sgd", spec: { init } }];
  expect(await refused(grid({ cells: { case: "list", value: { specs } } }))).toEqual([
    "definition.list.specs[1].spec.init.single_frequency.scale: must be finite; got NaN",
  ]);
});

test("a sweep with an even modulus among its cells says so at once and whenever it is asked, and runs the others", async () => {
  const axes = [
    { parameter: SweepParameter.MODULUS, values: [6, 7] },
    { parameter: SweepParameter.LEARNING_RATE, values: [0.001, -1] },
  ];
  const request = {
    requestId: "an even modulus",
    definition: grid({ cells: { case: "grid", value: { base: { width: 8 }, axes } } as never, seeds: [] }),
  };
  const { sweep } = await wire.call(method.startSweep, request);
  const invalid = {
    invalidGroups: 3,
    invalidValues: [
      { field: "definition.grid.axes[0].values[0]", description: "must be odd, 3 to 199; got 6" },
      {
        field: "definition.grid.axes[1].values[1]",
        description: "must be greater than 0, at most 1000; got -1",
      },
    ],
  };
  const { name } = sweep!;
  expect(sweep).toMatchObject({ name, ...invalid });
  expect((await wire.call(method.startSweep, request)).sweep).toMatchObject({ name, ...invalid });
  await until(name, "finished");
  expect((await wire.call(method.getSweep, { name })).sweep).toMatchObject(invalid);
  const { runs } = await wire.call(method.listSweepRuns, { name });
  expect(runs.sort((a, b) => a.run - b.run).map(({ outcome, detail }) => [outcome, detail])).toEqual([
    [SweepOutcome.INVALID, "modulus must be odd, 3 to 199; got 6"],
    [SweepOutcome.INVALID, expect.stringMatching(/^modulus must be .*; optimizer.learning_rate must be /)],
    [SweepOutcome.TARGET, "reached step 60"],
    [SweepOutcome.INVALID, "optimizer.learning_rate must be greater than 0, at most 1000; got -1"],
  ]);
});

test("a cell without a test set is invalid where the plan stops by test accuracy; a sweep of nothing else is refused", async () => {
  const plan = {
    untilStep: 20n,
    stopWhen: [
      {
        condition: {
          case: "threshold",
          value: { measure: Measure.TEST_ACCURACY, comparison: Comparison.AT_LEAST, value: 1 },
        },
      },
    ] as never,
  };
  const cells = (values: number[]) =>
    ({
      case: "grid",
      value: {
        base: { modulus: 7, width: 8, split: { kind: { case: "torch", value: {} } } },
        axes: [{ parameter: SweepParameter.TRAIN_FRACTION, values }],
      },
    }) as never;
  const field = "definition.plan.stop_when[0].threshold.measure";
  const description = "must be a measure that the cell has, which has no test set; got MEASURE_TEST_ACCURACY";
  const { sweep } = await wire.call(method.startSweep, {
    definition: grid({ cells: cells([0.5, 1]), plan }),
  });
  expect(sweep).toMatchObject({ invalidGroups: 1, invalidValues: [{ field, description }] });
  await until(sweep!.name, "finished");
  expect(server.sweeps.get(sweep!.name).ledger.counts).toMatchObject({ invalid: 3, failed: 0 });
  expect(await refused(grid({ cells: cells([1]), plan }))).toEqual([`${field}: ${description}`]);
});

test("how many sweeps and runs there can be is the server's to say", async () => {
  const small = await startTestServer({ maxSweeps: 1, maxSweepRuns: 6 });
  const other = new Wire(small.address);
  try {
    const { limits } = await other.call(ServerService.method.getServerInfo, {});
    expect(limits).toMatchObject({ maxSweeps: 1, maxSweepRuns: 6 });
    const start = (definition: Definition) =>
      other.call(method.startSweep, { definition }).then(
        () => undefined,
        (failure) => readFailure(failure),
      );
    expect((await start(grid({ seeds: [1, 2, 3, 4] })))?.violations).toEqual({
      "definition.grid.axes": "must make at most 6 runs with the seeds; got 8",
    });
    expect(await start(grid())).toBeUndefined();
    expect(await start(grid())).toMatchObject({ reason: "TOO_MANY_SWEEPS", metadata: { limit: "1" } });
  } finally {
    other.close();
    await small.close();
  }
});

test("it is paused, goes on, is cancelled and deleted, and its sessions are its own meanwhile", async () => {
  const plan = { untilStep: 80_000n, recordEvery: 1_000 };
  const { sweep } = await wire.call(method.startSweep, { definition: grid({ plan, maxParallel: 2 }) });
  const name = sweep!.name;
  while (server.sweeps.get(name).active.length < 2) await setTimeout(5);
  const { sweep: paused } = await wire.call(method.pauseSweep, { requestId: "pause", name });
  expect(paused).toMatchObject({ state: SweepState.PAUSED, sessions: { length: 2 } });
  const [session] = paused!.sessions;
  for (const attempt of [
    wire.call(TrainingService.method.step, { session: session!, steps: 1n }),
    wire.call(SessionService.method.deleteSession, { name: session! }),
    wire.call(SessionService.method.updateSession, { name: session!, setLabels: { a: "b" } }),
  ]) {
    const failure = await attempt.then(
      () => undefined,
      (error) => readFailure(error),
    );
    expect(failure).toMatchObject({ code: "FAILED_PRECONDITION", reason: "SESSION_IN_SWEEP" });
    expect(failure!.metadata).toEqual({ session, sweep: name });
  }
  const list = async (of: string) =>
    (await wire.call(SessionService.method.listSessions, { sweep: of })).sessions.map((found) => found.name);
  expect(await list("")).toEqual([]);
  expect((await list(name)).sort()).toEqual([...paused!.sessions].sort());
  expect((await wire.call(SessionService.method.getSession, { name: session! })).session?.sweep?.sweep).toBe(
    name,
  );
  expect((await wire.call(method.resumeSweep, { name })).sweep?.state).toBe(SweepState.RUNNING);
  expect((await wire.call(method.cancelSweep, { name })).sweep).toMatchObject({
    state: SweepState.CANCELLED,
    sessions: [],
  });
  const resumed = await wire.call(method.resumeSweep, { name }).catch((error) => readFailure(error));
  expect(resumed).toMatchObject({ reason: "SWEEP_STATE", metadata: { allowed_states: "running,paused" } });
  await wire.call(method.deleteSweep, { requestId: "gone", name });
  await wire.call(method.deleteSweep, { requestId: "gone", name });
  const gone = await wire.call(method.getSweep, { name }).catch((error) => readFailure(error));
  expect(gone).toMatchObject({ code: "NOT_FOUND", reason: "SWEEP_NOT_FOUND" });
});

test("a repetition is answered with the state that the call led to, also by the next server", async () => {
  const data = mkdtempSync(join(tmpdir(), "grokbox-sweeps-wire-"));
  let durable = await startTestServer({ data });
  let direct = new Wire(durable.address);
  try {
    const plan = { untilStep: 80_000n, recordEvery: 1_000 };
    const { sweep } = await direct.call(method.startSweep, { definition: grid({ plan }) });
    const { name } = sweep!;
    const answers = async () => {
      const paused = await direct.call(method.pauseSweep, { requestId: "pause", name });
      const resumed = await direct.call(method.resumeSweep, { requestId: "resume", name });
      const cancelled = await direct.call(method.cancelSweep, { requestId: "cancel", name });
      return [paused, resumed, cancelled].map(({ sweep }) => sweep!.state);
    };
    const states = [SweepState.PAUSED, SweepState.RUNNING, SweepState.CANCELLED];
    expect(await answers()).toEqual(states);
    direct.close();
    await durable.close();
    durable = await startTestServer({ data });
    direct = new Wire(durable.address);
    expect(await answers()).toEqual(states);
  } finally {
    direct.close();
    await durable.close();
    rmSync(data, { recursive: true });
  }
});

test("100,000 runs are accepted, listed, watched and cancelled in little memory", async () => {
  const before = process.memoryUsage();
  const { sweep } = await wire.call(method.startSweep, {
    definition: grid({
      cells: {
        case: "grid",
        value: {
          base: { modulus: 7, width: 8 },
          axes: [
            {
              parameter: SweepParameter.LEARNING_RATE,
              values: Array.from({ length: 100 }, (_, i) => 1e-4 * (i + 1)),
            },
            { parameter: SweepParameter.WEIGHT_DECAY, values: Array.from({ length: 100 }, (_, i) => i / 50) },
          ],
        },
      },
      seeds: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10],
    }),
  });
  expect(sweep!.runs).toBe(100_000);
  const stream = wire.stream(method.watchSweep, { name: sweep!.name });
  let seen = 0;
  for await (const { event } of stream) {
    if (event.case === "runs") seen += event.value.runs.length;
    if (seen >= 50) break;
  }
  await wire.call(method.listSweeps, {});
  const { sweep: cancelled } = await wire.call(method.cancelSweep, { name: sweep!.name });
  expect(cancelled!.finished!.target).toBeGreaterThanOrEqual(50);
  globalThis.gc?.();
  expect(process.memoryUsage().rss - before.rss).toBeLessThan(100e6);
  await wire.call(method.deleteSweep, { name: sweep!.name });
});

test("pages of runs go on past damaged ones to the last that is whole", async () => {
  const data = mkdtempSync(join(tmpdir(), "grokbox-sweeps-wire-"));
  const durable = await startTestServer({ data });
  const direct = new Wire(durable.address);
  try {
    const { sweep } = await direct.call(method.startSweep, { definition: grid() });
    const { name } = sweep!;
    while (durable.sweeps.get(name).state !== "finished") await setTimeout(5);
    const db = new DatabaseSync(join(data, "grokbox.db"));
    db.exec("UPDATE sweep_runs SET steps = 7 WHERE sequence IN (2, 3, 4)");
    db.close();
    const pages: number[][] = [];
    let fromSequence = 0n;
    do {
      const page = await direct.call(method.listSweepRuns, { name, fromSequence, pageSize: 2 });
      pages.push(page.runs.map(({ sequence }) => Number(sequence)));
      fromSequence = page.nextSequence;
    } while (fromSequence !== 0n);
    expect(pages).toEqual([[1], [], [5, 6]]);
  } finally {
    direct.close();
    await durable.close();
    rmSync(data, { recursive: true });
  }
});
