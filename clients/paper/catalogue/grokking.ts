import type { Measure } from "../curve.ts";
import { type Published, rows } from "../published.ts";
import { absolute, exact, relative, type Tolerance } from "../tolerance.ts";

const of = "grokking";
const section = "grokking: the three stages";
const end = 50_000;

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

/** Step of the published checkpoint, then the columns. */
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

/** Steps of the table's rows, in a session: the checkpoint s is the state after s + 1 updates. */
export const stageTableSteps = stageTable.map(([checkpoint]) => checkpoint + 1);

/** A whole number of a share or an accuracy is exact: three decimals were rounded to it. */
function printed(value: string): string {
  return value.includes(".") ? value : `${value}.000`;
}

const later = "twice and a half of what is held at 10,000: the longest run, far beyond it";

function stageTolerance(checkpoint: number, measure: (typeof stageColumns)[number]): Tolerance {
  if (measure === "ipr" || measure === "meanAbsSinMisalignment" || measure === "parameterNorm") {
    return relative(checkpoint <= 10_000 ? 0.02 : 0.05);
  }
  if (checkpoint === 2_200) return exact;
  if (checkpoint < 2_200) return absolute(0.02);
  return absolute(measure === "heldOut" ? 0.15 : 0.06);
}

const table = stageTable.flatMap(([checkpoint, ...values]) =>
  stageColumns.flatMap((measure, i) => {
    const tolerance = stageTolerance(checkpoint, measure);
    const own = tolerance.kind === "relative" && checkpoint > 10_000;
    return rows(
      {
        of,
        section,
        step: checkpoint + 1,
        where: `step ${checkpoint + 1}`,
        ...(own ? { because: later } : {}),
      },
      [[measure, printed(values[i] ?? ""), tolerance]],
    );
  }),
);

function losses(
  measure: "trainLoss" | "testLoss",
  values: readonly (readonly [step: number, value: string, share: number])[],
  because?: string,
): Published[] {
  return values.flatMap(([step, value, share]) =>
    rows({ of, section, step, where: `step ${step}`, ...(because === undefined ? {} : { because }) }, [
      [measure, value, relative(share)],
    ]),
  );
}

/** Every published number of the grokking run but its lottery's. */
export const grokking: readonly Published[] = [
  ...rows({ of, section, step: 0, where: "pairs" }, [
    ["train", "396", exact],
    ["test", "133", exact],
    ["common", "302", exact],
    ["rare", "94", exact],
    ["partner", "94", exact],
    ["held out", "39", exact],
    ["predicted plateau", "0.707", exact],
  ]),
  ...table,
  ...losses("trainLoss", [
    [200, "3.0647", 0.001],
    [1000, "2.2600", 0.001],
    [2200, "0.7096", 0.001],
    [5000, "0.0032", 0.005],
  ]),
  ...losses("testLoss", [
    [200, "3.1995", 0.003],
    [1000, "3.4018", 0.003],
    [2200, "2.5303", 0.003],
    [5000, "1.1947", 0.03],
    [10000, "0.3535", 0.05],
  ]),
  ...losses(
    "testLoss",
    [
      [20000, "0.1253", 0.1],
      [49999, "0.1074", 0.1],
    ],
    "twice what is held at 10,000: it is of a few wrong pairs",
  ),
  ...[2_201, 10_001].flatMap((step, i) =>
    rows(
      {
        of,
        section: "More on the standard run's final weights",
        step,
        where: `step ${step}`,
        because: "as the IPR over frequencies is held",
      },
      [["IPR over coefficients", ["0.372", "0.530"][i]!, relative(0.02)]],
    ),
  ),
  ...rows(
    {
      of,
      section,
      step: end,
      where: "stages",
      because: "the last pair's turn: losses are held to 0.1% there",
    },
    [["memorization ends at step", "2104", relative(0.01)]],
  ),
  ...rows({ of, section, step: end, where: "stages", because: "a maximum is flat where it is" }, [
    ["generalization ends at step", "9352", relative(0.05)],
  ]),
];
