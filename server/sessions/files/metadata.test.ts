import { describe, expect, test } from "vitest";
import { moments, safetensorsOf, weights } from "./testing/raw-safetensors.ts";
import { read, refusal } from "./testing/refusal.ts";
import { smallState } from "./testing/state-files.ts";

describe("the step of a file", () => {
  const ours = (spec: object, step: string) => ({
    format: "grokbox",
    version: "1",
    step,
    spec: JSON.stringify({ ...smallState().spec, ...spec }),
  });
  const sgd = { optimizer: { kind: "sgd", learningRate: 0.1, weightDecay: 0 } };

  test.each<[string, boolean, Record<string, string> | undefined, number]>([
    ["without metadata", false, undefined, 0],
    ["without metadata but with moments", true, undefined, 0],
    ["of PyTorch", false, { format: "pt" }, 0],
    ["of another program, without moments", false, { step: "final" }, 0],
    ["of another program, with moments", true, { step: "12" }, 12],
    ["of ours, with moments", true, ours({}, "4503599627370496"), 2 ** 52],
    ["of ours, AdamW without moments", false, ours({}, "12"), 0],
    ["of ours, SGD", false, ours(sgd, "12"), 12],
  ])("%s", (_, hasMoments, metadata, step) => {
    const content = read(safetensorsOf([...weights(), ...(hasMoments ? moments() : [])], metadata));
    expect([content.step, content.state.step]).toEqual([step, step]);
    expect(content.spec !== undefined).toBe(metadata?.format === "grokbox");
  });

  test.each<[string, Record<string, string>, string]>([
    [
      "a step that is no number, beside moments",
      { step: "final" },
      '__metadata__.step: must be a decimal integer, 0 to 2^52; got "final"',
    ],
    ["a step beyond 2^52", ours({}, "4503599627370497"), "__metadata__.step: must be a decimal integer"],
    ["a negative step", ours({}, "-1"), "__metadata__.step: must be a decimal integer"],
    ["another version", { ...ours({}, "1"), version: "2" }, '__metadata__.version: must be 1; got "2"'],
    ["no version", { format: "grokbox" }, "__metadata__.version: must be 1; got nothing"],
    [
      "no step",
      { format: "grokbox", version: "1" },
      "__metadata__.step: must be a decimal integer, 0 to 2^52; got nothing",
    ],
    [
      "no spec",
      { format: "grokbox", version: "1", step: "1" },
      "__metadata__.spec: must be the spec as JSON; got nothing",
    ],
    [
      "a spec that is no JSON",
      { ...ours({}, "1"), spec: "{" },
      "__metadata__.spec: must have a key in quotes",
    ],
    [
      "a deep spec",
      { ...ours({}, "1"), spec: "[".repeat(900_000) },
      "__metadata__.spec: must be nested at most 4 deep",
    ],
    ["a spec against the rules", ours({ seed: -1 }, "1"), "__metadata__.spec.seed: must be an integer, 0 to"],
    [
      "a spec of another modulus",
      ours({ modulus: 7 }, "1"),
      '__metadata__.spec.modulus: must be theta\'s p = 5; got "7"',
    ],
    [
      "a spec of another width",
      ours({ width: 9 }, "1"),
      '__metadata__.spec.width: must be theta\'s M = 8; got "9"',
    ],
  ])("%s is refused", (_, metadata, reason) => {
    expect(refusal(safetensorsOf([...weights(), ...moments()], metadata))).toContain(`file.${reason}`);
  });
});
