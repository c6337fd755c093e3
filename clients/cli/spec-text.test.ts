import type { Spec, StopReason } from "@grokbox/sdk";
import { expect, test } from "vitest";
import { changesText } from "./changes-text.ts";
import { specText, stopText } from "./spec-text.ts";
import { readSpec } from "./sweep-file/spec.ts";

const spec: Spec = {
  modulus: 23,
  width: 512,
  activation: "relu",
  task: "add",
  init: { kind: "random", scale: 0.1 },
  optimizer: { kind: "sgd", learningRate: 0.1, weightDecay: 0 },
  schedule: { warmupSteps: 10 },
  split: { kind: "torch", fraction: 1 },
  seed: 42,
};

test("a spec's text names its embedding and Grokfast where it has them, and nothing where it hasn't", () => {
  expect(specText(spec)).toBe("p 23, M 512, relu, add, sgd lr 0.1, seed 42");
  const optimizer = { ...spec.optimizer, weightDecay: 2, grokfast: { alpha: 0.98, lambda: 2 } };
  expect(specText({ ...spec, optimizer, embedding: { dimension: 128 } })).toBe(
    "p 23, M 512, embedding 128, relu, add, sgd lr 0.1 decay 2 grokfast 2, seed 42",
  );
  const slower = { ...optimizer, grokfast: { alpha: 0.9, lambda: 5 } };
  expect(specText({ ...spec, optimizer: slower })).toContain("grokfast 5 alpha 0.9");
});

test("why training stopped is said once, in the server's words where it has any", () => {
  const text = (kind: StopReason["kind"], detail: string) => `it ${stopText({ kind, detail, step: 1_283 })}`;
  expect(text("target", "reached step 1283")).toBe("it reached step 1,283");
  expect(text("condition", "test_accuracy >= 0.9 for a recorded step")).toBe(
    "it stopped at step 1,283: test_accuracy >= 0.9 for a recorded step",
  );
  const lastGood = "the loss of step 1284 is not finite; this is the last good state";
  expect(text("diverged", lastGood)).toBe(`it diverged at step 1,283: ${lastGood}`);
});

test("changes say what becomes of Grokfast", () => {
  const text = (grokfast: object) => changesText({ optimizer: { kind: "adamw", grokfast } });
  expect(text({})).toBe("adamw grokfast");
  expect(text({ lambda: 3 })).toBe("adamw grokfast 3");
  expect(text({ lambda: 0 })).toBe("adamw without grokfast");
});

test("a sweep's file has both as a number or whole", () => {
  const place = { file: "sweep.yaml", path: "" };
  const short = readSpec({ embedding: 64, grokfast: 2 }, place);
  expect([short.embedding, short.grokfast]).toEqual([{ dimension: 64 }, { lambda: 2 }]);
  const whole = readSpec({ embedding: {}, grokfast: { alpha: 0.9 } }, place);
  expect([whole.embedding, whole.grokfast]).toEqual([
    { dimension: undefined },
    { alpha: 0.9, lambda: undefined },
  ]);
});
