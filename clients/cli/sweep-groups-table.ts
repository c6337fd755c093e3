import { snakeCase } from "./measures.ts";
import { count, measure, percent } from "./numbers.ts";
import type { Output } from "./output.ts";
import { median, quantile, type SweepGroup, type SweepGroups } from "./sweep-groups.ts";
import { type Column, table } from "./table.ts";

/** At most so many groups, the last ones that there are. Medians over seeds; of the times of stages also quartiles. */
export function groupLines(
  groups: SweepGroups,
  output: Pick<Output, "width" | "style">,
  most: number,
): string[] {
  const { all } = groups;
  if (all.length === 0) return [];
  const shown = all.slice(-most);
  const left = all.length - shown.length;
  return [
    ...(left > 0 ? [`… ${count(left)} groups before`] : []),
    ...table(shown, columnsOf(groups), output),
  ];
}

function columnsOf({ axes, seeds }: SweepGroups): readonly Column<SweepGroup>[] {
  const of = (done: number, all: number) => `${count(done)}/${count(all)}`;
  return [
    { title: "GROUP", value: ({ group }) => String(group), align: "right", expendable: 8 },
    ...axes.map(
      (parameter): Column<SweepGroup> => ({
        title: snakeCase(parameter).toUpperCase(),
        value: ({ coordinates }) => String(coordinates[parameter] ?? ""),
        align: "right",
      }),
    ),
    { title: "RUNS", value: ({ done }) => of(done, seeds), align: "right" },
    {
      title: "BAD",
      value: ({ bad }) => (bad === 0 ? "" : count(bad)),
      align: "right",
      format: () => "red",
    },
    { title: "GROKKED", value: ({ grokked, done }) => of(grokked.length, done), align: "right" },
    { title: "AT STEP", value: ({ grokked }) => spread(grokked), align: "right", expendable: 1 },
    {
      title: "MEMORIZED AT",
      value: ({ memorized }) => spread(memorized),
      align: "right",
      expendable: 3,
    },
    {
      title: "GENERALIZED AT",
      value: ({ generalized }) => spread(generalized),
      align: "right",
      expendable: 6,
    },
    { title: "LOSS", value: ({ trainLoss }) => measure(median(trainLoss)), align: "right", expendable: 4 },
    {
      title: "TEST",
      value: ({ testAccuracy }) => percent(median(testAccuracy)),
      align: "right",
      expendable: 2,
    },
    {
      title: "FORECAST",
      value: ({ forecast }) => percent(median(forecast)),
      align: "right",
      expendable: 5,
    },
  ];
}

/** 2,107 (2,041–2,188): the median, and the quartiles of more than one. */
function spread(steps: readonly number[]): string {
  const middle = count(median(steps));
  if (steps.length < 2) return middle;
  return `${middle} (${count(quantile(steps, 0.25))}–${count(quantile(steps, 0.75))})`;
}
