import { createHash, randomBytes } from "node:crypto";
import { SessionService } from "@grokbox/proto/session";
import { FileFormat, SnapshotService } from "@grokbox/proto/snapshot";
import { expect, test } from "vitest";
import { connect, info, session, spec } from "./testing/messages.ts";
import { Failure, on, type Script, serve } from "./testing/scripted-server.ts";

const whole = new Uint8Array(randomBytes(500_000));
const digest = createHash("sha256").update(whole).digest("hex");
const found = on(SessionService.method.getSession, () => ({ session: session() }));
const taken = on(SnapshotService.method.snapshot, () => ({
  snapshot: { name: "sessions/a/snapshots/7", step: 7n, spec },
}));

const chunkBytes = 99_999;

/** Sends these bytes under the digest of `whole`, and breaks off after so many chunks of the first call. */
function file(bytes: Uint8Array, breakAfter = Number.POSITIVE_INFINITY, asked: FileFormat[] = []): Script {
  return on(SnapshotService.method.downloadSnapshot, async function* ({ name, format }) {
    const isFirst = asked.push(format) === 1;
    yield { part: { case: "snapshot" as const, value: { name, step: 7n, spec } } };
    yield { part: { case: "file" as const, value: { format, totalBytes: 500_000n } } };
    let sent = 0;
    for (let offset = 0; offset < bytes.length; offset += chunkBytes) {
      if (isFirst && sent++ >= breakAfter) throw new Failure(14, "restarting");
      const data = new Uint8Array(bytes.subarray(offset, offset + chunkBytes));
      yield { part: { case: "chunk" as const, value: { offset: BigInt(offset), data } } };
    }
    const sha256 = new Uint8Array(Buffer.from(digest, "hex"));
    yield { part: { case: "file" as const, value: { format, totalBytes: 500_000n, sha256 } } };
  });
}

async function read(script: Script, step?: number) {
  await using server = await serve(info, found, taken, script);
  await using box = await connect(server.address);
  const exported = await (await box.session("sessions/a")).export(step);
  return { bytes: await exported.bytes(), exported };
}

test("a snapshot comes as a file in chunks, and its size is known before", async () => {
  const asked: FileFormat[] = [];
  await using server = await serve(info, found, file(whole, undefined, asked));
  await using box = await connect(server.address);
  await using exported = await (await box.session("sessions/a")).export(7, { format: "npz" });
  expect(exported).toMatchObject({ totalBytes: 500_000, format: "npz", snapshot: { step: 7 } });
  expect(exported.sha256).toBeUndefined();
  const chunks = [];
  for await (const chunk of exported) chunks.push(chunk);
  expect(chunks.length).toBeGreaterThan(4);
  expect(Buffer.concat(chunks).equals(whole)).toBe(true);
  expect(exported.sha256).toBe(digest);
  expect(asked).toEqual([FileFormat.NPZ]);
  await expect(exported.bytes()).rejects.toMatchObject({ code: "FAILED_PRECONDITION" });
});

test("without a step a snapshot is taken first", async () => {
  const { bytes, exported } = await read(file(whole));
  expect(Buffer.from(bytes).equals(whole)).toBe(true);
  expect(exported.snapshot.name).toBe("sessions/a/snapshots/7");
});

test.each([0, 1, 3])("a download that breaks off after %i chunks goes on where it was", async (chunks) => {
  const { bytes, exported } = await read(file(whole, chunks), 7);
  expect(Buffer.from(bytes).equals(whole)).toBe(true);
  expect(exported.sha256).toBe(digest);
});

test("bytes that are not those announced, or not all of them, are refused at the end", async () => {
  const wrong = Uint8Array.from(whole);
  wrong[123_456]! ^= 1;
  await expect(read(file(wrong), 7)).rejects.toMatchObject({
    code: "DATA_LOSS",
    reason: "CHECKSUM_MISMATCH",
    metadata: { expected: digest },
  });
  await expect(read(file(whole.subarray(0, 400_000)), 7)).rejects.toMatchObject({
    code: "DATA_LOSS",
    message: expect.stringContaining("400000 of 500000 bytes came"),
  });
});

test("a file that is not wanted any more is not sent any further", async () => {
  let cancelled = false;
  const endless = on(SnapshotService.method.downloadSnapshot, async function* ({ name }, { signal }) {
    signal.addEventListener("abort", () => {
      cancelled = true;
    });
    yield { part: { case: "snapshot" as const, value: { name, step: 7n, spec } } };
    yield { part: { case: "file" as const, value: { totalBytes: 2n ** 50n } } };
    for (let offset = 0n; !signal.aborted; offset += 100_000n) {
      yield { part: { case: "chunk" as const, value: { offset, data: new Uint8Array(100_000) } } };
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  });
  await using server = await serve(info, found, endless);
  await using box = await connect(server.address);
  const handle = await box.session("sessions/a");
  {
    await using exported = await handle.export(7);
    expect(exported.totalBytes).toBe(2 ** 50);
  }
  await expect.poll(() => cancelled).toBe(true);
  cancelled = false;
  for await (const chunk of await handle.export(7)) {
    expect(chunk).toHaveLength(100_000);
    break;
  }
  await expect.poll(() => cancelled).toBe(true);
});

test("an unknown format is refused before anything is sent", async () => {
  await using server = await serve(info, found);
  await using box = await connect(server.address);
  const handle = await box.session("sessions/a");
  await expect(handle.export(7, { format: "mat" as never })).rejects.toMatchObject({
    reason: "INVALID_FIELD",
    message: expect.stringContaining("must be safetensors or npz; got mat"),
  });
});
