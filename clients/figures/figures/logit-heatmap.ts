import type { Voting } from "@grokbox/sdk";
import type { TopLevelSpec } from "vega-lite";
import { sessionFigure, type View } from "../figure.ts";
import { describe } from "../session-text.ts";
import { colours, sequential } from "../style/palette.ts";
import { digits, heading, steps } from "../style/title.ts";

interface LogitRows {
  readonly session: string;
  readonly step: number;
  readonly activation: string;
  readonly task: string;
  readonly modulus: number;
  /** Of the pairs (0, y), y = 0..p-1: p logits each. */
  readonly logits: readonly (readonly number[])[];
  /** Mean logits of all pairs x != y at j = x + y, at j = 2x and 2y, and elsewhere. */
  readonly levels: {
    readonly correct: number;
    readonly spurious: number;
    /** Null for p = 3, which has no other residue. */
    readonly background: number | null;
  } | null;
}

async function read({ session, steps: [step = 0], at }: View): Promise<LogitRows> {
  const { modulus, task } = session.info.spec;
  const pairs = Array.from({ length: modulus }, (_, y) => [0, y] as const);
  const { logits, voting, activation } = await session.logits({ ...at(step), activation: "x^2", pairs });
  return {
    session: describe(session.info),
    step,
    activation,
    task,
    modulus,
    logits: pairs.map(([, y]) => [...logits.data.subarray(y * modulus, (y + 1) * modulus)]),
    levels: voting === undefined ? null : levelsOf(voting),
  };
}

function levelsOf({ correct, spurious, background }: Voting): NonNullable<LogitRows["levels"]> {
  return { correct, spurious, background: background ?? null };
}

function plot({ session, step, task, modulus, logits, levels }: LogitRows): TopLevelSpec {
  const values = logits.flatMap((row, y) => row.map((logit, j) => ({ y, j, logit })));
  // The theory is of addition. x = 0: 2x is 0 in every row, and the correct answer is y itself.
  const adds = task === "add";
  const predicted = Array.from({ length: modulus - 1 }, (_, i) => i + 1).flatMap((y) => [
    { y, j: 0 },
    { y, j: (2 * y) % modulus },
  ]);
  const cell = Math.max(5, Math.min(20, 480 / modulus));
  const x = { field: "j", type: "ordinal", title: "residue j", axis: { labelAngle: 0 } } as const;
  const y = { field: "y", type: "ordinal", title: "second input y" } as const;
  return {
    title: heading("Logits of x = 0 under x²", [
      `${session}, step ${steps(step)}; trained weights, nothing retrained`,
      ...(adds
        ? ["Boxed: where the theory predicts spurious logits, j = 2x and j = 2y; the diagonal is the truth"]
        : []),
      ...(levels === null
        ? []
        : [
            `Means over all x ≠ y: correct ${digits(levels.correct)}, spurious ${digits(levels.spurious)}, background ${digits(levels.background ?? undefined)}`,
          ]),
    ]),
    width: Math.round(cell * modulus),
    height: Math.round(cell * modulus),
    layer: [
      {
        data: { values },
        mark: { type: "rect" },
        encoding: {
          x,
          y,
          color: { field: "logit", type: "quantitative", title: "logit", scale: sequential },
        },
      },
      ...(adds
        ? [
            {
              data: { values: predicted },
              mark: { type: "rect" as const, filled: false, stroke: colours.vermilion, strokeWidth: 2 },
              encoding: { x, y },
            },
          ]
        : []),
    ],
  };
}

export const logitHeatmap = sessionFigure({
  id: "8",
  title: "How neurons vote: logits of x = 0",
  caption:
    "Under a quadratic activation the correct residue has the largest logit of every row, and two more stand out above the rest: j = 2x and j = 2y, just where the theory of voting puts its spurious terms.",
  preset: "standard",
  steps: [10_000],
  read,
  plot,
});
