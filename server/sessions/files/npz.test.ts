import { describe, expect, test } from "vitest";
import { findPython, runPython } from "../../model/testing/python.ts";
import { arrays } from "../snapshot.ts";
import { npzFile } from "./npz.ts";
import { storedZip } from "./stored-zip.ts";
import { joined, smallState } from "./testing/state-files.ts";

const python = findPython("numpy");

describe.skipIf(python === undefined)("NumPy reads what is written, without pickle", () => {
  const load = `
import base64, io, json, sys, zipfile, numpy
raw = base64.b64decode(json.load(sys.stdin))
f = numpy.load(io.BytesIO(raw))
`;
  const input = (file = smallState()) => Buffer.from(joined(npzFile(file))).toString("base64");

  test("the same bits of every array", () => {
    const { state, train } = smallState();
    const names = [...arrays(state).map(({ name }) => name), "train"];
    const program = `${load}
for name in ${JSON.stringify(names)}:
    assert f[name].shape == ((5, 5) if name == "train" else (8, 5)), f[name].shape
    assert f[name].dtype == (numpy.bool_ if name == "train" else numpy.float32), f[name].dtype
    sys.stdout.buffer.write(f[name].tobytes())
`;
    const expected = Buffer.concat([...arrays(state).map(({ data }) => Buffer.from(data.buffer)), train]);
    expect(runPython(python!, program, input())).toEqual(new Uint8Array(expected));
  });

  test("step is a number and spec a string of JSON", () => {
    const file = { ...smallState(), step: 2 ** 52 };
    const program = `${load}
assert f["step"].shape == () and f["step"].dtype == numpy.int64
sys.stdout.write(json.dumps([int(f["step"]), json.loads(str(f["spec"]))]))
`;
    const [step, spec] = JSON.parse(Buffer.from(runPython(python!, program, input(file))).toString());
    expect(step).toBe(2 ** 52);
    expect(spec).toEqual(file.spec);
  });

  test("a state without moments has the arrays that it has", () => {
    const { state, ...rest } = smallState();
    const { moments: _, ...weights } = state;
    const program = `${load}
sys.stdout.write(json.dumps(f.files))
`;
    const output = runPython(python!, program, input({ ...rest, state: weights }));
    expect(JSON.parse(Buffer.from(output).toString())).toEqual(["theta", "xi", "train", "step", "spec"]);
  });

  test("the zip holds together: checksums, stored entries and the time of creation", () => {
    const program = `${load}
z = zipfile.ZipFile(io.BytesIO(raw))
assert z.testzip() is None
assert all(e.compress_type == zipfile.ZIP_STORED for e in z.infolist())
sys.stdout.write(json.dumps(z.infolist()[0].date_time))
`;
    const output = runPython(python!, program, input());
    expect(JSON.parse(Buffer.from(output).toString())).toEqual([2026, 2, 28, 12, 34, 56]);
  });

  test.each([
    [0, 1980],
    [Date.UTC(3000), 2107],
  ])("a time of creation %d that zip can't say is the nearest that it can", (createTimeMs, year) => {
    const program = `${load}
sys.stdout.write(str(zipfile.ZipFile(io.BytesIO(raw)).infolist()[0].date_time[0]))
`;
    const output = runPython(python!, program, input({ ...smallState(), createTimeMs }));
    expect(Buffer.from(output).toString()).toBe(String(year));
  });
});

test("arrays are sent from their own memory, and the size is known before", () => {
  const file = smallState();
  const { segments, totalBytes } = npzFile(file);
  expect(segments.reduce((sum, { length }) => sum + length, 0)).toBe(totalBytes);
  const memory = new Set(segments.map(({ buffer }) => buffer));
  for (const { data } of arrays(file.state)) expect(memory).toContain(data.buffer);
  expect(memory).toContain(file.train.buffer);
});

test("a zip of 4 GiB is refused before any byte is read", () => {
  const entry = (name: string) => ({ name, segments: Array(8).fill(new Uint8Array(2 ** 28)) });
  expect(() => storedZip([entry("a"), entry("b")], 0)).toThrow(/must be below 4 GiB/);
});
