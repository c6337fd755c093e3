import { describe, expect, test } from "vitest";
import { npzFile } from "./npz.ts";
import {
  constant,
  moments,
  type RawEntry,
  rawFile,
  safetensorsOf,
  weights,
  withTrain,
} from "./testing/raw-safetensors.ts";
import { refusal } from "./testing/refusal.ts";
import { joined, smallState } from "./testing/state-files.ts";

/** A valid state with one entry of its header falsified. */
function changed(name: string, fields: RawEntry): Uint8Array {
  return safetensorsOf([...weights(), ...moments()], undefined, (header) => {
    header[name] = { ...header[name], ...fields };
  });
}

function header(entries: Readonly<Record<string, unknown>>): Uint8Array {
  return rawFile(JSON.stringify(entries));
}

describe("refused by its header, with the reason", () => {
  test.each<[string, Uint8Array, string]>([
    [
      "an empty file",
      new Uint8Array(0),
      "file: must not end inside its header; it ended after 0 of the 8 bytes",
    ],
    [
      "a file cut in the length",
      new Uint8Array(5),
      "file: must not end inside its header; it ended after 5 of",
    ],
    ["a file cut in the header", rawFile("{}").subarray(0, 9), "it ended after 1 of 2 bytes"],
    [
      "an empty header",
      rawFile(""),
      "file: must be a safetensors file, which begins with the length of its header, 2 to 1048576 bytes; got 0",
    ],
    [
      "a huge header",
      rawFile(`{${" ".repeat(2 ** 20)}`),
      "file: must be a safetensors file, which begins with the length of its header, 2 to 1048576 bytes; got 1048577",
    ],
    [
      "a header of 2^64 - 1 bytes",
      new Uint8Array(8).fill(255),
      "file: must be a safetensors file, which begins with the length of its header, 2 to 1048576 bytes; got 18446744073709551615",
    ],
    ["text", Buffer.from("step,loss\n"), "file: must be a safetensors file, which begins with the length"],
    [
      "an npz",
      joined(npzFile(smallState())),
      "file: must be a safetensors file; got a zip archive, such as .npz or what torch.save writes: only safetensors goes back in",
    ],
    ["no JSON", rawFile("theta"), 'file.header: must begin with "{"'],
    ["a JSON array", rawFile("[{}]"), 'file.header: must begin with "{"'],
    ["a JSON string", rawFile('"theta"'), 'file.header: must begin with "{"'],
    ["a space before the object", rawFile(" {}"), 'file.header: must begin with "{"'],
    ["a byte order mark", rawFile("\ufeff{}"), 'file.header: must begin with "{"'],
    ["invalid UTF-8", rawFile(Buffer.from('{"\xff": 1}', "latin1")), "file.header: must be UTF-8"],
    ["an unfinished object", rawFile('{"theta": '), "file.header: must have a value"],
    ["zeros after the object", rawFile("{}\0\0"), "file.header: must end after its value"],
    ["deep JSON", rawFile(`{"theta": ${"[".repeat(500_000)}`), "file.header: must be nested at most 4 deep"],
    ["duplicate keys", rawFile('{"theta": {}, "theta": {}}'), "file.header: must not have a key twice"],
    ["no tensors", rawFile("{}"), "file.theta: must be there; file.xi: must be there"],
    ["only one layer", safetensorsOf([constant("theta", 1)]), "file.xi: must be there"],
    [
      "some of the moments",
      safetensorsOf([...weights(), ...moments().slice(1)]),
      "file.theta_first: must be there: all four moments or none",
    ],
    [
      "metadata that aren't strings",
      safetensorsOf(weights(), { step: 1 }),
      "file.__metadata__: must be an object of",
    ],
    [
      "metadata that are a list",
      header({ __metadata__: [] }),
      "file.__metadata__: must be an object of strings",
    ],
    [
      "a tensor that is no object",
      header({ theta: 1 }),
      "file.theta: must be an object of dtype, shape, data_offsets",
    ],
    [
      "a tensor with another key",
      changed("theta", { extra: 1 }),
      "file.theta: must be an object of dtype, shape",
    ],
    [
      "a tensor without a dtype",
      header({ theta: { shape: [], data_offsets: [0, 0] } }),
      "file.theta: must be an object",
    ],
    ["a dtype that is a number", changed("xi", { dtype: 32 }), "file.xi.dtype: must be a string"],
    ["an unknown dtype", changed("xi", { dtype: "F31\n" }), 'file.xi.dtype: must be F32 or F64; got "F31?"'],
    [
      "a wrong dtype",
      changed("xi_first", { dtype: "F16" }),
      'file.xi_first.dtype: must be F32 or F64; got "F16"',
    ],
    ["bfloat16", changed("theta", { dtype: "BF16" }), 'file.theta.dtype: must be F32 or F64; got "BF16"'],
    [
      "a dtype of a megabyte",
      changed("xi", { dtype: "F".repeat(1e6) }),
      "file.xi.dtype: must be F32 or F64; got",
    ],
    [
      "a train of floats",
      withTrain("F32", [5, 5], new Float32Array(25)),
      'file.train.dtype: must be U8 or BOOL or I64; got "F32"',
    ],
    [
      "a shape that is a string",
      changed("theta", { shape: "8" }),
      "file.theta.shape: must be an array of at most 8",
    ],
    [
      "a shape with a fraction",
      changed("theta", { shape: [8, 5.5] }),
      "file.theta.shape: must be an array of at most 8",
    ],
    [
      "a shape of 3 dimensions",
      changed("theta", { shape: [8, 5, 1] }),
      "file.theta.shape: must be [M, p] with M 8 to",
    ],
    [
      "a shape of 1,000 dimensions",
      changed("theta", { shape: Array(1_000).fill(1) }),
      "file.theta.shape: must be an array",
    ],
    [
      "too narrow a network",
      safetensorsOf(weights([7, 5])),
      "file.theta.shape: must be [M, p] with M 8 to 65536",
    ],
    ["an even modulus", safetensorsOf(weights([8, 22])), "p odd, 3 to 199; got [8, 22]"],
    ["too large a modulus", changed("theta", { shape: [8, 201] }), "p odd, 3 to 199; got [8, 201]"],
    ["too wide a network", changed("theta", { shape: [65_537, 5] }), "got [65537, 5]"],
    [
      "layers of different widths",
      safetensorsOf([constant("theta", 1), constant("xi", 1, [9, 5])]),
      "file.xi.shape: must be theta's [8, 5]; got [9, 5]",
    ],
    [
      "a transposed layer",
      changed("xi", { shape: [5, 8] }),
      "file.xi.shape: must be theta's [8, 5]; got [5, 8]",
    ],
    [
      "a moment of another shape",
      changed("xi_second", { shape: [8, 3] }),
      "file.xi_second.shape: must be theta's",
    ],
    [
      "a mask of another modulus",
      withTrain("U8", [3, 3], new Uint8Array(9)),
      "file.train.shape: must be [p, p] = [5, 5]",
    ],
    [
      "a list of triples",
      withTrain("I64", [1, 3], new BigInt64Array(3)),
      "file.train.shape: must be [n] or [n, 2]",
    ],
    [
      "an empty list",
      withTrain("I64", [0], new BigInt64Array(0)),
      "file.train.shape: must be [n] or [n, 2] with n 1 to",
    ],
    [
      "a list of more than all pairs",
      withTrain("I64", [26], new BigInt64Array(26)),
      "n 1 to p^2 = 25; got [26]",
    ],
    [
      "offsets too close",
      changed("xi", { data_offsets: [160, 319] }),
      "file.xi.data_offsets: must be 160 bytes apart",
    ],
    [
      "offsets in reverse",
      changed("xi", { data_offsets: [320, 160] }),
      "file.xi.data_offsets: must be [begin, end]",
    ],
    [
      "negative offsets",
      changed("theta", { data_offsets: [-160, 0] }),
      "file.theta.data_offsets: must be [begin, end]",
    ],
    ["one offset", changed("theta", { data_offsets: [0] }), "file.theta.data_offsets: must be [begin, end]"],
    [
      "offsets beyond exact integers",
      changed("theta", { data_offsets: [2 ** 53, 2 ** 53 + 160] }),
      "file.theta.data_offsets: must be [begin, end], integers with 0 <= begin <= end <= 2^53 - 1",
    ],
    [
      "offsets of 1e400",
      rawFile('{"theta":{"dtype":"F32","shape":[8,5],"data_offsets":[0,1e400]}}'),
      "file.theta.data_offsets",
    ],
    [
      "the last exact offsets",
      changed("xi_second", { data_offsets: [2 ** 53 - 161, 2 ** 53 - 1] }),
      "file.xi_second.data_offsets: must begin at 800, where the data before it end; got 9007199254740831: a hole",
    ],
    [
      "overlapping offsets",
      changed("xi", { data_offsets: [156, 316] }),
      "file.xi.data_offsets: must begin at 160, where the data before it end; got 156: an overlap",
    ],
    [
      "tensors at one place",
      changed("xi", { data_offsets: [0, 160] }),
      "must begin at 160, where the data before it end; got 0: an overlap",
    ],
    [
      "a hole at the beginning",
      changed("theta", { data_offsets: [1_000, 1_160] }),
      "must begin at 0, where the data",
    ],
    [
      "a hole between tensors",
      safetensorsOf(weights(), undefined, ({ xi }) => Object.assign(xi!, { data_offsets: [164, 324] })),
      "file.xi.data_offsets: must begin at 160, where the data before it end; got 164: a hole",
    ],
  ])("%s", (_, bytes, reason) => {
    expect(refusal(bytes)).toContain(reason);
  });
});

describe("a tensor of another name is refused, its name shown harmlessly", () => {
  const must =
    "file: must hold no tensors but theta, xi, embedding, projection, the _first, _second and _average of these, and train; got";
  test.each([
    ["../../etc/passwd", '"../../etc/passwd"'],
    ["C:\\theta", '"C:\\theta"'],
    ["theta.npy", '"theta.npy"'],
    ["Theta", '"Theta"'],
    ["", '""'],
    ["__proto__", '"__proto__"'],
    ["constructor", '"constructor"'],
    ["theta\0", '"theta?"'],
    ['\u001b[31m\n\u202ered"', '"?[31m??red?"'],
    ["\ud800", '"?"'],
    ["x".repeat(1_000), `"${"x".repeat(77)}..."`],
  ])("%j", (name, shown) => {
    const text = `{${JSON.stringify(name)}: {"dtype": "F32", "shape": [], "data_offsets": [0, 4]}}`;
    expect(refusal(rawFile(text))).toBe(`${must} ${shown}`);
    expect(({} as Record<string, unknown>).dtype).toBeUndefined();
  });
});
