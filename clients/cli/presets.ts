import type { InitInput, PresetName } from "@grokbox/sdk";

/** What a part of a preset's spec is, for options that change another part: a scale alone is no init. */
interface PresetParts {
  readonly init: InitInput["kind"];
  readonly split: "torch" | "python";
}

const usual: PresetParts = { init: "random", split: "torch" };

/** The published runs. A server may know more. */
const parts: Readonly<Record<PresetName, PresetParts>> = {
  standard: usual,
  grokking: { ...usual, split: "python" },
  quad_random: usual,
  quad_random_sgd: usual,
  relu_random_sgd: usual,
  quad_single_freq: { ...usual, init: "single-frequency" },
  relu_single_freq: { ...usual, init: "single-frequency" },
};

export const presetNames = Object.keys(parts);

/** Undefined for a preset that only the server knows; the default spec's without a preset. */
export function partsOf(preset: string | undefined): Partial<PresetParts> {
  if (preset === undefined) return usual;
  return Object.hasOwn(parts, preset) ? parts[preset as PresetName] : {};
}
