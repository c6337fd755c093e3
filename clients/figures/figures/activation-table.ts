import type { TopLevelSpec } from "vega-lite";
import { sessionFigure, type View } from "../figure.ts";
import { describe } from "../session-text.ts";
import { tableSpec } from "../style/table.ts";
import { digits, heading, steps } from "../style/title.ts";

interface ActivationTable {
  readonly session: string;
  readonly step: number;
  readonly modulus: number;
  /** Over all p^2 pairs: accuracy 0 to 1, mean loss in nats, null where it is not finite. */
  readonly rows: readonly {
    readonly activation: string;
    readonly accuracy: number;
    readonly loss: number | null;
  }[];
}

/** As people write them. */
const names: Readonly<Record<string, string>> = {
  relu: "relu",
  abs: "|x|",
  "x^2": "x²",
  "x^4": "x⁴",
  "x^8": "x⁸",
  softplus2: "log(1 + e²ˣ)",
  exp: "eˣ",
  identity: "x",
  "x^3": "x³",
};

async function read({ session, steps: [step = 0], at }: View): Promise<ActivationTable> {
  const scores = await session.swapActivation(Object.keys(names), { ...at(step), evaluateOnly: true });
  return {
    session: describe(session.info),
    step,
    modulus: session.info.spec.modulus,
    rows: scores.map(({ activation, accuracy, loss = null }) => ({ activation, accuracy, loss })),
  };
}

function plot({ session, step, modulus, rows }: ActivationTable): TopLevelSpec {
  const pairs = modulus * modulus;
  return tableSpec(
    heading("The same weights under other activations", [
      `${session}, step ${steps(step)}; nothing retrained`,
      `Over all ${pairs.toLocaleString("en-US")} pairs; chance is ${percent(1 / modulus)}`,
    ]),
    [
      { title: "activation", width: 150 },
      { title: "accuracy", width: 110 },
      { title: "right", width: 110 },
      { title: "mean loss, nats", width: 140 },
    ],
    rows.map(({ activation, accuracy, loss }) => [
      names[activation] ?? activation,
      percent(accuracy),
      `${Math.round(accuracy * pairs)} of ${pairs}`,
      digits(loss ?? undefined),
    ]),
  );
}

const percent = (share: number) => `${(100 * share).toFixed(share === 1 ? 0 : 2)}%`;

export const activationTable = sessionFigure({
  id: "swap",
  title: "Activations swapped",
  caption:
    "A network that was trained with ReLU answers everything right under any activation with an even part, and is at chance under the odd ones, x and x³: only the even part of the activation votes for the sum.",
  preset: "standard",
  steps: [10_000],
  read,
  plot,
});
