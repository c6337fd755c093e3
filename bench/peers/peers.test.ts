import { execFile } from "node:child_process";
import { tmpdir } from "node:os";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { findPython } from "../../server/model/testing/python.ts";
import { bestPeer } from "./best-peer.ts";
import { PeerProcess } from "./peer-process.ts";

const python = findPython("torch", "numpy")!;

const effort = { rounds: 1, milliseconds: 2 };

describe.skipIf(python === undefined)("the peers in PyTorch", () => {
  const itAtLength = it.skipIf(process.env.LONG_TESTS === undefined);

  itAtLength("train what the float64 reference trains, in every style that this version has", async () => {
    const args = [
      `${import.meta.dirname}/peer.py`,
      "--shapes",
      "5x16,9x8",
      "--rounds",
      "1",
      "--seconds",
      "0.01",
    ];
    const { stdout } = await promisify(execFile)(python, args);
    const rows = stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    for (const style of ["autograd", "hand gemm", "hand gather", "hand shift"]) {
      const measured = rows.filter((row) => row.style === style);
      expect(measured.map(({ p }) => p)).toEqual([5, 9]);
      for (const row of measured) {
        expect(row).not.toHaveProperty("error");
        expect(row.checked.steps).toBe(100);
        expect(row.checked.lossError).toBeLessThan(1e-6);
        expect(row.checked.updateError).toBeLessThan(1e-3);
        expect(row.stepsPerSecond).toBeGreaterThan(0);
      }
    }
    expect(rows.filter((row) => "best" in row).map(({ p }) => p)).toEqual([5, 9]);
  });

  it("are refused when they compute something else", async () => {
    const program = `
import json, sys
sys.path.insert(0, ${JSON.stringify(import.meta.dirname)})
import torch_styles, worker
torch_styles.BETA2 = 0.97
print(json.dumps(worker.Worker("torch", "cpu").open(
    {"open": "hand gemm", "modulus": 5, "width": 16, "checkSteps": 100})))`;
    const { stdout } = await promisify(execFile)(python, ["-c", program]);
    expect(JSON.parse(stdout).error).toMatch(/^computes something else: updateError 0\.\d+$/);
  });

  it("take turns with an engine, the fastest of them", async () => {
    const source = { python, frameworks: ["torch"] } as const;
    const { choice, peer } = await bestPeer(source, { p: 5, width: 16 }, 1, effort, tmpdir());
    using taken = peer!;
    const fastest = Math.max(...choice.candidates.map(({ stepsPerSecond }) => stepsPerSecond ?? 0));
    const { style } = choice.candidates.find(({ stepsPerSecond }) => stepsPerSecond === fastest)!;
    expect(taken.name).toContain(`, ${style}, `);
    const { seconds, cpuSeconds } = await taken.measure();
    expect(seconds).toBeGreaterThan(0);
    expect(cpuSeconds).toBeGreaterThan(0);
  });

  itAtLength("answer what is wrong with a request, and the next one", async () => {
    using process = new PeerProcess({ python, framework: "torch", threads: 1 });
    await expect(process.advance(1)).rejects.toThrow("no style is open");
    await expect(process.open("hand knitted", 5, 16, tmpdir())).rejects.toThrow();
    expect(await process.styles(5, 16)).toContain("hand gemm");
  });
});

it("says why there is no peer", async () => {
  const source = { python: "/nowhere/python3", frameworks: ["torch", "jax"] } as const;
  const { choice, peer } = await bestPeer(source, { p: 5, width: 16 }, 1, effort, tmpdir());
  expect(peer).toBeUndefined();
  expect(choice.best).toBeNull();
  expect(choice.candidates).toEqual([
    { framework: "torch", error: expect.stringContaining("/nowhere/python3") },
    { framework: "jax", error: expect.stringContaining("/nowhere/python3") },
  ]);
});
