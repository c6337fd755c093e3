import type { Measure } from "./curve.ts";
import { absolute, exact, none, range, relative, type Tolerance } from "./tolerance.ts";

/** One published number of a run's curve. */
export interface PublishedPoint {
  /** Of the session: after so many updates. */
  readonly step: number;
  readonly measure: Measure;
  /** As it is printed. */
  readonly value: string;
  readonly tolerance: Tolerance;
}

/** One published number of the state at the end of a run, by the name under which `measureEnd` gives it. */
export interface PublishedEnd {
  readonly name: string;
  readonly value: string;
  readonly tolerance: Tolerance;
}

export interface PublishedRun {
  /** Updates that the published run makes. */
  readonly steps: number;
  readonly points: readonly PublishedPoint[];
  /** Accuracy over all pairs with the activation swapped, at the last step. */
  readonly activations: readonly PublishedEnd[];
  readonly end: readonly PublishedEnd[];
}

/** Steps of which published tables, curves or figures show something, in any run. */
export const publishedSteps: readonly number[] = [
  0, 200, 500, 600, 1000, 1400, 1500, 1800, 2000, 2200, 2500, 3000, 3500, 4000, 4500, 5000, 6000, 7000, 8000,
  9999, 10000, 20000, 49800, 49999,
];

/** The names by which the published table calls the activations, here those of the API. */
export const tableActivations = ["relu", "abs", "x^2", "x^4", "softplus2", "exp", "identity", "x^3"] as const;
export type TableActivation = (typeof tableActivations)[number];

function points(measure: Measure, rows: readonly (readonly [number, string, Tolerance])[]): PublishedPoint[] {
  return rows.map(([step, value, tolerance]) => ({ step, measure, value, tolerance }));
}

/** Share of neurons of which the flow's earliest blow-up at step 0 tells the frequency at the end. */
function forecast(value: string, least?: number): PublishedEnd {
  const tolerance = least === undefined ? none : range(least, 1);
  return { name: "winners forecast at step 0", value, tolerance };
}

const standard: PublishedRun = {
  steps: 10_000,
  points: [
    ...points("trainLoss", [
      [0, "3.135561", relative(0.001)],
      [500, "3.05440", relative(0.001)],
      [1000, "2.85950", relative(0.001)],
      [1500, "2.54480", relative(0.001)],
      [2000, "2.12319", relative(0.001)],
      [2500, "1.62501", relative(0.01)],
      [3000, "1.10743", relative(0.01)],
      [3500, "0.65192", relative(0.01)],
      [4000, "0.32339", relative(0.01)],
      [4500, "0.13358", relative(0.01)],
      [5000, "0.04767", relative(0.01)],
      [6000, "0.004461", relative(0.03)],
      [7000, "3.015e-4", relative(0.03)],
      [8000, "1.690e-5", relative(0.03)],
      // There a float32 log-softmax is quantized.
      [9999, "4.816e-7", range(4.6e-7, 5.5e-7)],
    ]),
    { step: 0, measure: "parameterNorm", value: "3.209197", tolerance: relative(1e-6) },
  ],
  activations: [
    ...["relu", "abs", "x^2", "x^4", "softplus2", "exp"].map((name) => ({
      name,
      value: "1",
      tolerance: range(1, 1),
    })),
    // Chance, 1/23: odd activations see no sum.
    { name: "identity", value: "0.0416", tolerance: range(0, 0.08) },
    { name: "x^3", value: "0.0359", tolerance: range(0, 0.08) },
  ],
  end: [
    { name: "IPR of theta", value: "0.6912", tolerance: none },
    { name: "IPR of xi", value: "0.7505", tolerance: none },
    { name: "mean |sin D|", value: "0.0846", tolerance: none },
    { name: "max |D|", value: "0.498", tolerance: none },
    { name: "layers agree on k*", value: "0.988", tolerance: none },
    { name: "alpha, mean", value: "0.4527", tolerance: none },
    { name: "alpha, spread", value: "0.0565", tolerance: none },
    { name: "beta, mean", value: "0.5056", tolerance: none },
    { name: "beta, spread", value: "0.0575", tolerance: none },
    { name: "energy of theta at k*", value: "0.812", tolerance: none },
    { name: "energy of xi at k*", value: "0.850", tolerance: none },
    { name: "|mean e^{i phi}|", value: "0.102", tolerance: none },
    { name: "|mean e^{2 i phi}|", value: "0.105", tolerance: none },
    { name: "|mean e^{3 i phi}|", value: "0.037", tolerance: none },
    { name: "|mean e^{4 i phi}|", value: "0.062", tolerance: none },
    { name: "correct logit under x^2", value: "29.1", tolerance: none },
    { name: "spurious logit under x^2", value: "6.2", tolerance: none },
    { name: "background logit under x^2", value: "-0.6", tolerance: none },
    { name: "spurious share under x^2", value: "0.227", tolerance: none },
    { name: "spurious share of projected weights", value: "0.500", tolerance: exact },
    forecast("0.607", 0.6),
  ],
};

