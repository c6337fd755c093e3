import type { ExtraMeasure, ProgressPoint, ScheduledMeasure, Stage } from "@grokbox/sdk";
import { extraMeasures, snakeCase } from "./measures.ts";
import { count, measure, percent } from "./numbers.ts";
import type { Format, Style } from "./output.ts";
import { type PlotOptions, plot } from "./plot.ts";
import type { Column } from "./table.ts";

/** Progress points as a table of people. Widths are fixed, as more rows may come. */
export const pointColumns: readonly Column<ProgressPoint>[] = [
  number("STEP", 9, ({ step }) => count(step)),
  number("TRAIN LOSS", 10, ({ trainLoss }) => measure(trainLoss)),
  number("TEST LOSS", 9, ({ testLoss }) => measure(testLoss), 2),
  number("TRAIN", 6, ({ trainAccuracy }) => percent(trainAccuracy)),
  number("TEST", 6, ({ testAccuracy }) => percent(testAccuracy)),
  number("HELD OUT", 8, ({ accuracy }) => percent(accuracy.heldOut), 4),
  number("IPR", 7, ({ ipr }) => measure(ipr), 3),
  number("|SIN D|", 8, ({ meanAbsSinMisalignment }) => measure(meanAbsSinMisalignment), 5),
  number("NORM", 7, ({ parameterNorm }) => measure(parameterNorm), 6),
  {
    title: "STAGE",
    width: 14,
    value: ({ stage }) => stage ?? "",
    format: ({ stage }) => stageFormat(stage),
    expendable: 1,
  },
];

function number(
  title: string,
  width: number,
  value: (point: ProgressPoint) => string,
  expendable?: number,
): Column<ProgressPoint> {
  return { title, width, value, align: "right", ...(expendable === undefined ? {} : { expendable }) };
}

/** Of the extra measures that a session takes, in the order of its schedule. */
export function extraColumns(schedule: readonly ScheduledMeasure[]): Column<ProgressPoint>[] {
  return schedule.flatMap(({ measure: name }) =>
    name === "ipr" || name === "meanAbsSinMisalignment" ? [] : [extraColumn(name)],
  );
}

/** The first to go where there is no room, and empty on points that don't carry it. */
function extraColumn(name: ExtraMeasure): Column<ProgressPoint> {
  const title = snakeCase(name).toUpperCase().replaceAll("_", " ");
  const value = ({ extra }: ProgressPoint) => (extra?.[name] === undefined ? "" : measure(extra[name]));
  return { title, width: 8, value, align: "right", expendable: 7 };
}

export function stageFormat(stage: Stage | undefined): Format | undefined {
  switch (stage) {
    case "memorization":
      return "yellow";
    case "generalization":
      return "cyan";
    case "cleanup":
      return "green";
    default:
      return undefined;
  }
}

/** What a point measured, for `properties`. */
export function pointRows(point: ProgressPoint): (readonly [string, string])[] {
  const { trainLoss, testLoss, trainAccuracy, testAccuracy, ipr, meanAbsSinMisalignment } = point;
  const hasTest = testAccuracy !== undefined;
  return [
    ["loss", `${measure(trainLoss)} train${hasTest ? `, ${measure(testLoss)} test` : ""}`],
    ["accuracy", `${percent(trainAccuracy)} train${hasTest ? `, ${percent(testAccuracy)} test` : ""}`],
    ["IPR", measure(ipr)],
    ["mean |sin D|", measure(meanAbsSinMisalignment)],
    ["norms", `${measure(point.parameterNorm)} parameters, ${measure(point.gradientNorm)} gradient`],
    ["stage", point.stage ?? ""],
    ...extraMeasures.flatMap((name) => {
      const value = point.extra?.[name];
      return value === undefined ? [] : [[snakeCase(name), measure(value)] as const];
    }),
  ];
}

/** Loss, accuracy and extra measures over the steps; nothing for fewer than three points. */
export function curves(points: readonly ProgressPoint[], width: number, style: Style): string[] {
  if (points.length < 3) return [];
  const series = (
    train: (point: ProgressPoint) => number,
    test: (point: ProgressPoint) => number | undefined,
  ) =>
    [
      { label: "train", color: "cyan", points: points.map((point) => [point.step, train(point)] as const) },
      {
        label: "test",
        color: "yellow",
        points: points.flatMap((point) => {
          const y = test(point);
          return y === undefined ? [] : [[point.step, y] as const];
        }),
      },
    ] as const;
  const common = { width, height: 5, formatX: count, style };
  return [
    ...plot(
      series(
        (point) => point.trainLoss,
        (point) => point.testLoss,
      ).filter(hasPoints),
      {
        ...common,
        title: "loss, nats",
        isLogarithmic: true,
        formatY: measure,
      },
    ),
    "",
    ...plot(
      series(
        (point) => point.trainAccuracy,
        (point) => point.testAccuracy,
      ).filter(hasPoints),
      {
        ...common,
        title: "accuracy",
        bounds: [0, 1],
        formatY: percent,
      },
    ),
    ...extraMeasures.flatMap((name) => extraCurve(points, name, common)),
  ];
}

/** One extra measure over the steps that carry it; nothing for fewer than three. */
function extraCurve(
  points: readonly ProgressPoint[],
  name: ExtraMeasure,
  common: Pick<PlotOptions, "width" | "height" | "formatX" | "style">,
): string[] {
  const carried = points.flatMap(({ step, extra }) => {
    const value = extra?.[name];
    return value === undefined ? [] : [[step, value] as const];
  });
  if (carried.length < 3) return [];
  const title = snakeCase(name);
  return [
    "",
    ...plot([{ label: "", color: "cyan", points: carried }], { ...common, title, formatY: measure }),
  ];
}

function hasPoints({ points }: { readonly points: readonly unknown[] }): boolean {
  return points.length > 0;
}
