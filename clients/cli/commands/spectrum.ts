import { type NeuronRange, type Spectrum, type Wave, waves } from "@grokbox/sdk";
import type { Command } from "commander";
import type { CommandLine } from "../command-line.ts";
import { frequencyBars } from "../frequency-bars.ts";
import { examples } from "../help.ts";
import { count, measure, percent } from "../numbers.ts";
import { atOption, sessionArgument } from "../shared-options.ts";
import { type Column, properties, table } from "../table.ts";
import { range } from "../values.ts";

interface Options {
  readonly at?: number;
  readonly neurons?: { readonly first: number; readonly count: number };
}

export function addSpectrum(program: Command, line: CommandLine): void {
  program
    .command("spectrum")
    .summary("which frequencies the neurons have learned")
    .description(
      "How many neurons have which dominant frequency, and how purely and how well aligned they have it.",
    )
    .addArgument(sessionArgument())
    .addOption(atOption("analyse"))
    .option("--neurons <range>", "also show these neurons: how many, or FIRST:END", range)
    .addHelpText(
      "after",
      examples(
        ["grokbox spectrum ID", "of the present state"],
        ["grokbox spectrum ID --at 2200 --neurons 8", "of a snapshot, with its first 8 neurons"],
      ),
    )
    .action(
      line.action<[string], Options>(async (call, [name]) => {
        await using session = await call.session(name);
        const { at, neurons } = call.options;
        // The means are over all neurons in any case.
        const asked: NeuronRange = neurons ?? { first: 0, count: 1 };
        const spectrum = await session.spectrum({ ...call.limits, at, neurons: asked });
        const shown = neurons === undefined ? undefined : waves(spectrum);
        const { output } = call;
        const { modulus, width } = session.info.spec;
        output.result(
          { session: session.name, ...summary(spectrum), ...(shown && { neurons: shown }) },
          () => [
            `${output.style("bold", session.name)} at step ${count(spectrum.step)}: neurons by dominant frequency, p ${modulus}, M ${count(width)}`,
            "",
            ...frequencyBars(spectrum.neuronsPerFrequency, output.plotWidth, output.style),
            "",
            ...properties(summaryRows(spectrum), output.style),
            ...(shown === undefined ? [] : ["", ...table(shown, columns, output)]),
          ],
        );
      }),
    );
}

/** Everything that is not of single neurons. */
function summary({ step, neuronsPerFrequency, ipr, layerAgreement, alpha, beta, ...rest }: Spectrum): object {
  const { meanAbsSinMisalignment, maxAbsMisalignment } = rest;
  return {
    step,
    neuronsPerFrequency,
    ipr,
    meanAbsSinMisalignment,
    maxAbsMisalignment,
    layerAgreement,
    alpha,
    beta,
  };
}

function summaryRows(spectrum: Spectrum): (readonly [string, string])[] {
  const { ipr, alpha, beta, meanAbsSinMisalignment, maxAbsMisalignment, layerAgreement } = spectrum;
  return [
    [
      "purity (IPR)",
      `${measure(ipr.mean)}: theta ${measure(ipr.theta)}, xi ${measure(ipr.xi)}; 1 is a single frequency`,
    ],
    [
      "misalignment D",
      `mean |sin D| ${measure(meanAbsSinMisalignment)}, largest |D| ${measure(maxAbsMisalignment)} rad`,
    ],
    ["layers agree", `on the dominant frequency of ${percent(layerAgreement)} of the neurons`],
    ["alpha (theta)", `${measure(alpha?.mean)} ± ${measure(alpha?.spread)}`],
    ["beta (xi)", `${measure(beta?.mean)} ± ${measure(beta?.spread)}`],
  ];
}

const columns: readonly Column<Wave>[] = [
  { title: "NEURON", value: ({ neuron }) => count(neuron), align: "right" },
  { title: "K", value: ({ frequency }) => count(frequency || undefined), align: "right" },
  { title: "ALPHA", value: ({ alpha }) => measure(alpha), align: "right" },
  { title: "PHI", value: ({ phi }) => phi.toFixed(3), align: "right" },
  { title: "BETA", value: ({ beta }) => measure(beta), align: "right" },
  { title: "PSI", value: ({ psi }) => psi.toFixed(3), align: "right" },
  { title: "D = 2 PHI - PSI", value: ({ misalignment }) => misalignment.toFixed(4), align: "right" },
];
