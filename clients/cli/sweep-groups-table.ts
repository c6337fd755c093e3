import { snakeCase } from "./measures.ts";
import { count, measure, percent } from "./numbers.ts";
import type { Output } from "./output.ts";
import { median, type SweepGroup, type SweepGroups } from "./sweep-groups.ts";
import { type Column, table } from "./table.ts";

/** At most so many groups, the last ones that there are. Of measures, medians over seeds. */
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
    { title: "GROUP", value: ({ group }) => String(group), align: "right", expendable: 7 },
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
    { title: "AT STEP", value: ({ grokked }) => count(median(grokked)), align: "right", expendable: 1 },
    {
      title: "MEMORIZED AT",
      value: ({ memorized }) => count(median(memorized)),
      align: "right",
      expendable: 3,
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
