import { type Published, rows } from "../published.ts";
import { exact, range, type Tolerance } from "../tolerance.ts";

const flow = "The decoupled flow (no network)";
const ideal = "Ideal networks, deterministic to the last digit";
const example = "The worked example";

const near = (value: number): Tolerance => range(value - 1e-5, value + 1e-5);

/** What no training run is needed for: p = 23 whatever p is asked for, in float64. */
export const theory: readonly Published[] = [
  ...rows(
    {
      of: "worked example",
      section: example,
      where: "x = 3, y = 7, in units of aN/2",
      scope: "always",
      because: "the formula is exact; weights travel as float32",
    },
    [
      ["logit at 10", "10.5", near(10.5)],
      ["logit at 6", "4.75", near(4.75)],
      ["logit at 14", "4.75", near(4.75)],
      ["least other logit", "-1", near(-1)],
      ["largest other logit", "-1", near(-1)],
      ["margin", "5.75", near(5.75)],
      // 1 - (p - 1) e^{-aNp/8} is a lower bound.
      ["softmax of the correct entry, less its bound", "0", range(0, 1)],
    ],
  ),
  ...rows({ of: "flow", section: flow, where: "case 1, start", scope: "always" }, [["D", "2.82", exact]]),
  ...rows({ of: "flow", section: flow, where: "case 1", scope: "always" }, [
    ["step at which D crosses pi/2", "504", exact],
  ]),
  ...rows({ of: "flow", section: flow, where: "case 1, after 1400 steps", scope: "always" }, [
    ["alpha", "0.04796", exact],
    ["beta", "0.03674", exact],
  ]),
  ...rows({ of: "flow", section: flow, where: "case 2, after 700 steps", scope: "always" }, [
    ["alpha", "0.11097", exact],
    ["beta", "0.07972", exact],
  ]),
  ...rows({ of: "contour", section: flow, where: "final beta at (s, 2 phi)", scope: "always" }, [
    ["(0.01, 0)", "0.013967", exact],
    ["(0.02, 0)", "0.060207", exact],
    ["(0.02, pi)", "0.015506", exact],
    ["(0.02, pi/2)", "0.035581", exact],
  ]),
  ...rows({ of: "ideal network", section: ideal, where: "mean loss by frequencies used", scope: "always" }, [
    ["1", "1.6427", exact],
    ["2", "0.6024", exact],
    ["4", "0.02878", exact],
    ["8", "2.99e-8", exact],
    ["11", "5.934e-15", exact],
  ]),
  ...rows({ of: "ideal network", section: ideal, where: "loss by phase range", scope: "always" }, [
    ["0.4 pi", "4.815", exact],
    ["0.8 pi", "2.00e-3", exact],
    ["1.2 pi", "1.19e-9", exact],
    ["1.6 pi", "3.54e-7", exact],
    ["2.0 pi", "5.934e-15", exact],
  ]),
  ...rows(
    {
      of: "pure cosine",
      section: "More on the standard run's final weights",
      where: "phases spread evenly",
      scope: "always",
    },
    [["IPR over coefficients", "0.75", exact]],
  ),
];
