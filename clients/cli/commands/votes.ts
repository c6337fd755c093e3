import type { Voting } from "@grokbox/sdk";
import type { Command } from "commander";
import type { CommandLine } from "../command-line.ts";
import { examples } from "../help.ts";
import { count, measure } from "../numbers.ts";
import { atOption, sessionArgument } from "../shared-options.ts";
import { type Column, table } from "../table.ts";

interface Options {
  readonly at?: number;
  readonly activation?: string;
}

export function addVotes(program: Command, line: CommandLine): void {
  program
    .command("votes")
    .summary("how neurons vote for the answer")
    .description(
      "On which levels logits stand: j = x + y is correct, j = 2x and j = 2y are spurious, all others background; of the network as it is, and with both layers reduced to each neuron's dominant frequency.",
    )
    .addArgument(sessionArgument())
    .addOption(atOption("look at"))
    .option("--activation <name>", "under this activation; left out: the session's own")
    .addHelpText(
      "after",
      examples(
        ["grokbox votes ID --activation x^2", "under the activation that the theory is of"],
        ["grokbox votes ID --at 2200", "as it was at a snapshot"],
      ),
    )
    .action(
      line.action<[string], Options>(async (call, [name]) => {
        await using session = await call.session(name);
        const { at, activation } = call.options;
        const found = await session.logits({ ...call.limits, at, activation, pairs: [] });
        const { output } = call;
        const { step, voting, projected, votes, theory } = found;
        const document = { session: session.name, step, activation: found.activation, votes };
        output.result(
          {
            ...document,
            ...(voting && { voting }),
            ...(projected && { projected }),
            ...(theory && { theory }),
          },
          () => [
            `${output.style("bold", session.name)} at step ${count(step)} under ${found.activation}`,
            "",
            ...(voting === undefined || projected === undefined
              ? ["no levels: they are those of addition, and of finite logits"]
              : table(rows(voting, projected), columns, output)),
            ...(voting?.worstPairs ?? [])
              .slice(0, 3)
              .map(
                ({ pair: [x, y], margin, rival }) =>
                  `least sure of ${x} + ${y}: margin ${measure(margin)} before ${rival}`,
              ),
          ],
        );
      }),
    );
}

interface Row {
  readonly what: string;
  readonly whole: number | undefined;
  readonly projected: number | undefined;
}

const columns: readonly Column<Row>[] = [
  { title: "", value: ({ what }) => what },
  { title: "AS IT IS", value: ({ whole }) => measure(whole), align: "right" },
  { title: "DOMINANT ONLY", value: ({ projected }) => measure(projected), align: "right" },
];

function rows(whole: Voting, projected: Voting): Row[] {
  const row = (what: string, read: (voting: Voting) => number | undefined): Row => ({
    what,
    whole: read(whole),
    projected: read(projected),
  });
  return [
    row("correct", ({ correct }) => correct),
    row("spurious", ({ spurious }) => spurious),
    row("background", ({ background }) => background),
    row("spurious share", ({ spuriousRatio }) => spuriousRatio),
    row("R^2", ({ rSquared }) => rSquared),
    row("least margin", ({ minMargin }) => minMargin),
    row("least probability", ({ minProbability }) => minProbability),
  ];
}
