import { GrokboxError } from "@grokbox/sdk";
import { expect, test } from "vitest";
import { FigureError } from "../figures/figure-error.ts";
import { exitCodeMeanings } from "./exit-code.ts";
import { describe, failureOf, toJson, usageFailure } from "./failure.ts";
import { Interruption } from "./world.ts";

const calm = new AbortController().signal;

test("every field that is wrong has a line, under the name of its flag", () => {
  const error = new GrokboxError("spec.width: no; plan.stop_when[0].threshold: no", {
    code: "INVALID_ARGUMENT",
    reason: "INVALID_FIELD",
    violations: [
      { field: "spec.width", description: "must be 8 to 65536; got 4" },
      { field: "plan.stop_when[0].threshold.value", description: "must be finite" },
      { field: "plan.stop_when[1].threshold.measure", description: "must be another; got MEASURE_IPR_THETA" },
      { field: "page_size", description: "must be 1 to 1000" },
    ],
  });
  const failure = failureOf(error, calm, "start");
  expect(describe(failure)).toEqual([
    "grokbox: this was refused:",
    "  --width (spec.width) must be 8 to 65536; got 4",
    "  --stop-when (plan.stop_when[0].threshold.value) must be finite",
    "  --stop-when (plan.stop_when[1].threshold.measure) must be another; got ipr_theta",
    "  page_size must be 1 to 1000",
    "See: grokbox start --help",
  ]);
  expect(failure.exitCode).toBe(2);
  expect(toJson(failure)).toMatchObject({ error: { violations: error.violations } });
});

test("what is wrong with a fork, a trigger, a file or an ablation has the flag that it comes from", () => {
  const flags = {
    "changes.spec.optimizer.adamw.weight_decay": "--weight-decay",
    "triggers[2].fork.changes.keep_frequencies[0]": "--keep-frequencies",
    "triggers[0].when.measure": "--when",
    "snapshot_schedule.every_steps": "--snapshot-every",
    "measure_schedule.measures[0].every": "--measure",
    "file.theta.shape": "--weights",
    "set_labels[A]": "LABELS",
    label: "--label",
    "spec.optimizer.adamw.grokfast.lambda": "--grokfast",
    "changes.spec.optimizer.sgd.grokfast.alpha": "--grokfast-alpha",
    "spec.optimizer.adamw.beta1": "--optimizer",
    "spec.embedding.dimension": "--embedding",
    "spec.embedding": "--embedding",
    activation: "--activation",
    "activations[1]": "ACTIVATION",
    "neurons[0]": "--neurons",
    begin: "--begin",
    "ablations[0].remove_frequencies.frequencies[0]": "--remove-frequencies",
    "ablations[0].keep_frequencies.frequencies": "--keep-frequencies",
    "ablations[1].remove_neurons.neurons": "--remove-neurons",
    "ablations[1].keep_neurons.neurons[3]": "--keep-neurons",
    "ablations[0].spread_phases.range": "--spread-phases",
    "ablations[2].scale.theta": "--scale-theta",
    "ablations[2].scale.xi": "--scale-xi",
  };
  for (const [field, flag] of Object.entries(flags)) {
    const violations = [{ field, description: "is wrong" }];
    const error = new GrokboxError("no", { code: "INVALID_ARGUMENT", reason: "INVALID_FIELD", violations });
    const line = describe(failureOf(error, calm, "fork"))[1]!;
    expect([`  ${flag} (${field}) is wrong`, `  ${flag} is wrong`]).toContain(line);
  }
});

