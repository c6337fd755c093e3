import type { ProgressPoint, SessionInfo } from "@grokbox/sdk";
import { parquetMetadata, parquetReadObjects } from "hyparquet";
import { expect, test } from "vitest";
import { historyColumns } from "./columns.ts";
import { encoderOf, type HistoryFormat, historyFormatOf } from "./formats.ts";

const session = { name: "sessions/a", spec: { modulus: 23, activation: "relu" } } as unknown as SessionInfo;

function point(sequence: number): ProgressPoint {
  return {
    kind: "point",
    sequence,
    step: 100 * sequence,
    trainLoss: 1 / 3 / sequence,
    trainAccuracy: 0.5,
    accuracy: { common: 0.5 },
    parameterNorm: Math.PI,
    gradientNorm: 1e-300,
    ...(sequence === 2
      ? { testLoss: 2 / 3, stage: "cleanup" as const, extra: { iprTheta: 0.25, votingRSquared: 1 / 7 } }
      : {}),
  };
}

async function* points(count: number) {
  for (let sequence = 1; sequence <= count; sequence++) yield point(sequence);
}

async function encode(format: HistoryFormat, count: number): Promise<Buffer> {
  const pieces = [];
  for await (const piece of (await encoderOf(format))(points(count), session)) pieces.push(piece);
  return Buffer.concat(pieces);
}

test("CSV has a header, every digit, and nothing where there is nothing", async () => {
  const [header, first, second, ...rest] = (await encode("csv", 2)).toString().split("\n");
  expect(header).toBe(historyColumns.map(({ name }) => name).join(","));
  expect(first).toBe(`1,100,${1 / 3},,0.5,,0.5,,,,,,${Math.PI},1e-300,,,,,,,,,,,,,,,`);
  expect(second).toBe(
    `2,200,${1 / 6},${2 / 3},0.5,,0.5,,,,,,${Math.PI},1e-300,cleanup,0.25,,,,,,,,,,,,,${1 / 7}`,
  );
  expect(rest).toEqual([""]);
});

test("JSON lines are the points", async () => {
  const lines = (await encode("jsonl", 1_200)).toString().trimEnd().split("\n");
  expect(lines).toHaveLength(1_200);
  expect(JSON.parse(lines[1]!)).toEqual(point(2));
});

test.each([0, 1, 10_000, 25_000])("Parquet of %i points reads back as they were", async (count) => {
  const bytes = await encode("parquet", count);
  const file = new Uint8Array(bytes).buffer;
  const metadata = parquetMetadata(file);
  expect(metadata.row_groups).toHaveLength(Math.ceil(count / 10_000));
  expect(metadata.key_value_metadata).toEqual([
    { key: "grokbox.session", value: "sessions/a" },
    { key: "grokbox.spec", value: JSON.stringify(session.spec) },
  ]);
  const rows = await parquetReadObjects({ file });
  expect(rows).toHaveLength(count);
  for (const [i, row] of rows.entries()) {
    const expected = historyColumns.map(({ name, type, value }) => {
      const found = value(point(i + 1));
      return [name, type === "integer" ? BigInt(found!) : (found ?? null)];
    });
    const got = Object.entries(row).map(([name, value]) => [name, value ?? null]);
    if (i % 999 === 0 || i < 3) expect(got).toEqual(expected);
  }
});

test("a file's name tells its format", () => {
  expect(historyFormatOf("run.CSV")).toBe("csv");
  expect(historyFormatOf("a/b.ndjson")).toBe("jsonl");
  expect(historyFormatOf("a.parquet")).toBe("parquet");
  expect(historyFormatOf("run.csv/history")).toBeUndefined();
});
