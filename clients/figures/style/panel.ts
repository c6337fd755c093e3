import type { Field } from "vega-lite/types_unstable/channeldef.js";
import type { LayerSpec, NonNormalizedSpec, UnitSpec } from "vega-lite/types_unstable/spec/index.js";

/** A part of a figure that stands for itself. */
export type Panel = NonNormalizedSpec;

/** What lies over others in a panel. */
export type Layer = LayerSpec<Field> | UnitSpec<Field>;

/** A position that is a number, on an axis of exactly this range. */
export function between(field: string, title: string, range: readonly [number, number]) {
  return { field, type: "quantitative" as const, title, scale: { domain: [...range], nice: false } };
}

/** The same in the plane, without axes. */
export function plane(field: string, range: readonly [number, number]) {
  return { ...between(field, "", range), axis: null };
}

/** Of an axis of numbers that can grow without end: 1.4e+13, where all digits would be wider than the panel has room for. */
export const unbounded = {
  labelExpr: "abs(datum.value) < 1e6 ? datum.label : format(datum.value, '~e')",
} as const;

const halfPi = Math.PI / 2;

/** An angle from -pi to pi; multiples of pi / 2 are marked as such. */
export function angle(field: string, title: string) {
  return {
    ...between(field, title, [-Math.PI, Math.PI]),
    axis: {
      values: [-2, -1, 0, 1, 2].map((n) => n * halfPi),
      labelExpr:
        "datum.value === 0 ? '0' : (datum.value < 0 ? '−' : '') + (abs(datum.value) > 3 ? 'π' : 'π/2')",
    },
  };
}
