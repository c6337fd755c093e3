import { wrapAngle } from "./angle.ts";
import { projectOnDominant } from "./dominant.ts";
import { atDominant, dominantFrequencies, layerOf, spectrum } from "./fourier.ts";
import { frequencyCount } from "./fourier-basis.ts";
import { frequencyComponent, otherFrequencies } from "./frequency-mask.ts";
import type { Violation } from "./spec-rules.ts";

/** One change of a copy of a network: plain data. Angles are radians. */
export type Ablation =
  /** Takes frequencies, 1..K, out of both layers; means stay. */
  | { readonly kind: "removeFrequencies"; readonly frequencies: readonly number[] }
  /** Takes all other frequencies out of both layers; means stay. */
  | { readonly kind: "keepFrequencies"; readonly frequencies: readonly number[] }
  /** Drops neurons, by their numbers in the network as it is by then. */
  | { readonly kind: "removeNeurons"; readonly neurons: readonly number[] }
  /** Drops all other neurons; those that stay keep their order. */
  | { readonly kind: "keepNeurons"; readonly neurons: readonly number[] }
  /** Projects both layers on each neuron's dominant frequency of theta. */
  | { readonly kind: "project" }
  /**
   * Of the n neurons of a frequency, by present phase, the i-th gets phase range i / n there; misalignments and all else stay, and
   * neurons without a frequency.
   */
  | { readonly kind: "spreadPhases"; readonly range: number }
  /** Keeps the neurons whose phase at their dominant frequency is within range / 2 of `center` on the circle; those without one go. */
  | { readonly kind: "restrictPhases"; readonly center: number; readonly range: number }
  /** Multiplies the layers. */
  | { readonly kind: "scale"; readonly theta: number; readonly xi: number };

type Weights = Float32Array | Float64Array;

/** Both layers, [M, p] row-major. */
export interface AblatedLayers {
  readonly theta: Float64Array;
  readonly xi: Float64Array;
}

export interface Ablated extends AblatedLayers {
  /** Of the first list of neurons that is wrong for those that a restriction left; the layers are as they were before it. */
  readonly violations: readonly Violation[];
}

/**
 * A copy of both layers with changes made to it, one after the other, in float64.
 *
 * @param theta - [M, p] row-major
 * @param xi - [M, p] row-major
 * @param ablations - without violations that can be told beforehand
 * @returns [M', p] row-major; no neurons at all when none was within a restricted range
 */
export function ablate(
  theta: Weights,
  xi: Weights,
  modulus: number,
  ablations: readonly Ablation[],
): Ablated {
  let layers: AblatedLayers = { theta: Float64Array.from(theta), xi: Float64Array.from(xi) };
  for (const [i, ablation] of ablations.entries()) {
    const width = layers.theta.length / modulus;
    if (width === 0) break;
    const violations = namesNeurons(ablation) ? neuronViolations(fieldOf(i, ablation), ablation, width) : [];
    if (violations.length > 0) return { ...layers, violations };
    layers = changed(layers, modulus, ablation);
  }
  return { ...layers, violations: [] };
}

function changed({ theta, xi }: AblatedLayers, modulus: number, ablation: Ablation): AblatedLayers {
  switch (ablation.kind) {
    case "removeFrequencies":
      return {
        theta: without(theta, modulus, ablation.frequencies),
        xi: without(xi, modulus, ablation.frequencies),
      };
    case "keepFrequencies": {
      const removed = otherFrequencies(modulus, ablation.frequencies);
      return { theta: without(theta, modulus, removed), xi: without(xi, modulus, removed) };
    }
    case "removeNeurons": {
      const gone = new Set(ablation.neurons);
      return chosen({ theta, xi }, modulus, (m) => !gone.has(m));
    }
    case "keepNeurons": {
      const kept = new Set(ablation.neurons);
      return chosen({ theta, xi }, modulus, (m) => kept.has(m));
    }
    case "project":
      return projectOnDominant(theta, xi, modulus);
    case "spreadPhases":
      return spread(theta, xi, modulus, ablation.range);
    case "restrictPhases": {
      const inner = spectrum(theta, modulus);
      const dominant = dominantFrequencies(inner);
      const { center, range } = ablation;
      return chosen({ theta, xi }, modulus, (m) => {
        // Each wrapped: beside a center of many turns a phase would be lost.
        const away = wrapAngle(atDominant(inner, inner.phase, dominant, m) - wrapAngle(center));
        return dominant[m]! > 0 && Math.abs(away) <= range / 2;
      });
    }
    case "scale":
      return {
        theta: theta.map((value) => ablation.theta * value),
        xi: xi.map((value) => ablation.xi * value),
      };
  }
}

function without(rows: Float64Array, modulus: number, removed: readonly number[]): Float64Array {
  const component = frequencyComponent(rows, modulus, removed);
  return rows.map((value, i) => value - component[i]!);
}

function chosen(
  { theta, xi }: AblatedLayers,
  modulus: number,
  stays: (neuron: number) => boolean,
): AblatedLayers {
  const rows = (layer: Float64Array) => layer.filter((_, i) => stays(Math.floor(i / modulus)));
  return { theta: rows(theta), xi: rows(xi) };
}

