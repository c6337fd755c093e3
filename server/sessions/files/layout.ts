import { arrayNamesOf, type StateKind } from "../../model/network-state.ts";
import { mostDimension } from "../../model/spec-rules.ts";
import { type FieldViolation, invalid } from "../errors.ts";
import { type ArrayName, arrayNames, arrayShape, outerName } from "../snapshot.ts";
import type { TensorInfo } from "./header.ts";
import { quoted } from "./quoted.ts";

/** Every tensor that a snapshot's file may have. */
export const tensorNames = [...arrayNames, "train"] as const;
export type TensorName = (typeof tensorNames)[number];

/** These names, for people. */
export const tensorNamesText =
  "theta, xi, embedding, projection, the _first, _second and _average of these, and train";

export type Dtype = "F32" | "F64" | "U8" | "BOOL" | "I64";

/** A tensor whose dtype, shape and place are as they must be. */
export interface Placed {
  readonly name: TensorName;
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  /** First byte after it, from the beginning of the data. */
  readonly end: number;
}

/** A file's tensors in the order of their data, which they tile without hole or overlap. */
export interface Layout {
  readonly modulus: number;
  readonly width: number;
  /** d of a learned embedding; absent without one. */
  readonly dimension?: number;
  readonly hasMoments: boolean;
  /** Grokfast's, of the gradient. */
  readonly hasAverages: boolean;
  readonly tensors: readonly Placed[];
  /** Of all the data. */
  readonly dataBytes: number;
}

const itemBytes: Readonly<Record<Dtype, number>> = { F32: 4, F64: 8, U8: 1, BOOL: 1, I64: 8 };
const weightTypes: readonly string[] = ["F32", "F64"];
const trainTypes: readonly string[] = ["U8", "BOOL", "I64"];

type Tensors = ReadonlyMap<TensorName, TensorInfo>;
type Extents = Parameters<typeof arrayShape>[1];

/**
 * Whether these tensors are a state: `theta` and `xi` [M, p], F32 or F64, M 8 to 65,536 and p odd, 3 to 199; with a learned embedding
 * `embedding` [d, p] and `projection` [M, d] too, d 1 to 512; of what is trained all moments or none, and all averages or none, each like
 * what it is of; optionally `train`, a U8 or BOOL mask [p, p] or I64 indices x p + y [n] or pairs (x, y) [n, 2].
 *
 * @throws GrokboxError INVALID_FIELD with every tensor that is wrong
 */
export function planLayout(tensors: Tensors): Layout {
  const kind = kindOf(tensors);
  throwIfAny(wrongNames(tensors, kind));
  const { shape } = tensors.get("theta")!;
  const [width, modulus] = shape;
  const isWeights =
    shape.length === 2 && isIn(width, 8, 65_536) && isIn(modulus, 3, 199) && modulus % 2 === 1;
  if (!isWeights) {
    const must = "must be [M, p] with M 8 to 65536 and p odd, 3 to 199";
    throwIfAny([{ field: "file.theta.shape", description: `${must}; got ${shown(shape)}` }]);
  }
  const dimension = kind.factors ? dimensionOf(tensors.get("embedding")!.shape, modulus) : undefined;
  const extents = { modulus, width, ...(dimension !== undefined && { embedding: { dimension } }) };
  throwIfAny([...tensors].flatMap(([name, info]) => formViolations(name, info, extents)));
  const placed = [...tensors].sort(([, a], [, b]) => a.begin - b.begin);
  throwIfAny(tilingViolations(placed));
  return {
    modulus,
    width,
    ...(dimension !== undefined && { dimension }),
    hasMoments: kind.moments,
    hasAverages: kind.averages,
    tensors: placed.map(([name, { dtype, shape, end }]) => ({ name, dtype: dtype as Dtype, shape, end })),
    dataBytes: placed.at(-1)![1].end,
  };
}

/** By the names that are there, be they all or some of a kind's. */
export function kindOf(tensors: { keys(): Iterable<string> }): StateKind {
  const names = [...tensors.keys()];
  return {
    moments: names.some((name) => /_(first|second)$/.test(name)),
    averages: names.some((name) => name.endsWith("_average")),
    factors: names.some((name) => /^(embedding|projection)/.test(name)),
  };
}

