import { type Encoder, groups } from "./formats.ts";

const rowsAPiece = 500;

/** A JSON document a line: the points as `watch --json` prints them. */
export const encodeJsonLines: Encoder = async function* (points) {
  const encoder = new TextEncoder();
  for await (const group of groups(points, rowsAPiece)) {
    yield encoder.encode(group.map((point) => `${JSON.stringify(point)}\n`).join(""));
  }
};
