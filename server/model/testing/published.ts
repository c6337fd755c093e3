import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { readSafetensors } from "./safetensors.ts";

const folder = fileURLToPath(new URL("../../../../shared/reference", import.meta.url));

/** Whether the paper's published weights lie beside the repository; tests that need them are skipped without. */
export const hasPublishedRuns = existsSync(folder);

/** Published weights, float32 [512, 23] each; `state` is `step-0`, `step-2200` or `step-final`. */
export function publishedWeights(run: string, state: string): { theta: Float32Array; xi: Float32Array } {
  const tensors = readSafetensors(`${folder}/${run}/${state}.safetensors`);
  return { theta: tensors.get("theta")!.values, xi: tensors.get("xi")!.values };
}

/** Row of a published curve: train loss, test loss, gradient norm and parameter norm after `step` updates. */
export function publishedRow(run: string, step: number): [number, number, number, number] {
  const { data } = JSON.parse(readFileSync(`${folder}/${run}/curve.json`, "utf8"));
  return data.find((row: number[]) => row[0] === step).slice(1);
}
