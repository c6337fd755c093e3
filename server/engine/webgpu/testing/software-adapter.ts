import { existsSync } from "node:fs";
import type { NetworkShape } from "../../conformance/arbitrary-problem.ts";
import { pauseBetweenPolls } from "../dawn-polling.ts";

/** SwiftShader, a Vulkan driver that computes on the CPU, as Debian's chromium brings it. */
const driver = "/usr/lib/chromium/vk_swiftshader_icd.json";

/** Lets this process, which must not have opened an engine yet, see no adapter but the software one. */
export function useSoftwareAdapter(): void {
  process.env.VK_ICD_FILENAMES = driver;
}

/** The same for a test that opens devices on its own thread, whose polls would take one of the cores that the adapter computes on. */
export function useSoftwareAdapterOnThisThread(): void {
  useSoftwareAdapter();
  pauseBetweenPolls();
}

/** Why there is none here. */
export const softwareAdapterMissing = existsSync(driver)
  ? undefined
  : `no ${driver}: apt-get install chromium libvulkan1`;

/**
 * What is trained on it: both families of kernels, at widths that are multiples of no tile, and the options of the model. It compiles a shape for half a second or more, and a pass takes 0.5 ms at p = 3, M = 8, 15 at p = 31 and 34 at p = 33: the
 * barriers, of which a large learned embedding has many too.
 */
export const softwareShapes: readonly NetworkShape[] = [
  { modulus: 3, width: 9, activation: "relu", optimizer: "adamw" },
  { modulus: 3, width: 10, activation: "x^4", optimizer: "sgd" },
  { modulus: 3, width: 13, activation: "gelu", optimizer: "adamw", dimension: 5 },
  { modulus: 3, width: 11, activation: "x^4", optimizer: "sgd", dimension: 6, grokfast: true },
  { modulus: 11, width: 9, activation: "abs", optimizer: "adamw", dimension: 9 },
  { modulus: 37, width: 9, activation: "exp", optimizer: "adamw" },
];

/** Of the other activations, with more combinations of options, and with so many neurons that an invocation has several. */
export const furtherSoftwareShapes: readonly NetworkShape[] = [
  { modulus: 5, width: 14, activation: "x^2", optimizer: "adamw", dimension: 3, grokfast: true },
  { modulus: 3, width: 12, activation: "x^4", optimizer: "sgd", dimension: 1 },
  { modulus: 9, width: 11, activation: "softplus2", optimizer: "sgd" },
  { modulus: 3, width: 8, activation: "x^8", optimizer: "adamw", grokfast: true },
  { modulus: 3, width: 15, activation: "identity", optimizer: "sgd", grokfast: true },
  { modulus: 3, width: 523, activation: "relu", optimizer: "adamw", dimension: 5, isSlow: true },
  { modulus: 5, width: 13, activation: "abs", optimizer: "adamw", dimension: 130, isSlow: true },
  { modulus: 31, width: 9, activation: "abs", optimizer: "adamw", dimension: 9, isSlow: true },
  { modulus: 33, width: 10, activation: "x^3", optimizer: "sgd", dimension: 3, isSlow: true },
  {
    modulus: 37,
    width: 9,
    activation: "exp",
    optimizer: "adamw",
    dimension: 70,
    grokfast: true,
    isSlow: true,
  },
];

/** With both optimizers, for tests that have minutes. */
export const tiledShapes: readonly NetworkShape[] = [
  { modulus: 37, width: 9, activation: "exp", optimizer: "adamw" },
  // As wide as takes several workgroups of neurons; and a small p in the tiled kernels, of which a tile has every residue.
  { modulus: 33, width: 50, activation: "x^3", optimizer: "sgd" },
  { modulus: 3, width: 4101, activation: "relu", optimizer: "adamw" },
];