test("a measure that the session lacks is named as people write it, with how to have it measured", () => {
  const refusal = (...violations: { field: string; description: string }[]) =>
    failureOf(
      new GrokboxError("no", { code: "INVALID_ARGUMENT", reason: "INVALID_FIELD", violations }),
      calm,
      "run",
    );
  const has = "must be a measure that sessions/a has";
  const stop = (i: number, got: string) => ({
    field: `plan.stop_when[${i}].threshold.measure`,
    description: `${has} (its measure_schedule does not have it); got ${got}`,
  });
  const why = "(its measure_schedule does not have it)";
  expect(describe(refusal(stop(0, "MEASURE_IPR_THETA"), stop(2, "MEASURE_VOTING_R_SQUARED")))).toEqual([
    "grokbox: this was refused:",
    `  --stop-when (plan.stop_when[0].threshold.measure) ${has} ${why}; got ipr_theta`,
    `  --stop-when (plan.stop_when[2].threshold.measure) ${has} ${why}; got voting_r_squared`,
    "Have it measured, with what is to stay: grokbox measures a --measure ipr_theta --measure voting_r_squared",
  ]);
  const when = { field: "triggers[0].when.measure", description: `${has}; got MEASURE_IPR_XI` };
  expect(describe(refusal(when)).slice(1)).toEqual([
    `  --when (triggers[0].when.measure) ${has}; got ipr_xi`,
    "Have it measured, with what is to stay: grokbox measures a --measure ipr_xi",
  ]);
  expect(refusal(stop(0, "MEASURE_TEST_ACCURACY")).hint).toBe("See: grokbox run --help");
  const range = "must be 0 to 1, as MEASURE_HELD_OUT_ACCURACY is; got 90";
  const value = { field: "plan.stop_when[0].threshold.value", description: range };
  expect(describe(refusal(value))[1]).toMatch(/must be 0 to 1, as held_out_accuracy is; got 90$/);
  expect(toJson(refusal(value))).toMatchObject({ error: { violations: [value] } });
});

test.each([
  ["SNAPSHOT_EXISTS", "FAILED_PRECONDITION", 4, "grokbox delete a@5"],
  ["SNAPSHOT_IN_USE", "FAILED_PRECONDITION", 4, "grokbox measures a --none"],
  ["SNAPSHOT_NOT_FOUND", "NOT_FOUND", 3, "grokbox snapshots a"],
  ["SNAPSHOT_CORRUPT", "DATA_LOSS", 1, "grokbox doctor"],
  ["STORAGE_FULL", "RESOURCE_EXHAUSTED", 1, "Make room"],
] as const)("%s says what to do", (reason, code, exitCode, hint) => {
  const error = new GrokboxError("no", { code, reason, metadata: { snapshot: "sessions/a/snapshots/5" } });
  const failure = failureOf(error, calm, "restore");
  expect(failure.exitCode).toBe(exitCode);
  expect(failure.hint).toContain(hint);
});

test("who diverged is looked at, unless it was not made", () => {
  const hint = (metadata: Record<string, string>) =>
    failureOf(
      new GrokboxError("no", { code: "FAILED_PRECONDITION", reason: "DIVERGED", metadata }),
      calm,
      "start",
    ).hint;
  expect(hint({ session: "sessions/a", step: "5" })).toContain("grokbox show a");
  expect(hint({ step: "0" })).toBeUndefined();
});

test.each([
  ["INVALID_ARGUMENT", 2],
  ["NOT_FOUND", 3],
  ["FAILED_PRECONDITION", 4],
  ["ABORTED", 4],
  ["UNAVAILABLE", 5],
  ["DEADLINE_EXCEEDED", 5],
  ["RESOURCE_EXHAUSTED", 1],
  ["INTERNAL", 1],
  ["DATA_LOSS", 1],
] as const)("%s ends with %i", (code, exitCode) => {
  expect(failureOf(new GrokboxError("x", { code }), calm, undefined).exitCode).toBe(exitCode);
  expect(exitCodeMeanings.map(([meant]) => meant)).toContain(exitCode);
});

test.each([
  ["figure", "invalid", 2, "USAGE", "USAGE"],
  ["figure", "not-found", 3, "NOT_FOUND", "SNAPSHOT_NOT_FOUND"],
  ["figure", "state", 4, "FAILED_PRECONDITION", "SESSION_STATE"],
  ["sweep-figure", "state", 4, "FAILED_PRECONDITION", "SWEEP_STATE"],
] as const)("a %s that can't be drawn, %s, ends with %i", (command, kind, exitCode, code, reason) => {
  const failure = failureOf(new FigureError("no", kind), calm, command);
  expect(failure).toMatchObject({ exitCode, code, reason, message: "no" });
});

test("what was interrupted is no failure of the server's", () => {
  const interrupt = AbortSignal.abort(new Interruption("SIGTERM"));
  const error = new GrokboxError("cancelled", { code: "CANCELLED" });
  expect(failureOf(error, interrupt, undefined)).toMatchObject({ exitCode: 143, code: "INTERRUPTED" });
});

test("an error that nobody foresaw is told in its own words, without a stack", () => {
  expect(describe(failureOf(new TypeError("x is no function"), calm, undefined))).toEqual([
    "grokbox: x is no function",
  ]);
});

test("a line that is wrong points to its command's help", () => {
  expect(usageFailure("what?", "run")).toMatchObject({ exitCode: 2, hint: "See: grokbox run --help" });
});
