import { type Published, rows } from "../published.ts";
import type { RunName } from "../runs.ts";
import { absolute, range, relative, type Tolerance } from "../tolerance.ts";

const section = "The decoupled flow (no network)";

/** What is held where no least rate is published. */
const few = absolute(0.03);
const fewBecause = "15 of the 512 neurons: each that another float32 run lets end elsewhere counts";

const range18 = "published as 18% to 20% over the runs; 10 of the 512 neurons on top";
const range42 = "published as 42% to 49% over the runs; 10 of the 512 neurons on top";

/** @param alone - of one of the two alone; empty for the grokking run, whose published weights give 15.6% and 39.5%, beside the ranges */
function rates(
  of: RunName,
  step: number,
  forecast: readonly [string, Tolerance],
  alone: readonly [string, string] = ["0.19", "0.455"],
): Published[] {
  const common = { of, section, step, where: `step ${step}` };
  return [
    ...rows({ ...common, ...(forecast[1] === few ? { because: fewBecause } : {}) }, [
      ["winners forecast at step 0", ...forecast],
    ]),
    ...rows({ ...common, because: range18 }, [
      ["winners by smallest |D| alone", alone[0], range(0.16, 0.22)],
    ]),
    ...rows({ ...common, because: range42 }, [
      ["winners by largest alpha alone", alone[1], range(0.4, 0.51)],
    ]),
  ];
}

/** Share of neurons of which the flow's earliest blow-up at step 0 tells the frequency at the end, and where the runs with SGD end. */
export const lottery: readonly Published[] = [
  ...rates("quad_random_sgd", 10_000, ["0.936", range(0.93, 1)]),
  ...rates("relu_random_sgd", 10_000, ["0.648", range(0.64, 1)]),
  ...rates("standard", 10_000, ["0.607", range(0.6, 1)]),
  ...rates("quad_random", 5_000, ["0.80", few]),
  ...rates("grokking", 50_000, ["0.533", few], ["", ""]),
  ...(["quad_random_sgd", "relu_random_sgd"] as const).flatMap((of, i) =>
    rows(
      {
        of,
        section: "The runs",
        step: 9_999,
        where: "step 9999",
        because: "as the standard run's loss is held half-way; SGD amplifies less",
      },
      [["trainLoss", ["0.0527", "0.0140"][i]!, relative(0.01)]],
    ),
  ),
];
