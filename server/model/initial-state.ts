import { productOf } from "./learned-embedding.ts";
import type { NetworkState } from "./network-state.ts";
import { NumpyRandom } from "./numpy-random.ts";
import type { Spec } from "./spec.ts";
import { drawTrainMask } from "./split.ts";
import { TorchRandom } from "./torch-random.ts";

const fround = Math.fround;

/** Both layers at step 0, float32 [M, p] row-major, and theta's factors when the embedding is learned. */
type Weights = Pick<NetworkState, "theta" | "xi" | "factors">;

/** Where a run starts. `train` is a [p, p] mask over the ordered pairs, 1 for a training pair. */
export interface InitialState extends Weights {
  readonly train: Uint8Array;
}

/**
 * The state of a run at step 0, equal to the published code's for the same seed: the draws are PyTorch's, NumPy's and
 * Python's. DESIGN section 4, "Randomness".
 *
 * @throws RangeError for an uploaded init, whose weights come from outside
 */
export function initialState(spec: Spec): InitialState {
  const torch = new TorchRandom(spec.seed);
  const weights = drawWeights(spec, torch);
  return { ...weights, train: drawTrainMask(spec.split, spec.modulus, spec.seed, torch) };
}

/**
 * The training mask of a run, [p, p], without its weights. With an uploaded init it is the one that a random init of
 * the same shape and seed would have.
 */
export function drawSplit(spec: Spec): Uint8Array {
  const torch = new TorchRandom(spec.seed);
  if (spec.split.kind === "torch") skipWeights(spec, torch);
  return drawTrainMask(spec.split, spec.modulus, spec.seed, torch);
}

function drawWeights(spec: Spec, torch: TorchRandom): Weights {
  switch (spec.init.kind) {
    case "random":
      return spec.embedding === undefined
        ? drawRandom(spec.modulus, spec.width, spec.init.scale, torch)
        : drawEmbedded(spec, spec.embedding.dimension, spec.init.scale, torch);
    case "single-frequency":
      return drawSingleFrequency(spec.modulus, spec.width, spec.init.scale, spec.seed, torch);
    case "uploaded":
      throw new RangeError("an uploaded init has no weights to draw: they come from outside");
  }
}

function skipWeights(spec: Spec, torch: TorchRandom): void {
  if (spec.init.kind === "single-frequency") {
    for (let draw = 0; draw < 2 * spec.width; draw++) torch.randn(2);
    return;
  }
  const { modulus, width } = spec;
  const dimension = spec.embedding?.dimension;
  if (dimension !== undefined) torch.skipRandn(dimension * modulus);
  torch.skipRandn(width * (dimension ?? modulus));
  torch.skipRandn(modulus * width);
}

/** theta = scale / sqrt(p) randn(M, p), then xi = (scale / sqrt(p) randn(p, M)) transposed. */
function drawRandom(modulus: number, width: number, scale: number, torch: TorchRandom): Weights {
  const factor = fround(scale / Math.sqrt(modulus));
  const theta = drawScaled(width * modulus, factor, torch);
  return { theta, xi: drawTransposed(modulus, width, factor, torch) };
}

/** W_E = randn(d, p) / sqrt(d), W_in = scale / sqrt(d) randn(M, d), then xi = (scale / sqrt(d) randn(p, M)) transposed. */
function drawEmbedded(
  { modulus, width }: Spec,
  dimension: number,
  scale: number,
  torch: TorchRandom,
): Weights {
  const factor = fround(scale / Math.sqrt(dimension));
  const embedding = drawScaled(dimension * modulus, fround(1 / Math.sqrt(dimension)), torch);
  const projection = drawScaled(width * dimension, factor, torch);
  const xi = drawTransposed(modulus, width, factor, torch);
  const factors = { embedding, projection };
  return { theta: Float32Array.from(productOf(factors, modulus)), xi, factors };
}

function drawScaled(count: number, factor: number, torch: TorchRandom): Float32Array {
  const values = torch.randn(count);
  for (let i = 0; i < values.length; i++) values[i] *= factor;
  return values;
}

/** [M, p] of what is drawn as [p, M]. */
function drawTransposed(modulus: number, width: number, factor: number, torch: TorchRandom): Float32Array {
  const columns = torch.randn(modulus * width);
  const rows = new Float32Array(width * modulus);
  for (let m = 0; m < width; m++) {
    for (let j = 0; j < modulus; j++) rows[m * modulus + j] = columns[j * width + m] * factor;
  }
  return rows;
}

/**
 * theta_m[j] = scale cos(w_k j + phi), xi_m[j] = scale cos(w_k j + psi), k = k_m the same in both layers. The torch
 * generator gives all phases of theta first, then all of xi.
 */
function drawSingleFrequency(
  modulus: number,
  width: number,
  scale: number,
  seed: number,
  torch: TorchRandom,
): Weights {
  const frequencies = drawFrequencies(modulus, width, seed);
  const theta = drawCosines(modulus, frequencies, scale, torch);
  const xi = drawCosines(modulus, frequencies, scale, torch);
  return { theta, xi };
}

/** Each of 1..K as equally often as M allows, in NumPy's order. */
function drawFrequencies(modulus: number, width: number, seed: number): Uint8Array {
  const count = (modulus - 1) / 2;
  const numpy = new NumpyRandom(seed);
  const deck = Uint8Array.from({ length: count }, (_, i) => i + 1);
  numpy.shuffle(deck);
  const frequencies = Uint8Array.from({ length: width }, (_, m) => deck[m % count]);
  numpy.shuffle(frequencies);
  return frequencies;
}

/**
 * A `randn(2)` a row, normalized to length 1, times scale sqrt(p / 2): its cos and sin coefficients in the orthonormal
 * basis, every operation rounded to float32 as the published code's.
 */
function drawCosines(
  modulus: number,
  frequencies: Uint8Array,
  scale: number,
  torch: TorchRandom,
): Float32Array {
  const basis = float32Basis(modulus);
  const factor = fround(scale * Math.sqrt(modulus / 2));
  const weights = new Float32Array(frequencies.length * modulus);
  frequencies.forEach((frequency, m) => {
    const [first, second] = torch.randn(2);
    const length = fround(Math.hypot(first, second));
    const cosine = fround(fround(first / length) * factor);
    const sine = fround(fround(second / length) * factor);
    const { cosines, sines } = basis[frequency - 1];
    for (let j = 0; j < modulus; j++) {
      weights[m * modulus + j] = fround(cosine * cosines[j]) + fround(sine * sines[j]);
    }
  });
  return weights;
}

interface Waves {
  readonly cosines: Float32Array;
  readonly sines: Float32Array;
}

/**
 * The orthonormal basis as the published code computes it, entry k - 1 for frequency k. Its angles 2 pi j k / p are
 * rounded to float32 from left to right, before any reduction, which moves weights by up to 1e-5 of the scale at
 * p = 23: more than the tolerance on the published loss curves leaves.
 */
function float32Basis(modulus: number): readonly Waves[] {
  return Array.from({ length: (modulus - 1) / 2 }, (_, i) => {
    const angles = Float32Array.from({ length: modulus }, (_, j) =>
      fround(fround(fround(fround(2 * Math.PI) * j) * (i + 1)) / modulus),
    );
    return { cosines: normalized(angles.map(Math.cos)), sines: normalized(angles.map(Math.sin)) };
  });
}

function normalized(values: Float32Array): Float32Array {
  const length = fround(Math.sqrt(values.reduce((sum, value) => sum + value * value, 0)));
  return values.map((value) => value / length);
}
