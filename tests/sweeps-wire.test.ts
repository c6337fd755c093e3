import { setTimeout } from "node:timers/promises";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { SessionService } from "@grokbox/proto/session";
import type { SweepDefinitionSchema } from "@grokbox/proto/sweep";
import { SweepEndReason, SweepOutcome, SweepParameter, SweepService, SweepState } from "@grokbox/proto/sweep";
import { TrainingService } from "@grokbox/proto/training";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type RunningServer, startServer } from "../server/server.ts";
import { readFailure, Wire } from "./testing/wire.ts";

let server: RunningServer;
let wire: Wire;
const method = SweepService.method;

beforeAll(async () => {
  server = await startServer({ port: 0, logLevel: "silent" });
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
  expect(await refused(cells({ base: { width: 16 }, axes }))).toEqual([
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
  expect(await refused(grid({ plan: { untilStep: 60n, snapshotAt: [61n] } }))).toEqual([
    expect.stringContaining("definition.plan.snapshot_at: must be empty unless keep_sessions"),
  ]);
  expect(await refused(grid({ plan: { untilStep: 1_000_000n, recordEvery: 1 } }))).toEqual([
    expect.stringContaining("definition.plan.until_step: must make at most 90000 recorded points"),
  ]);
  expect(await wire.call(method.listSweeps, {})).toMatchObject({ sweeps: { length: 1 } });
});

test("a sweep with an even modulus among its cells runs the others when that is asked for", async () => {
  const { sweep } = await wire.call(method.startSweep, {
    definition: grid({
      cells: {
        case: "grid",
        value: { base: { width: 8 }, axes: [{ parameter: SweepParameter.MODULUS, values: [6, 7] }] },
      },
      seeds: [],
      skipInvalid: true,
    }),
  });
  await until(sweep!.name, "finished");
  const { runs } = await wire.call(method.listSweepRuns, { name: sweep!.name });
  expect(runs.map(({ run, outcome }) => [run, outcome]).sort()).toEqual([
    [0, SweepOutcome.INVALID],
    [1, SweepOutcome.TARGET],
  ]);
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
