import { unorderedPairCount } from "../../model/unordered-pairs.ts";
import type { Problem, Shape } from "../engine.ts";
import type { Backend } from "./backend.ts";
import { mostActivations } from "./gradients.ts";

const MiB = 2 ** 20;

/**
 * TensorFlow.js' WebAssembly module can have 4 GiB, and writes to address 0 when it gets no more: so it is not let come near.
 * The other back ends say themselves when they run out.
 */
const mostBytes: Partial<Record<Backend, number>> = { wasm: 3072 * MiB };

/** Tensors of one piece of activations that are alive at once, at most: those of gelu's polynomial. */
const passingActivations = 42;
/** The same of logits, and of one layer's weights, in a step. */
const [passingLogits, passingLayers] = [16, 6];

/** Float32 tensors of a trainer, in bytes: those it holds, and those that come and go in a step. */
export function bytesOf({ modulus, width, optimizer }: Shape): { held: number; passing: number } {
  const pairs = unorderedPairCount(modulus);
  const layer = 4 * width * modulus;
  const logits = 4 * pairs * modulus;
  const activations = 4 * Math.min(width * pairs, Math.max(mostActivations, pairs));
  // Weights, moments and gradients; the incidence of pairs and its transpose, two masks for each of two targets.
  const layers = optimizer.kind === "adamw" ? 8 : 4;
  return {
    held: layers * layer + 6 * logits,
    passing: (layers + passingLayers) * layer + passingLogits * logits + passingActivations * activations,
  };
}

/** Refuses trainers before the memory of a back end runs out. */
export class MemoryBudget {
  readonly #most: number;
  readonly #held = new Map<number, number>();

  constructor(backend: Backend) {
    this.#most = mostBytes[backend] ?? Number.POSITIVE_INFINITY;
  }

  /** Throws RangeError when the trainer does not fit beside those that are here. */
  take(trainer: number, problem: Problem): void {
    const { held, passing } = bytesOf(problem);
    const taken = [...this.#held.values()].reduce((sum, bytes) => sum + bytes, 0);
    if (taken + held + passing > this.#most) {
      const inMiB = (bytes: number) => Math.ceil(bytes / MiB).toLocaleString("en");
      throw new RangeError(
        `p = ${problem.modulus}, M = ${problem.width} takes ${inMiB(held + passing)} MiB beside the ${inMiB(taken)} MiB ` +
          `of other trainers, more than the ${inMiB(this.#most)} MiB of the backend`,
      );
    }
    this.#held.set(trainer, held);
  }

  free(trainer: number): void {
    this.#held.delete(trainer);
  }
}