/** Step of the published checkpoint, then the columns of `stageColumns`. */
const stageTable: readonly (readonly [number, ...string[]])[] = [
  [0, "0.038", "0.060", "0.023", "0.085", "0.085", "0", "0.167", "0.634", "3.21"],
  [200, "0.371", "0", "0.487", "0", "0", "0", "0.203", "0.313", "4.70"],
  [600, "0.689", "0", "0.904", "0", "0", "0", "0.308", "0.167", "9.61"],
  [1000, "0.732", "0", "0.960", "0", "0", "0", "0.371", "0.138", "14.25"],
  [1400, "0.813", "0.165", "0.993", "0.234", "0.234", "0", "0.417", "0.118", "18.43"],
  [1800, "0.952", "0.564", "1", "0.798", "0.798", "0", "0.459", "0.107", "22.07"],
  [2200, "1", "0.707", "1", "1", "1", "0", "0.500", "0.100", "25.22"],
  [5000, "1", "0.707", "1", "1", "1", "0", "0.624", "0.098", "41.12"],
  [8000, "1", "0.872", "1", "1", "1", "0.564", "0.673", "0.087", "50.08"],
  [10000, "1", "0.947", "1", "1", "1", "0.821", "0.713", "0.075", "50.78"],
  [20000, "1", "0.977", "1", "1", "1", "0.923", "0.810", "0.053", "48.82"],
  [49800, "1", "0.977", "1", "1", "1", "0.923", "0.850", "0.045", "48.19"],
];

const stageColumns = [
  "trainAccuracy",
  "testAccuracy",
  "common",
  "rare",
  "partner",
  "heldOut",
  "ipr",
  "meanAbsSinMisalignment",
  "parameterNorm",
] as const satisfies readonly Measure[];

/** A whole number of a share or an accuracy is exact: three decimals were rounded to it. */
function printed(value: string): string {
  return value.includes(".") ? value : `${value}.000`;
}

function stageTolerance(checkpoint: number, measure: (typeof stageColumns)[number]): Tolerance {
  if (measure === "ipr" || measure === "meanAbsSinMisalignment" || measure === "parameterNorm") {
    return checkpoint <= 10_000 ? relative(0.02) : none;
  }
  if (checkpoint === 2_200) return exact;
  if (checkpoint < 2_200) return absolute(0.02);
  return absolute(measure === "heldOut" ? 0.15 : 0.06);
}

const grokking: PublishedRun = {
  steps: 50_000,
  points: [
    ...points("trainLoss", [
      [200, "3.0647", relative(0.001)],
      [1000, "2.2600", relative(0.001)],
      [2200, "0.7096", relative(0.001)],
      [5000, "0.0032", relative(0.005)],
    ]),
    ...points("testLoss", [
      [200, "3.1995", relative(0.003)],
      [1000, "3.4018", relative(0.003)],
      [2200, "2.5303", relative(0.003)],
      [5000, "1.1947", relative(0.03)],
      [10000, "0.3535", relative(0.05)],
      [20000, "0.1253", none],
      [49999, "0.1074", none],
    ]),
    // Checkpoint s is the state after s + 1 updates.
    ...stageTable.flatMap(([checkpoint, ...values]) =>
      stageColumns.map((measure, i) => ({
        step: checkpoint + 1,
        measure,
        value: printed(values[i] ?? ""),
        tolerance: stageTolerance(checkpoint, measure),
      })),
    ),
  ],
  activations: [],
  end: [
    { name: "memorization ends at step", value: "2104", tolerance: none },
    { name: "generalization ends at step", value: "9352", tolerance: none },
    forecast("0.533"),
  ],
};

/** Ends of runs of which only that is published. */
function endsAt(step: number, value: string, end: PublishedEnd): PublishedRun {
  return {
    steps: 10_000,
    points: points("trainLoss", [[step, value, none]]),
    activations: [],
    end: [end],
  };
}

/** SGD amplifies no rounding: these curves come out digit by digit. */
function singleFrequency(rows: readonly (readonly [number, string])[]): PublishedRun {
  return {
    steps: 10_000,
    points: points(
      "trainLoss",
      rows.map(([step, value]) => [step, value, relative(1e-5)]),
    ),
    activations: [],
    end: [],
  };
}

/** All of them: p = 23, M = 512, seed 42. */
export const runs = {
  standard,
  grokking,
  quad_random: { steps: 5_000, points: [], activations: [], end: [forecast("0.80")] },
  quad_random_sgd: endsAt(9999, "0.0527", forecast("0.936", 0.93)),
  relu_random_sgd: endsAt(9999, "0.0140", forecast("0.648", 0.64)),
  quad_single_freq: singleFrequency([
    [0, "3.1355247"],
    [1000, "3.1345956"],
    [2000, "3.1333349"],
    [3000, "3.1310999"],
    [4000, "3.1259763"],
    [5000, "3.1096447"],
    [6000, "3.0123100"],
    [7000, "0.59935391"],
    [8000, "0.027465940"],
    [9000, "0.011285833"],
    [9999, "0.0067532025"],
  ]),
  relu_single_freq: singleFrequency([
    [0, "3.1354983"],
    [1000, "3.1353757"],
    [2000, "3.1352522"],
    [3000, "3.1351225"],
    [4000, "3.1349766"],
    [5000, "3.1348026"],
    [6000, "3.1345849"],
    [7000, "3.1343074"],
    [8000, "3.1339488"],
    [9000, "3.1334844"],
    [9999, "3.1328833"],
  ]),
} as const satisfies Readonly<Record<string, PublishedRun>>;

export type RunName = keyof typeof runs;
export const runNames = Object.keys(runs) as readonly RunName[];
