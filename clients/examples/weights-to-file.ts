// Writes a network's weights to theta.npy and xi.npy, for NumPy's np.load, in the folder given (left out: this one).
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Grokbox, type Tensor } from "@grokbox/sdk";

const folder = process.argv[2] ?? ".";

await using box = await Grokbox.connect("localhost:50051");
await using session = await box.start({ preset: "standard", seed: 42 });
await session.step(5_000);
const { theta, xi, step } = await session.download(); // takes a snapshot, fetches it, checks its SHA-256
for (const [name, tensor] of Object.entries({ theta, xi })) {
  await writeFile(join(folder, `${name}.npy`), npy(tensor));
  console.log(`${name}.npy: float32 [${tensor.shape}] at step ${step}`);
}

/** NumPy's file format, version 1.0: a magic string, a header padded to 64 bytes, and the numbers. */
function npy({ data, shape }: Tensor): Buffer {
  const text = `{'descr': '<f4', 'fortran_order': False, 'shape': (${shape.join(", ")}), }`;
  const header = `${text.padEnd(Math.ceil((10 + text.length + 1) / 64) * 64 - 11)}\n`;
  const length = Uint8Array.of(header.length % 256, header.length >> 8);
  return Buffer.concat([
    Buffer.from("\x93NUMPY\x01\x00", "latin1"),
    length,
    Buffer.from(header),
    bytesOf(data),
  ]);
}

function bytesOf({ buffer, byteOffset, byteLength }: Float32Array): Buffer {
  return Buffer.from(buffer as ArrayBuffer, byteOffset, byteLength);
}
