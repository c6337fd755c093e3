import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { findPython, runPython } from "../../model/testing/python.ts";
import { arrays } from "../snapshot.ts";
import { safetensorsFile } from "./safetensors.ts";
import { readSafetensors } from "./safetensors-reader.ts";
import { bits, cutAt, joined, smallState, stateFiles } from "./testing/state-files.ts";

test("what is written is read with the same bits, in any chunking", async () => {
  await fc.assert(
    fc.asyncProperty(stateFiles, fc.array(fc.nat({ max: 5_000 }), { maxLength: 20 }), async (file, cuts) => {
      const read = await readSafetensors(cutAt(joined(safetensorsFile(file)), cuts));
      expect(read).toMatchObject({ modulus: file.spec.modulus, width: file.spec.width, step: file.step });
      expect(read.spec).toEqual(file.spec);
      expect(read.train).toEqual(file.train);
      expect(read.state.step).toBe(file.step);
      expect(bits(read.state)).toEqual(bits(file.state));
    }),
    { numRuns: 200 },
  );
});

test("a file that comes byte by byte is read", async () => {
  const file = smallState();
  const bytes = joined(safetensorsFile(file));
  const read = await readSafetensors(Array.from(bytes, (byte) => Uint8Array.of(byte)));
  expect(bits(read.state)).toEqual(bits(file.state));
});

test("an explicit split of every pair at p = 199 fits the header's limit", async () => {
  const [modulus, width] = [199, 8];
  const numbers = () => new Float32Array(modulus * width).fill(0.5);
  const trainPairs = Array.from({ length: modulus * modulus }, (_, i) => i);
  const { spec, ...rest } = smallState();
  const file = {
    ...rest,
    step: 0,
    spec: { ...spec, modulus, width, split: { kind: "explicit", trainPairs } as const },
    state: { step: 0, theta: numbers(), xi: numbers() },
    train: new Uint8Array(modulus * modulus).fill(1),
  };
  const read = await readSafetensors(safetensorsFile(file).segments);
  expect(read.spec).toEqual(file.spec);
});

test("arrays are sent from their own memory, after a header that ends at a multiple of 8 bytes", () => {
  const file = smallState();
  const { segments, totalBytes } = safetensorsFile(file);
  const [header, ...data] = segments;
  expect(header.length % 8).toBe(0);
  expect(Number(Buffer.from(header).readBigUInt64LE())).toBe(header.length - 8);
  expect(data.map(({ buffer }) => buffer)).toEqual(
    [...arrays(file.state).map(({ data }) => data), file.train].map(({ buffer }) => buffer),
  );
  for (const [i, { data: array }] of arrays(file.state).entries()) expect(data[i].buffer).toBe(array.buffer);
  expect(totalBytes).toBe(joined({ segments, totalBytes }).length);
});

const program = `
import base64, json, struct, sys, numpy
raw = base64.b64decode(json.load(sys.stdin))
n = struct.unpack("<Q", raw[:8])[0]
header = json.loads(raw[8:8 + n].decode("utf-8"))
types = {"F32": numpy.float32, "BOOL": numpy.bool_}
def tensor(name):
    begin, end = header[name]["data_offsets"]
    return numpy.frombuffer(raw[8 + n + begin:8 + n + end], types[header[name]["dtype"]]).reshape(header[name]["shape"])
names = ["theta", "xi", "theta_first", "theta_second", "xi_first", "xi_second", "train"]
assert sorted(header) == sorted(names + ["__metadata__"]), header.keys()
assert header["train"]["data_offsets"][1] == len(raw) - 8 - n
m = header["__metadata__"]
assert (m["format"], m["version"], m["step"], m["session"]) == ("grokbox", "1", "7", "sessions/small"), m
assert m["create_time"] == "2026-02-28T12:34:56.000Z", m
assert json.loads(m["spec"])["optimizer"]["beta2"] == 0.98
`;

describe("Python reads the file, parsed by hand", () => {
  const file = smallState();
  const input = Buffer.from(joined(safetensorsFile(file))).toString("base64");
  const expected = new Uint8Array(Buffer.concat(safetensorsFile(file).segments.slice(1)));

  const numpy = findPython("numpy");
  test.skipIf(numpy === undefined)("NumPy gets the same bits", () => {
    const write = "for name in names: sys.stdout.buffer.write(tensor(name).tobytes())";
    expect(runPython(numpy!, program + write, input)).toEqual(expected);
  });

  const torch = findPython("numpy", "torch");
  test.skipIf(torch === undefined)("PyTorch gets the same bits", () => {
    const write = `import torch
for name in names: sys.stdout.buffer.write(torch.from_numpy(tensor(name).copy()).contiguous().numpy().tobytes())`;
    expect(runPython(torch!, program + write, input)).toEqual(expected);
  });
});

const published = fileURLToPath(new URL("../../../../shared/reference", import.meta.url));
const runs = ["grokking", "quad_single_freq", "relu_single_freq", "standard"];
const states = ["step-0", "step-2200", "step-final"];

describe.skipIf(!existsSync(published))("published weights", () => {
  test.each(runs.flatMap((run) => states.map((state) => `${run}/${state}.safetensors`)))(
    "%s is read, as a state at step 0",
    async (path) => {
      const bytes = readFileSync(`${published}/${path}`);
      const read = await readSafetensors(cutAt(bytes, [100, 1_000, 50_001]));
      const { theta, xi } = read.state;
      expect(Object.keys(read).sort()).toEqual(["modulus", "state", "step", "width"]);
      expect(read).toMatchObject({ modulus: 23, width: 512, step: 0, state: { step: 0 } });
      expect(Buffer.concat([theta, xi].map(({ buffer }) => Buffer.from(buffer)))).toEqual(
        bytes.subarray(bytes.length - 2 * 512 * 23 * 4),
      );
    },
  );
});
