import { type Published, rows } from "../published.ts";
import { absolute, exact, range, relative } from "../tolerance.ts";

const of = "standard";
const end = 10_000;
const section = "standard: seed 42 to the table";
const more = "More on the standard run's final weights";

/** Counts of neurons whose dominant frequency is 1, 2, ... */
const counts = ["43", "42", "54", "43", "35", "59", "55", "41", "46", "53", "41"];

const drift = "another float32 run: as IPR, |sin D| and the norm of the grokking run are held";

/** @param modulus - p, which has (p - 1) / 2 frequencies */
export function standard(modulus: number): readonly Published[] {
  return [...curve, ...start, ...swaps, ...finalSpectrum, ...perFrequency(modulus), ...finalLosses, ...votes];
}

const curve = (
  [
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
  ] as const
).flatMap(([step, value, tolerance]) =>
  rows({ of, section, step, where: `step ${step}` }, [["trainLoss", value, tolerance]]),
);

const start = rows({ of, section, step: 0, where: "step 0" }, [
  ["parameterNorm", "3.209197", relative(1e-6)],
  ["theta[0,0]", "0.0402", exact],
  ["theta[0,1]", "0.0310", exact],
  ["theta[0,2]", "0.0188", exact],
]);

const swaps = [
  ...rows({ of, section, step: end, where: "accuracy under" }, [
    ["relu", "1", range(1, 1)],
    ["abs", "1", range(1, 1)],
    ["x^2", "1", range(1, 1)],
    ["x^4", "1", range(1, 1)],
    ["softplus2", "1", range(1, 1)],
    ["exp", "1", range(1, 1)],
    // Chance, 1/23: odd activations see no sum.
    ["identity", "0.0416", range(0, 0.08)],
    ["x^3", "0.0359", range(0, 0.08)],
  ]),
  ...rows(
    {
      of,
      section: more,
      step: 5_000,
      where: "accuracy at step 5000 under",
      because: "printed as about: 16 of the 529 pairs",
    },
    [
      ["softplus2", "0.64", absolute(0.03)],
      ["exp", "0.54", absolute(0.03)],
    ],
  ),
];

const where = `step ${end}`;

const finalSpectrum = [
  ...rows({ of, section, step: end, where, because: drift }, [
    ["IPR of theta", "0.6912", relative(0.02)],
    ["IPR of xi", "0.7505", relative(0.02)],
    ["mean |sin D|", "0.0846", relative(0.02)],
    ["alpha, mean", "0.4527", relative(0.02)],
    ["beta, mean", "0.5056", relative(0.02)],
  ]),
  ...rows({ of, section, step: end, where, because: "a second moment drifts more than the mean's 2%" }, [
    ["alpha, spread", "0.0565", relative(0.05)],
    ["beta, spread", "0.0575", relative(0.05)],
  ]),
  ...rows({ of, section, step: end, where, because: "of one neuron, which has no mean to steady it" }, [
    ["max |D|", "0.498", relative(0.1)],
  ]),
  ...rows({ of, section, step: end, where, because: "5 of the 512 neurons" }, [
    ["layers agree on k*", "0.988", absolute(0.01)],
  ]),
  ...rows({ of, section: more, step: end, where, because: drift }, [
    ["energy of theta at k*", "0.812", relative(0.02)],
    ["energy of xi at k*", "0.850", relative(0.02)],
  ]),
  ...rows(
    {
      of,
      section: more,
      step: end,
      where,
      because:
        "a neuron that changes its group moves that group's value by about 1/46, the mean of 11 by 0.002",
    },
    [
      ["|mean e^{i phi}|", "0.102", absolute(0.01)],
      ["|mean e^{2 i phi}|", "0.105", absolute(0.01)],
      ["|mean e^{3 i phi}|", "0.037", absolute(0.01)],
      ["|mean e^{4 i phi}|", "0.062", absolute(0.01)],
    ],
  ),
  ...rows({ of, section: more, step: end, where }, [["random phases' |mean e^{i phi}|", "0.13", exact]]),
];

function perFrequency(modulus: number): Published[] {
  return Array.from({ length: (modulus - 1) / 2 }, (_, i) =>
    rows({ of, section, step: end, where, because: "few of the 512 neurons end elsewhere" }, [
      [`neurons of frequency ${i + 1}`, counts[i] ?? "", absolute(3)],
    ]),
  ).flat();
}

const finalLosses = [
  ...rows({ of, section: more, step: end, where: "loss under" }, [
    ["abs", "0.0000", exact],
    ["x^2", "0.0000", exact],
  ]),
  ...rows(
    {
      of,
      section: more,
      step: end,
      where: "loss under",
      because: "1% of a margin of 10 is 10% of the loss that it leaves",
    },
    [
      ["x^4", "3.1e-5", relative(0.1)],
      ["x^8", "0.0512", relative(0.1)],
      ["softplus2", "0.001288", relative(0.1)],
      ["exp", "0.000654", relative(0.1)],
    ],
  ),
  ...rows({ of, section: more, step: end, where: "loss under", because: drift }, [
    ["identity", "4.2467", relative(0.02)],
    ["x^3", "3.8913", relative(0.02)],
  ]),
];

/** 2% of the distance from the background to the correct level. */
const level = absolute(0.02 * (29.1 + 0.6));

const votes = [
  ...rows(
    {
      of,
      section: more,
      step: end,
      where,
      because:
        "2% of the distance between correct and background: a softmax knows levels only up to a constant, so that training holds none of them by itself",
    },
    [
      ["correct logit under x^2", "29.1", level],
      ["spurious logit under x^2", "6.2", level],
      ["background logit under x^2", "-0.6", level],
    ],
  ),
  ...rows({ of, section: more, step: end, where, because: drift }, [
    ["spurious share under x^2", "0.227", relative(0.02)],
  ]),
  ...rows({ of, section: more, step: end, where }, [["spurious share of projected weights", "0.500", exact]]),
];
