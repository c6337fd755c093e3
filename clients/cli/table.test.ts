import { expect, test } from "vitest";
import { type Column, properties, table } from "./table.ts";

interface Row {
  readonly name: string;
  readonly steps: string;
  readonly note: string;
}

const columns: readonly Column<Row>[] = [
  { title: "NAME", value: ({ name }) => name },
  { title: "STEPS", value: ({ steps }) => steps, align: "right", expendable: 1 },
  { title: "NOTE", value: ({ note }) => note, expendable: 2, isFlexible: true },
];
const rows: readonly Row[] = [
  { name: "a", steps: "12,300", note: "a note that is rather long, as notes may be" },
  { name: "bcdef", steps: "5", note: "" },
];

test("columns stand below each other, numbers to the right, without blanks at the end", () => {
  expect(table(rows, columns)).toEqual([
    "NAME    STEPS  NOTE",
    "a      12,300  a note that is rather long, as notes may be",
    "bcdef       5",
  ]);
});

test("where there is no room the last is cut short, then what can be spared goes", () => {
  expect(table(rows, columns, { width: 45 })[1]).toBe("a      12,300  a note that is rather long, a…");
  expect(table(rows, columns, { width: 30 })[1]).toBe("a      12,300");
  expect(table(rows, columns, { width: 8 })).toEqual(["NAME", "a", "bcdef"]);
});

test("a column that is empty in all rows is left out", () => {
  expect(table(rows.slice(1), columns)).toEqual(["NAME   STEPS", "bcdef      5"]);
});

test("properties without a value are left out", () => {
  expect(
    properties([
      ["loss", "3"],
      ["stage", ""],
      ["accuracy", "1"],
    ]),
  ).toEqual(["  loss      3", "  accuracy  1"]);
});
