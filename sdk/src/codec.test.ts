import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { StartSessionRequestSchema } from "@grokbox/proto/session";
import { StartSweepRequestSchema } from "@grokbox/proto/sweep";
import { RunRequestSchema } from "@grokbox/proto/training";
import { expect, test } from "vitest";
import { encode } from "./codec.ts";

/** What scripts whose types nobody checks send. */
const start = (request: object) => () =>
  encode(
    StartSessionRequestSchema,
    create(StartSessionRequestSchema, request as MessageInitShape<typeof StartSessionRequestSchema>),
  );

const integer = "must be an integer, 0 to 4294967295";

test.each([
  ["spec.seed", `${integer}; got -1`, { spec: { seed: -1 } }],
  ["spec.seed", `${integer}; got 4294967296`, { spec: { seed: 2 ** 32 } }],
  ["spec.width", `${integer}; got 1000000000000`, { spec: { width: 1e12 } }],
  [
    "snapshot_schedule.every_steps",
    "must be an integer, 0 to 2^64 - 1; got -1",
    { snapshotSchedule: { everySteps: -1n } },
  ],
  ["spec.modulus", `${integer}; got 23.5`, { spec: { modulus: 23.5 } }],
  ["spec.modulus", `${integer}; got NaN`, { spec: { modulus: Number.NaN } }],
  ["spec.modulus", `${integer}; got "23"`, { spec: { modulus: "23" } }],
  ["spec.activation", "must be a text; got 2", { spec: { activation: 2 } }],
  [
    "spec.optimizer.adamw.weight_decay",
    'must be a number; got "2"',
    { spec: { optimizer: { kind: { case: "adamw", value: { weightDecay: "2" } } } } },
  ],
  [
    "spec.split.explicit.train_pairs[2]",
    `${integer}; got -3`,
    { spec: { split: { kind: { case: "explicit", value: { trainPairs: [1, 2, -3] } } } } },
  ],
  [
    "spec.split.explicit.train_pairs",
    'must be a list; got "12"',
    { spec: { split: { kind: { case: "explicit", value: { trainPairs: "12" } } } } },
  ],
  ['labels["run"]', "must be a text; got 3", { labels: { by: "me", run: 3 } }],
  [
    "snapshot_schedule.powers_of_two",
    'must be true or false; got "false"',
    { snapshotSchedule: { powersOfTwo: "false" } },
  ],
  [
    "measure_schedule.measures[1].every",
    `${integer}; got 0.5`,
    { measureSchedule: { measures: [{}, { every: 0.5 }] } },
  ],
])("the error says that %s %s", (field, description, request) => {
  expect(start(request)).toThrow(
    expect.objectContaining({ reason: "INVALID_FIELD", violations: [{ field, description }] }),
  );
});

test("what its fields can hold is sent, to the ends of the ranges", () => {
  const request = {
    spec: {
      seed: 2 ** 32 - 1,
      modulus: 0,
      optimizer: {
        kind: { case: "sgd", value: { learningRate: Number.POSITIVE_INFINITY, weightDecay: -0 } },
      },
      split: { kind: { case: "explicit", value: { trainPairs: [0] } } },
    },
    labels: { by: "me" },
    snapshotSchedule: { powersOfTwo: true, everySteps: 2n ** 64n - 1n },
  };
  expect(start(request)().length).toBeGreaterThan(30);
  const run = { session: "sessions/a", plan: { untilStep: 7n, snapshotAt: [1n, 2n] } };
  expect(encode(RunRequestSchema, create(RunRequestSchema, run)).length).toBeGreaterThan(10);
  const sweep = { definition: { seeds: [0, 2 ** 32 - 1], keepSessions: false } };
  expect(encode(StartSweepRequestSchema, create(StartSweepRequestSchema, sweep)).length).toBeGreaterThan(5);
});
