import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { toNpy } from "./npy.ts";

const tensor = { data: Float32Array.from({ length: 6 }, (_, i) => i / 2), shape: [2, 3] };

test("the numbers begin at a multiple of 64 bytes", () => {
  const bytes = Buffer.from(toNpy(tensor));
  expect(bytes.subarray(0, 8).toString("latin1")).toBe("\x93NUMPY\x01\x00");
  const begin = 10 + bytes.readUInt16LE(8);
  expect(begin % 64).toBe(0);
  expect(bytes[begin - 1]).toBe(10);
  expect(bytes.length).toBe(begin + 24);
});

const hasNumpy = spawnSync("/usr/bin/python3", ["-c", "import numpy"]).status === 0;

test.skipIf(!hasNumpy)("NumPy reads the array that was written", () => {
  const folder = mkdtempSync(join(tmpdir(), "grokbox-npy-"));
  writeFileSync(join(folder, "a.npy"), toNpy(tensor));
  const script = "import numpy; a = numpy.load('a.npy'); print(a.dtype, a.tolist())";
  const output = execFileSync("/usr/bin/python3", ["-c", script], { cwd: folder, encoding: "utf8" });
  rmSync(folder, { recursive: true });
  expect(output).toBe("float32 [[0.0, 0.5, 1.0], [1.5, 2.0, 2.5]]\n");
});