/** What is missing, and what does not go with the rest. */
function wrongNames(tensors: Tensors, kind: StateKind): FieldViolation[] {
  const due = arrayNamesOf(kind).map(outerName);
  const all = kind.factors ? "six" : "four";
  const why = (name: ArrayName) => {
    if (name.endsWith("_average"))
      return `must be there: all ${kind.factors ? "three" : "two"} averages or none`;
    if (/_(first|second)$/.test(name)) return `must be there: all ${all} moments or none`;
    return name === "embedding" || name === "projection"
      ? "must be there: embedding and projection or neither"
      : "must be there";
  };
  const missing = due
    .filter((name) => !tensors.has(name))
    .map((name) => ({ field: `file.${name}`, description: why(name) }));
  const excess = [...tensors.keys()]
    .filter((name) => name !== "train" && !due.includes(name))
    .map((name) => ({
      field: `file.${name}`,
      description: "must be left out: with a learned embedding theta is not trained itself",
    }));
  return [...missing, ...excess];
}

function dimensionOf(shape: readonly number[], modulus: number): number {
  if (shape.length === 2 && isIn(shape[0], 1, mostDimension) && shape[1] === modulus) return shape[0]!;
  const must = `must be [d, p] with d 1 to ${mostDimension} and p = ${modulus}`;
  throw invalid([{ field: "file.embedding.shape", description: `${must}; got ${shown(shape)}` }]);
}

function formViolations(
  name: TensorName,
  { dtype, shape, begin, end }: TensorInfo,
  extents: Extents,
): FieldViolation[] {
  const types = name === "train" ? trainTypes : weightTypes;
  if (!types.includes(dtype)) {
    return [
      { field: `file.${name}.dtype`, description: `must be ${types.join(" or ")}; got ${quoted(dtype)}` },
    ];
  }
  const must =
    name === "train" ? trainShape(dtype, shape, extents.modulus) : weightShape(name, shape, extents);
  if (must !== undefined) {
    return [{ field: `file.${name}.shape`, description: `${must}; got ${shown(shape)}` }];
  }
  const bytes = shape.reduce((product, extent) => product * extent, itemBytes[dtype as Dtype]);
  if (end - begin === bytes) return [];
  return [
    {
      field: `file.${name}.data_offsets`,
      description: `must be ${bytes} bytes apart for ${dtype} ${shown(shape)}; got ${end - begin}`,
    },
  ];
}

/** What the shape of weights, moments or averages must be, when it isn't. */
function weightShape(name: ArrayName, shape: readonly number[], extents: Extents): string | undefined {
  const due = arrayShape(name, extents);
  const fits = shape.length === 2 && shape[0] === due[0] && shape[1] === due[1];
  if (fits) return undefined;
  const { width, modulus } = extents;
  if (due[0] === width && due[1] === modulus) return `must be theta's [${width}, ${modulus}]`;
  return `must be ${due[0] === width ? "[M, d]" : "[d, p]"} = ${shown(due)}`;
}

function trainShape(dtype: string, shape: readonly number[], modulus: number): string | undefined {
  if (dtype !== "I64") {
    const fits = shape.length === 2 && shape[0] === modulus && shape[1] === modulus;
    return fits ? undefined : `must be [p, p] = [${modulus}, ${modulus}] as a mask`;
  }
  const pairs = modulus * modulus;
  const isList = shape.length === 1 || (shape.length === 2 && shape[1] === 2);
  return isList && isIn(shape[0], 1, pairs) ? undefined : `must be [n] or [n, 2] with n 1 to p^2 = ${pairs}`;
}

function tilingViolations(placed: readonly (readonly [TensorName, TensorInfo])[]): FieldViolation[] {
  let at = 0;
  for (const [name, { begin, end }] of placed) {
    if (begin !== at) {
      const what = begin < at ? "an overlap" : "a hole";
      const must = `must begin at ${at}, where the data before it end`;
      return [{ field: `file.${name}.data_offsets`, description: `${must}; got ${begin}: ${what}` }];
    }
    at = end;
  }
  return [];
}

function isIn(value: number | undefined, low: number, high: number): boolean {
  return value !== undefined && value >= low && value <= high;
}

function shown(shape: readonly number[]): string {
  return `[${shape.join(", ")}]`;
}

function throwIfAny(violations: readonly FieldViolation[]): void {
  if (violations.length > 0) throw invalid(violations);
}
