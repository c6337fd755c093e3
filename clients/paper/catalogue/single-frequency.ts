import { type Published, rows } from "../published.ts";
import type { RunName } from "../runs.ts";
import { absolute, exact, relative } from "../tolerance.ts";

const section = "single-frequency runs";
const flow = "The decoupled flow (no network)";
const end = 10_000;

/** SGD amplifies no rounding: these curves come out digit by digit. */
function curve(of: RunName, values: readonly (readonly [number, string])[]): Published[] {
  return values.flatMap(([step, value]) =>
    rows({ of, section, step, where: `step ${step}` }, [["trainLoss", value, relative(1e-5)]]),
  );
}

/** Checkpoint s is the state after s + 1 updates. */
const [at0, at4000, at5000] = [1, 4_001, 5_001];

const quadratic = "quad_single_freq";

/** Neuron 1, whose flow is followed until the weights are no longer small. */
const neuron: readonly Published[] = [
  ...rows({ of: quadratic, section: flow, step: 0, where: "neuron 1" }, [["frequency", "11", exact]]),
  ...rows({ of: quadratic, section: flow, step: at0, where: `neuron 1, step ${at0}` }, [
    ["D", "1.358", exact],
    ["alpha^2 - 2 beta^2", "-4.000e-4", exact],
    ["alpha^2 beta sin D", "7.82e-6", exact],
  ]),
  ...rows({ of: quadratic, section: flow, step: at4000, where: `neuron 1, step ${at4000}` }, [
    ["D", "0.195", exact],
    ["alpha", "0.0369", exact],
  ]),
  ...rows({ of: quadratic, section: flow, step: at5000, where: `neuron 1, step ${at5000}` }, [
    ["D", "0.087", exact],
  ]),
  ...[
    { step: at4000, share: 0.05, because: "steps of a size that is not 0 follow the flow nearly" },
    { step: at5000, share: 0.1, because: "said to hold until here, where the flow of small weights ends" },
  ].flatMap(({ step, share, because }) =>
    rows({ of: quadratic, section: flow, step, where: `neuron 1, step ${step}`, because }, [
      ["alpha^2 - 2 beta^2", "-4.000e-4", relative(share)],
      ["alpha^2 beta sin D", "7.82e-6", relative(share)],
    ]),
  ),
];

const energy = [
  { step: at5000, values: ["3e-8", "2.6e-7"] },
  { step: end, values: ["2e-2", "2.2e-3"] },
].flatMap(({ step, values }) =>
  rows(
    {
      of: quadratic,
      section: flow,
      step,
      where: `step ${step}`,
      because: "printed to one or two digits, as about",
    },
    [
      ["energy of theta off k*", values[0]!, relative(0.1)],
      ["energy of xi off k*", values[1]!, relative(0.1)],
    ],
  ),
);

const leakage = rows(
  {
    of: "relu_single_freq",
    section,
    step: end,
    where: `step ${end}`,
    because: "a unit of the last digit, as the published weights themselves are held",
  },
  [
    ["theta at 3 k*", "0.236", absolute(0.001)],
    ["theta at 5 k*", "0.058", absolute(0.001)],
    ["theta at 2 k*", "0.004", absolute(0.001)],
    ["xi at 2 k*", "0.063", absolute(0.001)],
    ["xi at 3 k*", "0.041", absolute(0.001)],
  ],
);

export const singleFrequency: readonly Published[] = [
  ...curve(quadratic, [
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
  ...curve("relu_single_freq", [
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
  ...leakage,
  ...neuron,
  ...energy,
];
