import { type Published, rows } from "../published.ts";
import { type RunName, runNames, runSteps } from "../runs.ts";
import { exact, range, type Tolerance } from "../tolerance.ts";

const section = "The runs";

const same = (value: string): Tolerance => range(Number(value), Number(value));

/** Init's scale, learning rate, weight decay, train fraction; the steps are those of `runSteps`. */
const settings: Readonly<Record<RunName, readonly [string, string, string, string]>> = {
  standard: ["0.1", "5e-5", "0", "1"],
  grokking: ["0.1", "1e-4", "2", "0.75"],
  quad_random: ["0.1", "5e-5", "0", "1"],
  quad_random_sgd: ["0.1", "0.1", "0", "1"],
  relu_random_sgd: ["0.01", "0.1", "0", "1"],
  quad_single_freq: ["0.02", "0.1", "0", "1"],
  relu_single_freq: ["0.002", "0.01", "0", "1"],
};

const adamw: readonly RunName[] = ["standard", "grokking", "quad_random"];

const settingsOf = (of: RunName): Published[] => {
  const [scale, learningRate, weightDecay, fraction] = settings[of];
  const betas = [
    ["beta1", "0.9", same("0.9")],
    ["beta2", "0.98", same("0.98")],
    ["epsilon", "1e-8", same("1e-8")],
  ] as const;
  return [
    ...rows({ of, section, where: "spec", scope: "always" }, [
      ["init scale", scale, same(scale)],
      ["learning rate", learningRate, same(learningRate)],
      ["weight decay", weightDecay, same(weightDecay)],
      ["train fraction", fraction, same(fraction)],
      ["warm-up steps", "10", same("10")],
      ...(adamw.includes(of) ? betas : []),
    ]),
    ...rows({ of, section, where: "spec" }, [
      ["width", "512", exact],
      ["seed", "42", exact],
    ]),
    ...rows({ of, section, where: "spec", step: runSteps[of] }, [["steps", String(runSteps[of]), exact]]),
  ];
};

/** What the runs are made with, as their sessions say it. */
export const specs: readonly Published[] = [
  ...runNames.flatMap(settingsOf),
  ...rows({ of: "width", section, where: "default width", scope: "always" }, [
    ["at p = 31", "931", exact],
    ["at p = 97", "9107", exact],
  ]),
];
