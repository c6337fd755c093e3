import type { Session } from "@grokbox/sdk";
import { contours } from "d3-contour";
import type { TopLevelSpec } from "vega-lite";
import { theoryFigure, type View } from "../figure.ts";
import { sequential } from "../style/palette.ts";
import { between } from "../style/panel.ts";
import { digits, heading } from "../style/title.ts";

interface Contour {
  readonly modulus: number;
  readonly eulerSteps: number;
  readonly timeStep: number;
  /** alpha = beta at the start. */
  readonly scales: readonly number[];
  /** D = 2 phi at the start, psi = 0; radians. */
  readonly doubledPhases: readonly number[];
  /** Final beta, [scales][doubledPhases]. */
  readonly beta: readonly (readonly number[])[];
}

/** As many as the published figure has, either way. */
const points = 30;

async function read({ box, session, signal }: View<Session | undefined>): Promise<Contour> {
  const modulus = session?.info.spec.modulus ?? 23;
  const even = (from: number, to: number) =>
    Array.from({ length: points }, (_, i) => from + ((to - from) * i) / (points - 1));
  const scales = even(0.01, 0.02);
  const doubledPhases = even(0, 2 * Math.PI);
  // The flow depends on p times its time: after as long a time, that of a larger p would have blown up.
  const [eulerSteps, timeStep] = [100, (0.01 * 23) / modulus];
  const beta = await box.outcomeContour({
    modulus,
    scales,
    doubledPhases,
    steps: eulerSteps,
    timeStep,
    signal,
  });
  return {
    modulus,
    eulerSteps,
    timeStep,
    scales,
    doubledPhases,
    beta: scales.map((_, i) => [...beta.data.subarray(i * points, (i + 1) * points)]),
  };
}

/** A map, and lines of equal ends on it. */
function plot({ modulus, eulerSteps, timeStep, scales, doubledPhases, beta }: Contour): TopLevelSpec {
  const half = (values: readonly number[]) => (values[1]! - values[0]!) / 2;
  const [across, up] = [half(scales), half(doubledPhases)];
  const range = (ends: readonly number[], margin: number): [number, number] => [
    ends[0]! - margin,
    ends.at(-1)! + margin,
  ];
  const x = between("scale", "initial magnitude β", range(scales, across));
  const y = {
    ...between("phase", "initial misalignment D, radians", range(doubledPhases, up)),
    axis: {
      values: [0, 0.5, 1, 1.5, 2].map((turns) => turns * Math.PI),
      labelExpr: "['0', 'π/2', 'π', '3π/2', '2π'][round(datum.value / PI * 2)]",
    },
  };
  // A little over their cells, so that nothing shines through between them.
  const cells = scales.flatMap((scale, i) =>
    doubledPhases.map((phase, j) => ({
      scale: scale - across,
      scaleEnd: scale + 1.1 * across,
      phase: phase - up,
      phaseEnd: phase + 1.1 * up,
      beta: beta[i]![j],
    })),
  );
  return {
    title: heading("Where the flow ends, by where it begins", [
      `k = 1, p = ${modulus}, α = β and ψ = 0 at the start; ${eulerSteps} Euler steps of ${digits(timeStep)}`,
      `Lines: final β = ${levels.map((level) => level.toString()).join(", ")}`,
    ]),
    width: 440,
    height: 360,
    layer: [
      {
        data: { values: cells },
        mark: { type: "rect", clip: true },
        encoding: {
          x,
          x2: { field: "scaleEnd" },
          y,
          y2: { field: "phaseEnd" },
          color: {
            field: "beta",
            type: "quantitative",
            title: "final β",
            scale: { ...sequential, zero: true },
          },
        },
      },
      {
        data: { values: lines(scales, doubledPhases, beta) },
        mark: { type: "line", color: "white", strokeWidth: 1.2, clip: true },
        encoding: { x, y, detail: { field: "line" }, order: { field: "i" } },
      },
    ],
  };
}

/** Of equal final beta. */
const levels = [0.01, 0.015, 0.02, 0.03, 0.04, 0.05];

/** Points of the lines of equal beta, by linear interpolation on the grid (marching squares). */
function lines(scales: readonly number[], doubledPhases: readonly number[], beta: Contour["beta"]) {
  const [columns, rows] = [doubledPhases.length, scales.length];
  const rings = contours()
    .size([columns, rows])
    .thresholds(levels)(beta.flat())
    .flatMap(({ value, coordinates }) => coordinates.flat().map((ring) => ({ value, ring })));
  const inner = (at: number, count: number) => at > 0.5 && at < count - 0.5;
  return rings.flatMap(({ value, ring }, r) => {
    let part = 0;
    return ring.flatMap(([column = 0, row = 0], i) => {
      // Where a ring follows the edge of the map it is no line of equal beta.
      if (!inner(column, columns) || !inner(row, rows)) {
        part += 1;
        return [];
      }
      const at = (values: readonly number[], index: number) =>
        values[0]! + ((values.at(-1)! - values[0]!) * (index - 0.5)) / (values.length - 1);
      return [
        { line: `${r}.${part}`, i, level: value, scale: at(scales, row), phase: at(doubledPhases, column) },
      ];
    });
  });
}

export const outcomes = theoryFigure({
  id: "11",
  title: "Who wins the lottery",
  caption:
    "A frequency that begins large and aligned (D near 0 or 2π) has grown most after the same time; one that begins misaligned (D near π, the repeller) has not grown, however large it began.",
  read,
  plot,
});
