import { type Published, rows } from "../published.ts";
import { exact, none } from "../tolerance.ts";

const section = "What the published code costs today";
const because = "of another machine: for comparison";

/** Steps a second of the published pipeline, and of PyTorch at its best. Nothing is held to them. */
export const cost: readonly Published[] = [
  ...rows({ of: "cost", section, where: "steps a second, all runs at once", scope: "always", because }, [
    ["p = 23, all pairs", "241", none],
    ["p = 23, three quarters of the pairs", "331", none],
    ["p = 31, all pairs", "98", none],
    ["p = 97, all pairs", "0.52", none],
    ["p = 23, PyTorch on one thread", "1131", none],
    ["p = 23, PyTorch on two threads", "1306", none],
  ]),
  ...rows({ of: "cost", section, where: "minutes of training", scope: "always", because }, [
    ["p = 23, 80000 steps of five runs", "4", none],
  ]),
  ...rows({ of: "demo", section: "The runs", where: "five runs, standard to 5000", scope: "always" }, [
    ["steps", "80000", exact],
  ]),
];