function spread(theta: Float64Array, xi: Float64Array, modulus: number, range: number): AblatedLayers {
  const inner = spectrum(theta, modulus);
  const dominant = dominantFrequencies(inner);
  const turn = new Float64Array(dominant.length);
  for (let k = 1; k <= frequencyCount(modulus); k++) {
    const group = [...dominant.keys()]
      .filter((m) => dominant[m] === k)
      .map((m) => ({ m, phi: atDominant(inner, inner.phase, dominant, m) }))
      // From 0 up, as the phases that they get.
      .sort((a, b) => positive(a.phi) - positive(b.phi));
    for (const [i, { m, phi }] of group.entries()) turn[m] = (range * i) / group.length - phi;
  }
  return {
    theta: turned(theta, modulus, dominant, (m) => turn[m]!),
    // psi follows 2 phi, so that their difference stays.
    xi: turned(xi, modulus, dominant, (m) => 2 * turn[m]!),
  };
}

/** Rounding must not send what is at 0 to the end. */
const positive = (angle: number) => (angle < -1e-9 ? angle + 2 * Math.PI : angle);

/** The rows with the phase of one frequency each turned by an angle. */
function turned(
  rows: Float64Array,
  modulus: number,
  dominant: Uint8Array,
  angleOf: (neuron: number) => number,
): Float64Array {
  const full = spectrum(rows, modulus);
  const count = frequencyCount(modulus);
  const cosine = new Float64Array(full.cosine.length);
  const sine = new Float64Array(full.sine.length);
  for (const [m, k] of dominant.entries()) {
    // A constant row has no phase to turn.
    if (k === 0) continue;
    const at = m * count + k - 1;
    const c = Math.cos(angleOf(m));
    const s = Math.sin(angleOf(m));
    // A cos(w j + phi) has the coefficients A cos phi and -A sin phi.
    cosine[at] = c * full.cosine[at]! + s * full.sine[at]! - full.cosine[at]!;
    sine[at] = c * full.sine[at]! - s * full.cosine[at]! - full.sine[at]!;
  }
  const difference = layerOf({ ...full, mean: new Float64Array(full.width), cosine, sine });
  return rows.map((value, i) => value + difference[i]!);
}

/** More wrong entries of a list than this say nothing new. */
const reported = 8;

type NeuronAblation = Extract<Ablation, { readonly neurons: readonly number[] }>;

const namesNeurons = (ablation: Ablation): ablation is NeuronAblation => "neurons" in ablation;

/** Where a request has the i-th change: kinds are its fields, in other letters. */
function fieldOf(i: number, { kind }: Ablation): string {
  return `ablations[${i}].${kind.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)}`;
}

/**
 * Every rule of a list of neurons that does not hold.
 *
 * @param width - neurons that are left by then; undefined while that is not known
 */
function neuronViolations(at: string, { kind, neurons }: NeuronAblation, width: number | undefined) {
  const field = `${at}.neurons`;
  if (width === 0) {
    const description = "must name neurons that are left: an earlier change leaves none";
    return neurons.length > 0 ? [{ field, description }] : [];
  }
  const most = (width ?? Number.POSITIVE_INFINITY) - 1;
  const violations = listViolations(field, neurons, 0, most, `0 to ${most}, a neuron that is left`);
  const named = new Set(neurons).size;
  const stay = kind === "keepNeurons" ? named : (width ?? Number.POSITIVE_INFINITY) - named;
  if (width !== undefined && stay < 1)
    violations.push(violation(field, "such that a neuron stays", `${named} of ${width}`));
  return violations;
}

function listViolations(
  field: string,
  values: readonly number[],
  min: number,
  max: number,
  what: string,
): Violation[] {
  const wrong = [...values.entries()].filter(([, value]) => value < min || value > max);
  const violations = wrong
    .slice(0, reported)
    .map(([entry, value]) => violation(`${field}[${entry}]`, what, value));
  if (new Set(values).size < values.length)
    violations.push(violation(field, "without repetition", `${values.length} entries`));
  return violations;
}

function violation(field: string, must: string, got: unknown): Violation {
  return { field, description: `must be ${must}; got ${got}` };
}

/** Every rule of the ablations of a network that does not hold; fields as `ablations[0].remove_frequencies.frequencies[1]`. */
export function ablationViolations(
  ablations: readonly Ablation[],
  modulus: number,
  width: number,
): Violation[] {
  const violations: Violation[] = [];
  // How many neurons a restriction leaves is not known beforehand: `ablate` checks the lists after one.
  let left: number | undefined = width;
  for (const [i, ablation] of ablations.entries()) {
    const at = fieldOf(i, ablation);
    const fail = (field: string, must: string, got: unknown) =>
      violations.push(violation(`${at}.${field}`, must, got));
    const angleRange = (range: number) => {
      if (!(range > 0 && range <= 2 * Math.PI)) fail("range", "greater than 0, at most 2 pi", range);
    };
    const finite = (field: string, value: number) => {
      if (!Number.isFinite(value)) fail(field, "finite", value);
    };
    switch (ablation.kind) {
      case "removeFrequencies":
      case "keepFrequencies": {
        const most = frequencyCount(modulus);
        const what = `1 to ${most}, a frequency of Z_${modulus}`;
        violations.push(...listViolations(`${at}.frequencies`, ablation.frequencies, 1, most, what));
        break;
      }
      case "removeNeurons":
      case "keepNeurons": {
        violations.push(...neuronViolations(at, ablation, left));
        const named = new Set(ablation.neurons).size;
        if (left !== undefined) left = ablation.kind === "keepNeurons" ? named : Math.max(0, left - named);
        break;
      }
      case "spreadPhases":
        angleRange(ablation.range);
        break;
      case "restrictPhases":
        finite("center", ablation.center);
        angleRange(ablation.range);
        left = undefined;
        break;
      case "scale":
        finite("theta", ablation.theta);
        finite("xi", ablation.xi);
        break;
    }
  }
  return violations;
}
