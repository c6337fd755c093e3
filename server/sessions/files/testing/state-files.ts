import fc from "fast-check";
import type { TrainerState } from "../../../engine/engine.ts";
import { arrayNamesOf, shapeOf, stateFrom } from "../../../model/network-state.ts";
import { presets } from "../../../model/presets.ts";
import type { Optimizer, Spec, Split } from "../../../model/spec.ts";
import { arrays } from "../../snapshot.ts";
import type { FileSegments, StateFile } from "../state-file.ts";

const { spec: standard } = presets.standard!;
const sgd: Optimizer = { kind: "sgd", learningRate: 0.1, weightDecay: 0 };

/** A small state whose values tell one array from another: p = 5, M = 8, step 7 with moments. */
export function smallState(): StateFile {
  const [modulus, width] = [5, 8];
  const values = (from: number) => Float32Array.from({ length: modulus * width }, (_, i) => from + i / 64);
  const moments = {
    thetaFirst: values(-3),
    thetaSecond: values(3),
    xiFirst: values(-4),
    xiSecond: values(4),
  };
  return {
    step: 7,
    spec: { ...standard, modulus, width },
    state: { step: 7, theta: values(1), xi: values(-2), moments },
    train: Uint8Array.from({ length: modulus * modulus }, (_, i) => Number(i % 3 === 0)),
    session: "sessions/small",
    createTimeMs: Date.UTC(2026, 1, 28, 12, 34, 56),
  };
}

const finite = fc.float({ noNaN: true, noDefaultInfinity: true });
const notNegative = fc.float({ min: 0, noNaN: true, noDefaultInfinity: true });

/** Small states of every kind: any finite bits, with and without moments, averages and factors, of AdamW and SGD, with any split. */
export const stateFiles: fc.Arbitrary<StateFile> = fc
  .record({
    modulus: fc.constantFrom(3, 5, 7),
    width: fc.integer({ min: 8, max: 10 }),
    dimension: fc.option(fc.integer({ min: 1, max: 4 }), { nil: undefined }),
    step: fc.integer({ min: 0, max: 2 ** 52 }),
    optimizer: fc.constantFrom(standard.optimizer, sgd),
    grokfast: fc.option(fc.constant({ alpha: 0.98, lambda: 2 }), { nil: undefined }),
    hasMoments: fc.boolean(),
    hasAverages: fc.boolean(),
    seed: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
  })
  .chain(({ modulus, width, dimension, step, grokfast, hasMoments, hasAverages, seed, ...rest }) => {
    const names = arrayNamesOf({
      moments: hasMoments,
      averages: hasAverages && grokfast !== undefined,
      factors: dimension !== undefined,
    });
    const arrays = names.map((name) => {
      const [rows, columns] = shapeOf(name, { modulus, width, dimension: dimension ?? 0 });
      const values = name.endsWith("Second") ? notNegative : finite;
      return fc
        .array(values, { minLength: rows * columns, maxLength: rows * columns })
        .map((items) => [name, Float32Array.from(items)] as const);
    });
    const pairs = modulus * modulus;
    return fc
      .record({
        arrays: fc.tuple(...arrays),
        trainPairs: fc.uniqueArray(fc.nat({ max: pairs - 1 }), { minLength: 1, maxLength: pairs }),
        isExplicit: fc.boolean(),
      })
      .map(({ arrays, trainPairs: unsorted, isExplicit }) => {
        const trainPairs = unsorted.sort((a, b) => a - b);
        const optimizer = { ...rest.optimizer, ...(grokfast && { grokfast }) };
        const split: Split = isExplicit ? { kind: "explicit", trainPairs } : standard.split;
        const embedding = dimension && { embedding: { dimension } };
        const spec: Spec = { ...standard, modulus, width, optimizer, split, seed, ...embedding };
        const isAtStart = !hasMoments && optimizer.kind === "adamw";
        const at = isAtStart ? 0 : step;
        const state = stateFrom<Float32Array>(at, Object.fromEntries(arrays));
        const train = Uint8Array.from({ length: pairs }, (_, pair) => Number(trainPairs.includes(pair)));
        return { step: at, spec, state, train, session: "sessions/any", createTimeMs: seed };
      });
  });

/** A state's arrays by name, as bits, so that -0 is not 0. */
export function bits(state: TrainerState): Record<string, Uint32Array> {
  return Object.fromEntries(
    arrays(state).map(({ name, data }) => [
      name,
      Uint32Array.from(new Uint32Array(data.buffer, data.byteOffset, data.length)),
    ]),
  );
}

export function joined({ segments }: FileSegments): Uint8Array {
  return new Uint8Array(Buffer.concat(segments));
}

/** A file cut at these places, in any order, which may be the same. */
export function cutAt(bytes: Uint8Array, cuts: readonly number[]): Uint8Array[] {
  const ends = [...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length].sort((a, b) => a - b);
  return ends.map((end, i) => bytes.subarray(ends[i - 1] ?? 0, end));
}
