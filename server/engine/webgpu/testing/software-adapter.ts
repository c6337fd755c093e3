import { existsSync } from "node:fs";
import type { NetworkShape } from "../../conformance/arbitrary-problem.ts";

/** SwiftShader, a Vulkan driver that computes on the CPU, as Debian's chromium brings it. */
const driver = "/usr/lib/chromium/vk_swiftshader_icd.json";

/** Lets this process, which must not have opened an engine yet, see no adapter but the software one. */
export function useSoftwareAdapter(): void {
  process.env.VK_ICD_FILENAMES = driver;
}

/** Why there is none here. */
export const softwareAdapterMissing = existsSync(driver)
  ? undefined
  : `no ${driver}: apt-get install chromium libvulkan1`;

/**
 * What is trained on it: both families of kernels, up to p = 31 and above, at widths that are multiples of no tile. It compiles a shape for a second or more, and a pass takes 2 ms at p = 3, M = 8, but 85 at p = 33 and 800 at p = 31: the barriers.
 */
export const softwareShapes: readonly NetworkShape[] = [
  { modulus: 3, width: 9, activation: "relu", optimizer: "adamw" },
  { modulus: 3, width: 10, activation: "x^4", optimizer: "sgd" },
  { modulus: 3, width: 13, activation: "gelu", optimizer: "adamw" },
  { modulus: 9, width: 11, activation: "softplus2", optimizer: "sgd" },
  { modulus: 31, width: 9, activation: "abs", optimizer: "adamw", isSlow: true },
  { modulus: 37, width: 9, activation: "exp", optimizer: "adamw" },
];

/** With the activations that are not among them, for tests that have minutes. */
export const allSoftwareShapes: readonly NetworkShape[] = [
  ...softwareShapes,
  { modulus: 3, width: 8, activation: "x^8", optimizer: "adamw" },
  { modulus: 3, width: 11, activation: "identity", optimizer: "sgd" },
  { modulus: 3, width: 14, activation: "x^2", optimizer: "adamw" },
  { modulus: 3, width: 15, activation: "x^3", optimizer: "sgd" },
];

/** With both optimizers, for tests that have minutes. */
export const tiledShapes: readonly NetworkShape[] = [
  { modulus: 37, width: 9, activation: "exp", optimizer: "adamw" },
  { modulus: 33, width: 10, activation: "x^3", optimizer: "sgd" },
];
